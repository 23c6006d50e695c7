"""The store: where bundles live on this machine, what is there, and who may write.

Layout under the root, all plain files:

    models/NAME/PRECISION/   installed bundles
    weights/NAME/KEY/        downloaded checkpoints (`*.part` while growing), gone after the export
    staging/NAME/            work in progress; whatever is left over is swept at the next chance
    locks/NAME.lock          held by the one process that pulls or removes the model
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edge_voice.errors import EdgeVoiceError, ModelNotFound, OptionError, StoreError
from edge_voice.manifest import FILE_NAME

PRECISIONS = ("fp32", "int8", "int4", "balanced")
DEFAULT_PRECISION = "int8"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


@dataclass(frozen=True, slots=True)
class Bundle:
    """An installed bundle; `bytes` is what its files take on disk."""

    name: str
    precision: str
    folder: Path
    bytes: int


def root() -> Path:
    """`$EDGE_VOICE_HOME`, else `edge_voice` in the XDG data folder."""
    if home := os.environ.get("EDGE_VOICE_HOME"):
        return Path(home).expanduser().absolute()
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    # The XDG specification says to ignore a relative path.
    return (data if data.is_absolute() else Path.home() / ".local/share") / "edge_voice"


def bundle_folder(name: str, precision: str) -> Path:
    """Where the bundle is or would be.

    Raises:
        ModelNotFound: `name` is not a plain name.
        OptionError: `precision` is not a known preset.
    """
    if precision not in PRECISIONS:
        known = ", ".join(PRECISIONS)
        raise OptionError(f"unknown precision {precision!r} (known: {known})")
    return _model_folder("models", name) / precision


def weights_folder(name: str) -> Path:
    """Where downloaded checkpoints of a model are kept."""
    return _model_folder("weights", name)


def staging_folder(name: str) -> Path:
    """Where work on a model happens, on the file system of the store; write under the lock."""
    return _model_folder("staging", name)


def find(
    name: str, precision: str | None = None, *, prefer: str = DEFAULT_PRECISION
) -> Path | None:
    """The folder of an installed bundle, or None.

    Args:
        name: Of the model.
        precision: The only one that will do; any by default.
        prefer: The one to take of several.

    Raises:
        ModelNotFound: `name` is not a plain name.
        OptionError: `precision` is not a known preset.
    """
    wanted = [precision] if precision else [prefer, *PRECISIONS]
    folders = (bundle_folder(name, candidate) for candidate in wanted)
    return next((folder for folder in folders if (folder / FILE_NAME).is_file()), None)


def installed() -> list[Bundle]:
    """All bundles of the store, sorted by name, precisions in their usual order."""
    models = root() / "models"
    names = sorted(path.name for path in models.iterdir()) if models.is_dir() else []
    return [
        Bundle(name, precision, folder, folder_bytes(folder))
        for name in names
        for precision in PRECISIONS
        if (folder := models / name / precision) and (folder / FILE_NAME).is_file()
    ]


def remove(name: str, precision: str | None = None) -> list[str]:
    """Removes one precision, or the model with its downloads; returns the precisions removed.

    Each bundle is first renamed away, so that no one ever sees half of it.

    Raises:
        ModelNotFound: It is not installed.
        StoreError: The store cannot be written.
    """
    _require_present(name, precision)
    with lock(name):
        gone = _require_present(name, precision)  # another process may have been faster
        with writing(name):
            for each in gone:
                discard(bundle_folder(name, each), name)
            if not precision:
                shutil.rmtree(weights_folder(name), ignore_errors=True)
            sweep(name)
        return gone


def discard(folder: Path, name: str) -> None:
    """Renames a folder of the model into staging, out of sight; `sweep` deletes it."""
    staging = staging_folder(name)
    staging.mkdir(parents=True, exist_ok=True)
    folder.rename(staging / f"removed-{folder.name}-{os.getpid()}")


def sweep(name: str) -> None:
    """Deletes what is in staging for a model, and its empty folder; call under the lock."""
    shutil.rmtree(staging_folder(name), ignore_errors=True)
    with suppress(OSError):
        _model_folder("models", name).rmdir()


@contextmanager
def lock(name: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds the model for this process; waits while another holds it, after one `on_wait()`.

    Raises:
        StoreError: The store cannot be written.
    """
    path = _model_folder("locks", name).with_name(f"{name}.lock")
    with writing(name):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("ab")
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def require_space(bytes_needed: int, what: str) -> None:
    """Checks that the store's file system has room.

    Raises:
        StoreError: Says how much is needed and how much is free.
    """
    folder = root()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < bytes_needed:
        raise StoreError(
            f"not enough space in {root()} for {what}:"
            f" {megabytes(bytes_needed)} needed, {megabytes(free)} free"
        )


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Turns an operating system's error while writing the store into one line.

    Raises:
        StoreError: Disk full, no permission, and so on.
    """
    try:
        yield
    except EdgeVoiceError:
        raise
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise StoreError(f"{what}: cannot write in the store {root()}: {reason}") from error


def folder_bytes(folder: Path) -> int:
    """Size of all files below a folder; files that vanish meanwhile do not count."""
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(directory, name)).st_size
    return total


def megabytes(count: int) -> str:
    """A size for people, in decimal megabytes."""
    return f"{count / 1e6:,.0f} MB"


def _require_present(name: str, precision: str | None) -> list[str]:
    chosen = [precision] if precision else PRECISIONS
    present = [each for each in chosen if bundle_folder(name, each).is_dir()]
    if present or (not precision and weights_folder(name).is_dir()):
        return present
    have = ", ".join(sorted({bundle.name for bundle in installed()})) or "nothing"
    what = f"{name} ({precision})" if precision else name
    raise ModelNotFound(f"{what} is not in the store (installed: {have})")


def _model_folder(kind: str, name: str) -> Path:
    if not _PLAIN_NAME.match(name):
        raise ModelNotFound(f"{name!r} is not a model name (letters, digits, '.', '_', '-')")
    return root() / kind / name
