"""Voices: rows of embeddings that stand before the text, and what the backbone makes of them.

A voice's prompt comes before the text and attention looks back only, so keys and values of that
prefix are the same for every text. They can be computed once and kept in the bundle, as float16.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.errors import ModelError, OptionError, StoreError
from edge_voice.hub.verify import sha256_file
from edge_voice.manifest import FileEntry, Manifest
from edge_voice.models.voxtral_tts.tables import widen

Array = np.ndarray[Any, np.dtype[Any]]

ROW_SUFFIXES = (".npy", ".safetensors")
_AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aac", ".aiff", ".aif")
_MOST_ROWS = 4096
_MOST_BYTES = 1 << 30
_HEADER_BYTES = 8
_DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_KNOWN = (np.dtype("<f4"), np.dtype("<f2"), np.dtype("<u2"), np.dtype("<f8"))

NO_CLONING = (
    "voices cannot be cloned from recordings: the published checkpoint has no codec encoder"
)


def prefix_role(voice: str) -> str:
    """Role of a voice's prepared prefix among a bundle's assets."""
    return f"prefix.{voice}"


def refuse_recording(voice: str) -> None:
    """Says why a recording is no voice.

    Raises:
        OptionError: `voice` is the name of an audio file.
    """
    if voice.lower().endswith(_AUDIO_SUFFIXES):
        raise OptionError(f"{NO_CLONING} (voice {voice!r}; allowed: names, .npy, .safetensors)")


def read_rows(path: str | os.PathLike[str], width: int) -> Array:
    """A user's own voice: rows of embeddings from a `.npy` or `.safetensors` file.

    Args:
        path: The file; bfloat16 in a `.npy` file is stored as uint16.
        width: Channels of the model.

    Returns:
        (n, width) float32.

    Raises:
        OptionError: The file cannot be read or holds anything but one such table.
    """
    try:
        if os.stat(path).st_size > _MOST_BYTES:
            raise ValueError("too large for a voice")
        if Path(path).suffix == ".safetensors":
            values = _only_tensor(Path(path).read_bytes())
        else:
            values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, RecursionError) as error:
        raise OptionError(f"voice {os.fspath(path)}: cannot be read: {error}") from None
    return checked_rows(values, width, os.fspath(path))


def checked_rows(values: Array, width: int, name: str) -> Array:
    """Rows of a voice as float32.

    Raises:
        OptionError: They are not finite numbers in (1 or more, width).
    """
    if values.dtype not in _KNOWN or values.ndim != 2 or values.shape[1] != width:
        raise OptionError(
            f"voice {name}: {values.dtype} of shape {list(values.shape)}"
            f" (allowed: floats of shape [1 to {_MOST_ROWS}, {width}])"
        )
    rows = widen(values)
    if not 1 <= len(rows) <= _MOST_ROWS or not np.isfinite(rows).all():
        raise OptionError(
            f"voice {name}: {len(rows)} rows (allowed: 1 to {_MOST_ROWS}, all numbers finite)"
        )
    return rows


def save_prefix(folder: Path, manifest: Manifest, voice: str, state: Array) -> Manifest:
    """Writes a voice's prepared prefix into its bundle; returns the bundle's new manifest.

    Raises:
        StoreError: The folder cannot be written.
    """
    path = folder / f"prefix-{voice}.npy"
    temporary = path.with_suffix(".part")
    try:
        with temporary.open("wb") as stream:
            np.save(stream, state.astype(np.float16))
        temporary.replace(path)
        entry = FileEntry(path.stat().st_size, sha256_file(path))
        manifest = replace(
            manifest,
            assets={**manifest.assets, prefix_role(voice): path.name},
            files={**manifest.files, path.name: entry},
        )
        manifest.save(folder)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return manifest


def load_prefix(folder: Path, manifest: Manifest, voice: str) -> Array | None:
    """A voice's prepared prefix, memory-mapped; None where it was not prepared.

    Raises:
        ModelError: Its file is damaged.
    """
    file = manifest.assets.get(prefix_role(voice))
    if file is None:
        return None
    try:
        return np.asarray(np.load(folder / file, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise ModelError(f"{file}: not a prepared voice: {error}") from None


def _only_tensor(content: bytes) -> Array:
    """The single tensor of a safetensors file (8 bytes of length, a JSON header, the bytes)."""
    begin = _HEADER_BYTES + int.from_bytes(content[:_HEADER_BYTES], "little")
    if not _HEADER_BYTES < begin <= len(content):
        raise ValueError("not a safetensors file")
    header = json.loads(content[_HEADER_BYTES:begin])
    header = header if isinstance(header, dict) else {}
    match [value for name, value in header.items() if name != "__metadata__"]:
        case [{"dtype": str(dtype), "shape": [int(rows), int(width)], "data_offsets": [0, int()]}]:
            if dtype not in _DTYPES:
                raise ValueError(f"dtype {dtype} (known: {', '.join(_DTYPES)})")
            values = np.frombuffer(content[begin:], _DTYPES[dtype])
            return values.reshape(rows, width)
    raise ValueError("expected one table")
