"""Prepared voices: what a model makes of a voice alone, kept in its bundle.

A voice stands before the text and attention looks back only, so keys and values of that prefix are
the same for every text. They are computed once and stored as float16, one file a voice, listed in
the manifest like every other file. A file's name ends in a digest of what it was computed from, so
that one made by other weights or of other rows is never taken for the right one.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.errors import EdgeVoiceError, ModelError, StoreError
from edge_voice.folder_lock import locked
from edge_voice.hub.verify import is_intact, sha256_file
from edge_voice.manifest import FileEntry, Manifest

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)
_ROLE = "prefix."
_FILES = "prefix-*"
_DIGEST_CHARACTERS = 16
_NAME_CHARACTERS = 40


def label(voice: str) -> str:
    """What a prepared voice is called in the manifest: of a voice that is a file, the file's."""
    return Path(voice).name.encode(errors="backslashreplace").decode()  # names hold any bytes


def file_name(manifest: Manifest, voice: str, rows: Array) -> str:
    """The name that a prepared voice must have to belong to this model and these rows."""
    digest = hashlib.sha256(label(voice).encode())
    prepared = _prepared_files(manifest)
    for name, entry in sorted(manifest.files.items()):
        if name not in prepared:
            digest.update(f"\n{name} {entry.sha256}".encode())
    digest.update(np.ascontiguousarray(rows).tobytes())
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", label(voice))[:_NAME_CHARACTERS]
    return f"prefix-{plain}-{digest.hexdigest()[:_DIGEST_CHARACTERS]}.npy"


def load(folder: Path, manifest: Manifest, voice: str, rows: Array) -> Array | None:
    """A prepared voice, memory-mapped; None where there is none that fits.

    Raises:
        ModelError: Its file is damaged.
    """
    file = manifest.assets.get(_ROLE + label(voice))
    if file is None:
        return None
    if file != file_name(manifest, voice, rows):
        _log.warning(
            "%s was prepared with another model or of other rows, and is not used"
            " (edge-voice voices prepare makes it anew)", file
        )  # fmt: skip
        return None
    try:
        return np.asarray(np.load(folder / file, mmap_mode="r", allow_pickle=False))
    except FileNotFoundError:  # another process has removed it since the bundle was opened
        return None
    except (OSError, ValueError, EOFError) as error:
        raise ModelError(f"{file}: not a prepared voice: {error}") from None


def save(folder: Path, opened: Manifest, voice: str, rows: Array, state: Array) -> Manifest:
    """Adds a prepared voice to a bundle, whole or not at all.

    Args:
        folder: The bundle.
        opened: Its manifest when the model was opened that computed the state.
        voice: Name, or file of rows.
        rows: (n, width) that the state was computed of.
        state: What `KVCache.snapshot` gave.

    Returns:
        The new manifest.

    Raises:
        ModelError: The state has numbers that float16 cannot hold, or the bundle is another now.
        StoreError: The folder cannot be written.
    """
    with np.errstate(over="ignore"):
        rounded = state.astype(np.float16)
    if not np.isfinite(rounded).all():
        raise ModelError(f"voice {voice!r} cannot be prepared: numbers too large for float16")
    with _alone(folder):
        manifest = Manifest.load(folder)  # another process may have added a voice meanwhile
        path = folder / file_name(opened, voice, rows)
        if path.name != file_name(manifest, voice, rows):
            raise ModelError(f"{folder} was replaced while voice {voice!r} was prepared")
        entry = _write(path, rounded)
        manifest = _without(manifest, [label(voice)])
        manifest = replace(
            manifest,
            assets={**manifest.assets, _ROLE + label(voice): path.name},
            files={**manifest.files, path.name: entry},
        )
        _save(folder, manifest)
    return manifest


def _write(path: Path, values: Array) -> FileEntry:
    temporary = path.with_name(f"{path.name}.part")
    try:
        with temporary.open("wb") as stream:
            np.save(stream, values)
        entry = FileEntry(temporary.stat().st_size, sha256_file(temporary))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return entry


def remove(folder: Path, voices: Collection[str] = ()) -> dict[str, int]:
    """Takes prepared voices out of a bundle, all of them by default.

    Returns:
        Voice → bytes of what is gone.

    Raises:
        StoreError: The folder cannot be written.
    """
    with _alone(folder):
        manifest = Manifest.load(folder)
        wanted = {label(voice) for voice in voices}
        gone = {v: n for v, n in sizes(manifest).items() if not wanted or v in wanted}
        _save(folder, _without(manifest, gone))
    return gone


def remove_damaged(folder: Path) -> list[str]:
    """Takes those out whose files are not what the manifest says; returns their voices."""
    manifest = Manifest.load(folder)
    damaged = [
        voice
        for voice in sizes(manifest)
        if not is_intact(folder / (name := manifest.assets[_ROLE + voice]), manifest.files[name])
    ]
    if damaged:
        remove(folder, damaged)
    return damaged


def sizes(manifest: Manifest) -> dict[str, int]:
    """Voice → bytes of all prepared voices of a bundle."""
    return {
        role.removeprefix(_ROLE): manifest.files[name].bytes
        for role, name in manifest.assets.items()
        if role.startswith(_ROLE)
    }


def _prepared_files(manifest: Manifest) -> set[str]:
    return {name for role, name in manifest.assets.items() if role.startswith(_ROLE)}


def _without(manifest: Manifest, voices: Collection[str]) -> Manifest:
    roles = {_ROLE + voice for voice in voices}
    names = {manifest.assets[role] for role in roles if role in manifest.assets}
    return replace(
        manifest,
        assets={role: name for role, name in manifest.assets.items() if role not in roles},
        files={name: entry for name, entry in manifest.files.items() if name not in names},
    )


def _save(folder: Path, manifest: Manifest) -> None:
    """Writes the manifest; what it does not list goes, leftovers of killed processes included."""
    manifest.save(folder)
    for path in folder.glob(_FILES):
        if path.name not in manifest.files:
            path.unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps other processes from changing the bundle meanwhile.

    Raises:
        StoreError: The folder cannot be written.
    """
    try:
        with locked(folder):
            yield
    except EdgeVoiceError:
        raise
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written: {error.strerror or error}") from None
