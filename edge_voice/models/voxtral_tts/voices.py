"""Voices of one's own: rows of embeddings that stand before the text, from files and arrays."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.errors import OptionError
from edge_voice.models.voxtral_tts.tables import widen
from edge_voice.sniff import SUFFIXES

Array = np.ndarray[Any, np.dtype[Any]]

ROW_SUFFIXES = (".npy", ".safetensors")
_MORE_AUDIO_SUFFIXES = (".m4a", ".aac", ".mp4", ".webm", ".wma", ".amr", ".caf", ".mov", ".mkv")
_MOST_ROWS = 4096
_MOST_BYTES = 1 << 30
_HEADER_BYTES = 8
_DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_KNOWN = (np.dtype("<f4"), np.dtype("<f2"), np.dtype("<u2"), np.dtype("<f8"))

NO_CLONING = (
    "voices cannot be cloned from recordings: the published checkpoint has no codec encoder"
)


def checked_name(voice: Any) -> str:
    """A voice's name, or the path of its file, as text.

    Raises:
        OptionError: It is neither: samples of a recording, for instance.
    """
    if not isinstance(voice, str | os.PathLike):
        raise OptionError(
            f"a {type(voice).__name__} is no voice (allowed: names, .npy, .safetensors; add_voice"
            f" takes rows): {NO_CLONING}"
        )
    return os.fsdecode(voice)


def refuse_recording(voice: str) -> None:
    """Says why a recording is no voice.

    Raises:
        OptionError: `voice` is the name of an audio file.
    """
    if Path(voice).suffix.lower() in {*SUFFIXES, *_MORE_AUDIO_SUFFIXES}:
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
