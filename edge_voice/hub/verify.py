"""Whether a bundle's files are the ones its manifest names."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from edge_voice.errors import ChecksumMismatch, StoreError
from edge_voice.hub import store
from edge_voice.manifest import FILE_NAME, FileEntry, Manifest


def verify_bundle(folder: Path) -> list[str]:
    """Re-hashes every file of a bundle; returns one line per problem, none when all is well.

    Raises:
        ManifestError: The manifest itself is missing or damaged.
        StoreError: A file cannot be read.
    """
    manifest = Manifest.load(folder)
    problems = []
    for name, entry in manifest.files.items():
        if problem := _check_file(folder / name, entry):
            problems.append(f"{problem}: {name}")
    known = {*manifest.files, FILE_NAME}
    problems += [f"extra: {path.name}" for path in _entries(folder) if path.name not in known]
    return problems


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """Checks that every file is there and has its size: quick enough for each start.

    Raises:
        ChecksumMismatch: Names the first file that is missing, cut short or grown.
    """
    for name, entry in manifest.files.items():
        try:
            size = (folder / name).stat().st_size
        except OSError as error:
            raise ChecksumMismatch(f"{folder / name}: {error.strerror}") from None
        if size != entry.bytes:
            raise ChecksumMismatch(
                f"{folder / name}: {size} bytes, the manifest says {entry.bytes}"
            )


def check_files(folder: Path, manifest: Manifest) -> None:
    """Checks that every file is the one the manifest names.

    Hashing takes about 0.6 s per gigabyte, so it is done once: the store remembers size and times
    of the files that were found good, and a file that is still the same is not read again.

    Raises:
        ChecksumMismatch: Names the first file that is missing or changed.
        StoreError: A file cannot be read.
    """
    check_sizes(folder, manifest)
    record = store.root() / "verified" / f"{_digest(str(folder.resolve()))}.json"
    stamps = {name: _stamp(folder / name, entry) for name, entry in manifest.files.items()}
    known = _read_record(record)
    for name, entry in manifest.files.items():
        if known.get(name) != stamps[name] and _check_file(folder / name, entry):
            raise ChecksumMismatch(f"{folder / name}: its content is not what the manifest says")
    if known != stamps:
        _write_record(record, stamps)


def _stamp(path: Path, entry: FileEntry) -> str:
    status = path.stat()
    times = f"{status.st_ino} {status.st_mtime_ns} {status.st_ctime_ns}"
    return f"{entry.sha256} {entry.bytes} {times}"


def _read_record(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write_record(path: Path, stamps: dict[str, str]) -> None:
    """Without a place to remember, the files are hashed again the next time."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.part")
        temporary.write_text(json.dumps(stamps))
        temporary.replace(path)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:32]


def sha256_file(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_intact(path: Path, entry: FileEntry) -> bool:
    """Whether a file is the one that a manifest names, every byte of it.

    Raises:
        StoreError: It cannot be read.
    """
    return _check_file(path, entry) is None


def _check_file(path: Path, entry: FileEntry) -> str | None:
    if not path.is_file():
        return "missing"
    try:
        if path.stat().st_size != entry.bytes:
            return "changed"
        return None if sha256_file(path) == entry.sha256 else "changed"
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from None


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())
