"""Whether a bundle's files are the ones its manifest names."""

from __future__ import annotations

import hashlib
from pathlib import Path

from edge_voice.errors import ChecksumMismatch, StoreError
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


def sha256_file(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
