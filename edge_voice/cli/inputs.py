"""What FILES on the command line stand for: files, folders, patterns and `-`."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from edge_voice import sniff
from edge_voice.errors import AudioError

STDIN = "-"


@dataclass(frozen=True)
class Source:
    """One recording.

    Attributes:
        path: Where it is; `-` is standard input.
        relative: Where its outputs go below the output folder: the name, with the folders below
            the one that was given.
        failure: Set if there is nothing to read; takes the recording's place in the order.
    """

    path: str
    relative: PurePath
    failure: AudioError | None = None

    @property
    def is_stdin(self) -> bool:
        """Whether it is standard input."""
        return self.path == STDIN


def expand(arguments: Iterable[str]) -> list[Source]:
    """Recordings in the order given; folders and patterns sorted; each file once."""
    found: dict[str, Source] = {}
    for argument in arguments:
        for source in _expand(argument):
            key = source.path if source.is_stdin else os.path.abspath(source.path)
            found.setdefault(key, source)
    return list(found.values())


def _expand(argument: str) -> Iterator[Source]:
    if argument == STDIN:
        yield Source(STDIN, PurePath("stdin"))
    elif os.path.exists(argument) or not glob.has_magic(argument):
        # A name that exists is that file, even if it could be read as a pattern.
        yield from _file_or_folder(argument)
    elif matches := sorted(glob.glob(argument, recursive=True)):
        for match in matches:
            yield from _file_or_folder(match)
    else:
        yield _failed(argument, "no such file, and nothing matches it as a pattern")


def _file_or_folder(path: str) -> Iterator[Source]:
    if os.path.isdir(path):
        yield from _folder(path)
    elif not os.path.lexists(path):
        yield _failed(path, "no such file")
    else:
        yield Source(path, PurePath(os.path.basename(path)))


def _folder(folder: str) -> Iterator[Source]:
    unreadable: list[OSError] = []
    paths = sorted(_audio_files(folder, unreadable))
    for path in paths:
        yield Source(path, PurePath(os.path.relpath(path, folder)))
    for error in unreadable:
        yield _failed(os.fsdecode(error.filename), f"cannot be read: {error.strerror}")
    if not paths and not unreadable:
        known = ", ".join(sorted(sniff.SUFFIXES))
        yield _failed(folder, f"no audio file in this folder (looked for {known})")


def _audio_files(folder: str, unreadable: list[OSError]) -> Iterator[str]:
    for parent, folders, names in os.walk(folder, onerror=unreadable.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            # Hidden names are skipped: macOS leaves a `._talk.wav` beside each `talk.wav`.
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in sniff.SUFFIXES:
                yield os.path.join(parent, name)


def _failed(path: str, reason: str) -> Source:
    return Source(path, PurePath(path), AudioError(f"{path}: {reason}"))
