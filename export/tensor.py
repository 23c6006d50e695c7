"""Tensors that stay in their file until somebody asks for their values.

Values are read with `preadv` into an array of the caller's size, never through a memory map:
mapped pages count as resident memory, and an export that walks a 3 GB file would seem to hold it.
Narrow floats are widened block by block, so a read costs its result and `_BLOCK_BYTES` more.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from edge_voice.errors import ChecksumMismatch, ModelNotFound, UnsupportedModel

from .closable import Closable

_BLOCK_BYTES = 4 << 20
_MAX_DIMENSIONS = 16

# How each dtype lies in a file. numpy has no bfloat16: its bits are the upper half of a float32.
_STORED_AS: dict[str, np.dtype[Any]] = {
    "float64": np.dtype("<f8"),
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "bfloat16": np.dtype("<u2"),
    "int64": np.dtype("<i8"),
    "int32": np.dtype("<i4"),
    "int16": np.dtype("<i2"),
    "int8": np.dtype("i1"),
    "uint8": np.dtype("u1"),
    "bool": np.dtype("u1"),
}


def item_bytes(dtype: str) -> int:
    """Size in bytes of one stored element of a dtype that `LazyTensor` knows."""
    return _STORED_AS[dtype].itemsize


class WeightFile(Closable):
    """One open file of weights; reads at absolute offsets, so readers share no position."""

    def __init__(self, path: Path) -> None:
        """Opens `path`.

        Raises:
            ModelNotFound: it is missing, not a regular file, or not readable.
        """
        if not path.is_file():
            raise ModelNotFound(f"no weight file at {path}")
        try:
            self.stream = path.open("rb", buffering=0)
        except OSError as error:
            raise ModelNotFound(f"cannot open {path}: {error.strerror}") from error
        self.path = path
        self.size = os.fstat(self.stream.fileno()).st_size

    def read_into(self, offset: int, target: NDArray[Any]) -> None:
        """Fills a contiguous array with the bytes from `offset` on.

        Raises:
            ChecksumMismatch: the file ends before the array is full.
        """
        room = target.reshape(-1).view(np.uint8).data
        while room:
            count = os.preadv(self.stream.fileno(), [room], offset)
            if count == 0:
                raise ChecksumMismatch(f"{self.path} changed while it was read: no byte {offset}")
            room = room[count:]
            offset += count

    def read_bytes(self, offset: int, count: int) -> bytes:
        """Reads exactly `count` bytes from `offset` on; raises ChecksumMismatch if it cannot."""
        data = np.empty(count, np.uint8)
        self.read_into(offset, data)
        return data.tobytes()

    def close(self) -> None:
        """Closes the file; its tensors cannot be read afterwards."""
        self.stream.close()


@dataclass(frozen=True)
class LazyTensor:
    """Where a tensor lies in an open file, and how to read it.

    Whoever makes one has checked that all its elements lie inside the file.
    """

    file: WeightFile
    dtype: str
    """Stored dtype: float64, float32, float16, bfloat16, int64, …, uint8 or bool."""
    shape: tuple[int, ...]
    offset: int
    """Byte in the file where the first element lies."""
    strides: tuple[int, ...] | None = None
    """Steps in elements along each axis; None where the elements lie row by row."""

    def read(self) -> NDArray[Any]:
        """All values, in `shape`: floats as float32, integers and bools as stored."""
        if self.strides is not None:
            return self._read_strided(self.offset, self.shape)
        return self._read_run(0, math.prod(self.shape)).reshape(self.shape)

    def read_rows(self, start: int, stop: int) -> NDArray[Any]:
        """Values of rows `start` to `stop` of the first axis, reading only their bytes.

        Returns:
            Array (stop - start, *shape[1:]): floats as float32, integers and bools as stored.

        Raises:
            IndexError: not 0 <= start <= stop <= rows, or the tensor is a scalar.
        """
        rows = self.shape[0] if self.shape else 0
        if not 0 <= start <= stop <= rows:
            raise IndexError(f"rows {start} to {stop} of a tensor of shape {self.shape}")
        shape = (stop - start, *self.shape[1:])
        if self.strides is not None:
            first = self.offset + start * self.strides[0] * item_bytes(self.dtype)
            return self._read_strided(first, shape)
        row_items = math.prod(self.shape[1:])
        return self._read_run(start * row_items, (stop - start) * row_items).reshape(shape)

    def _read_run(self, first: int, count: int) -> NDArray[Any]:
        """Elements first … first + count in file order, as a flat array."""
        stored = _STORED_AS[self.dtype]
        values = np.empty(count, _read_as(self.dtype))
        offset = self.offset + first * stored.itemsize
        if values.dtype == stored:
            self.file.read_into(offset, values)
            return values
        block = np.empty(min(count, _BLOCK_BYTES // stored.itemsize), stored)
        for begin in range(0, count, max(len(block), 1)):
            part = block[: count - begin]
            self.file.read_into(offset + begin * stored.itemsize, part)
            values[begin : begin + len(part)] = _widen(part, self.dtype)
        return values

    def _read_strided(self, offset: int, shape: tuple[int, ...]) -> NDArray[Any]:
        """Reads the whole span that the elements lie in, and picks them out of it."""
        values = np.empty(shape, _read_as(self.dtype))
        if values.size == 0:
            return values
        stored = _STORED_AS[self.dtype]
        strides = self.strides or ()
        span = np.empty(span_items(shape, strides), stored)
        self.file.read_into(offset, span)
        steps = [stride * stored.itemsize for stride in strides]
        values[...] = _widen(as_strided(span, shape, steps), self.dtype)
        return values


def _read_as(dtype: str) -> np.dtype[Any]:
    """The dtype that values are handed out in."""
    if dtype.endswith(("float16", "float32", "float64")):
        return np.dtype(np.float32)
    return np.dtype(dtype)


def _widen(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Gives stored bits their numeric meaning; assigning the result does the rest of the cast."""
    if dtype != "bfloat16":
        return values
    return (values.astype(np.uint32) << 16).view(np.float32)


def span_items(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """Number of stored elements from the first to the last element, both included."""
    return 1 + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))


def checked_shape(value: object, source: str) -> tuple[int, ...]:
    """Takes a shape from a file's description.

    Raises:
        UnsupportedModel: not a list or tuple of a few integers that are all >= 0.
    """
    if not isinstance(value, list | tuple) or not all(_is_size(item) for item in value):
        raise UnsupportedModel(f"{source}: its shape is not a list of integers >= 0")
    if len(value) > _MAX_DIMENSIONS:
        raise UnsupportedModel(
            f"{source}: {len(value)} dimensions (at most {_MAX_DIMENSIONS} allowed)"
        )
    return tuple(value)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 48
