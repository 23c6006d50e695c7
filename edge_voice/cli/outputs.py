"""Where transcripts go: names below the output folder, written whole or not at all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import TextIO

from edge_voice import sniff
from edge_voice.cli.inputs import Source
from edge_voice.errors import OptionError, StoreError


def plan(
    sources: Sequence[Source], formats: Sequence[str], folder: Path
) -> dict[Source, dict[str, Path]]:
    """Output path of each recording in each format, `FOLDER/STEM.FORMAT`.

    Recordings that share a stem keep their suffix (`talk.wav.txt`, `talk.mp3.txt`).

    Raises:
        OptionError: Two recordings would still write one file, or one would replace an input.
    """
    readable = [source for source in sources if source.failure is None]
    shared = Counter(_stem(source) for source in readable)
    inputs = {os.path.abspath(source.path) for source in readable}
    targets: dict[Source, dict[str, Path]] = {}
    owners: dict[Path, Source] = {}
    for source in readable:
        stem = source.relative if shared[_stem(source)] > 1 else _stem(source)
        targets[source] = {name: folder / f"{stem}.{name}" for name in formats}
        for path in targets[source].values():
            if os.path.abspath(path) in inputs:
                raise OptionError(f"{source.path}: its output {path} would replace an input")
            if (other := owners.setdefault(path, source)) is not source:
                raise OptionError(
                    f"{other.path} and {source.path} would both be written to {path} "
                    "(allowed: one call for each, with different -o folders)"
                )
    return targets


def make_folder(folder: Path) -> None:
    """Makes the output folder.

    Raises:
        StoreError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_written(folder, error) from error


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A text file that takes its name only when it is complete; replaces an existing one.

    Raises:
        StoreError: Disk full, no permission, and so on; nothing is left behind.
    """
    temporary = path.with_name(f".edge-voice-{os.getpid()}.part")
    make_folder(path.parent)
    try:
        with temporary.open("w", encoding="utf-8", errors="replace", newline="\n") as stream:
            yield stream
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):  # most often it was never there; the first error is the one
            temporary.unlink()
        if isinstance(error, OSError) and not isinstance(error, StoreError):
            raise _not_written(path, error) from error
        raise


def _stem(source: Source) -> PurePath:
    relative = source.relative
    return relative.with_suffix("") if relative.suffix.lower() in sniff.SUFFIXES else relative


def _not_written(path: Path, error: OSError) -> StoreError:
    return StoreError(f"{path}: cannot be written: {error.strerror or error}")
