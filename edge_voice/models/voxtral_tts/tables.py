"""Tables read by row from the disk: only the rows that are looked up ever become resident."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.errors import ModelError

Array = np.ndarray[Any, np.dtype[Any]]

_BFLOAT16 = np.dtype("<u2")  # numpy has no bfloat16; a table stores its bits
_CODES, _SCALES = "codes", "scales"
_KNOWN = (_BFLOAT16, np.dtype("<f2"), np.dtype("<f4"))


def block_record(width: int, block_size: int) -> np.dtype[Any]:
    """A row in 8 bits: blocks of codes, the last one filled up, and a scale for each block."""
    blocks = -(-width // block_size)
    return np.dtype([(_CODES, "i1", (blocks, block_size)), (_SCALES, "<f4", (blocks,))])


class RowTable:
    """A memory-mapped `.npy` table of float32, float16, bfloat16 (as uint16) or 8-bit blocks."""

    def __init__(self, path: str | os.PathLike[str], width: int) -> None:
        """Opens the table.

        Raises:
            ModelError: It cannot be read, or its rows are not `width` numbers.
        """
        name = Path(path).name
        try:
            self._values = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise ModelError(f"{name}: not a table: {error}") from None
        self._width = width
        stored = self._values.dtype
        if stored.names is None:
            if self._values.ndim != 2 or stored not in _KNOWN:
                raise ModelError(f"{name}: not a table of floats in two dimensions")
            if self._values.shape[1] != width:
                raise ModelError(f"{name}: rows of {self._values.shape[1]}, the model has {width}")
        elif self._values.ndim != 1 or stored != block_record(width, _block_size(stored)):
            raise ModelError(f"{name}: rows of {stored}, which are not {width} codes in blocks")

    def __len__(self) -> int:
        return len(self._values)

    def rows(self, ids: Array | slice) -> Array:
        """(n, width) float32."""
        found = self._values[ids]
        if found.dtype.names is None:
            return widen(found)
        values = found[_CODES] * found[_SCALES][..., None]
        return np.asarray(values.reshape(len(found), -1)[:, : self._width])


def _block_size(record: np.dtype[Any]) -> int:
    """Codes in a block of a stored record; 1 where it has none."""
    shape = record[_CODES].shape if _CODES in (record.names or ()) else ()
    return int(shape[-1]) if shape else 1


def widen(values: Array) -> Array:
    """Stored values as float32; uint16 are the bits of bfloat16, the upper half of a float32."""
    if values.dtype == _BFLOAT16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    return np.asarray(values, np.float32)
