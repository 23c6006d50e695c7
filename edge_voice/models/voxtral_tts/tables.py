"""Tables read by row from the disk: only the rows that are looked up ever become resident."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.errors import ModelError

Array = np.ndarray[Any, np.dtype[Any]]

_BFLOAT16 = np.dtype("<u2")  # numpy has no bfloat16; a table stores its bits
_KNOWN = (_BFLOAT16, np.dtype("<f2"), np.dtype("<f4"))


class RowTable:
    """A memory-mapped `.npy` table of float32, float16 or bfloat16 (stored as uint16)."""

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
        if self._values.ndim != 2 or self._values.dtype not in _KNOWN:
            raise ModelError(f"{name}: not a table of floats in two dimensions")
        if self._values.shape[1] != width:
            raise ModelError(f"{name}: rows of {self._values.shape[1]}, the model has {width}")

    def __len__(self) -> int:
        return len(self._values)

    def rows(self, ids: Array | slice) -> Array:
        """(n, width) float32."""
        return widen(self._values[ids])


def widen(values: Array) -> Array:
    """Stored values as float32; uint16 are the bits of bfloat16, the upper half of a float32."""
    if values.dtype == _BFLOAT16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    return np.asarray(values, np.float32)
