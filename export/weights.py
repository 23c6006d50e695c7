"""Matrices that are read a few rows at a time, and the file that receives what becomes of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .checkpoint import Checkpoint

Array = np.ndarray[Any, np.dtype[Any]]

# Rows per read are chosen so that one float32 chunk stays near this size: quantizing a chunk
# needs about five times as much for a moment, and an export's peak memory is a promise.
_CHUNK_BYTES = 16 << 20
# onnxruntime maps external data page by page.
_ALIGNMENT = 4096


class Matrix(Protocol):
    """A weight matrix (output channels, inputs) that can be read in parts."""

    @property
    def shape(self) -> tuple[int, int]:
        """(output channels, inputs)."""

    def rows(self, start: int, stop: int) -> Array:
        """Rows start..stop as float32."""


@dataclass(frozen=True, slots=True, eq=False)
class CheckpointMatrix:
    """A matrix as it stands in a checkpoint; further axes are folded into the second."""

    checkpoint: Checkpoint
    name: str

    @property
    def shape(self) -> tuple[int, int]:
        """See `Matrix`."""
        first, *rest = self.checkpoint.shape(self.name)
        return first, int(np.prod(rest))

    def rows(self, start: int, stop: int) -> Array:
        """See `Matrix`."""
        return self.checkpoint.read_rows(self.name, start, stop).reshape(stop - start, -1)


@dataclass(frozen=True, slots=True, eq=False)
class ArrayMatrix:
    """A matrix that had to be computed, and is small enough to be held."""

    values: Array

    @property
    def shape(self) -> tuple[int, int]:
        """See `Matrix`."""
        rows, width = self.values.shape
        return rows, width

    def rows(self, start: int, stop: int) -> Array:
        """See `Matrix`."""
        return self.values[start:stop]


@dataclass(frozen=True, slots=True, eq=False)
class StackedMatrix:
    """Matrices with the same inputs, one above the other: a fused projection."""

    parts: tuple[Matrix, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """See `Matrix`."""
        return sum(part.shape[0] for part in self.parts), self.parts[0].shape[1]

    def rows(self, start: int, stop: int) -> Array:
        """See `Matrix`."""
        pieces, offset = [], 0
        for part in self.parts:
            low, high = max(start - offset, 0), min(stop - offset, part.shape[0])
            if low < high:
                pieces.append(part.rows(low, high))
            offset += part.shape[0]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


@dataclass(frozen=True, slots=True, eq=False)
class ScaledMatrix:
    """A matrix times a number; a power of two loses nothing."""

    matrix: Matrix
    factor: float

    @property
    def shape(self) -> tuple[int, int]:
        """See `Matrix`."""
        return self.matrix.shape

    def rows(self, start: int, stop: int) -> Array:
        """See `Matrix`."""
        return self.matrix.rows(start, stop) * np.float32(self.factor)


@dataclass(frozen=True, slots=True, eq=False)
class PaddedHeads:
    """A projection whose heads are filled up with zero channels, for kernels that want wide ones.

    Attributes:
        matrix: (heads · size, inputs); with `inwards`, (outputs, heads · size).
        heads: Attention heads.
        padded: Channels of a head afterwards, at least as many as before.
        inwards: Whether the heads are the matrix's inputs, as in an output projection.
    """

    matrix: Matrix
    heads: int
    padded: int
    inwards: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """See `Matrix`."""
        rows, width = self.matrix.shape
        wide = self.heads * self.padded
        return (rows, wide) if self.inwards else (wide, width)

    def rows(self, start: int, stop: int) -> Array:
        """See `Matrix`."""
        if self.inwards:
            return pad_heads(self.matrix.rows(start, stop), self.heads, self.padded)
        whole = self.matrix.rows(0, self.matrix.shape[0])
        return pad_heads(whole.T, self.heads, self.padded).T[start:stop]


def pad_heads(values: Array, heads: int, padded: int) -> Array:
    """(…, heads · size) → (…, heads · padded), zeros behind the channels of each head."""
    *rest, width = values.shape
    shaped = values.reshape(*rest, heads, width // heads)
    missing = padded - width // heads
    return np.pad(shaped, [(0, 0)] * (len(rest) + 1) + [(0, missing)]).reshape(*rest, -1)


def row_chunks(matrix: Matrix) -> Iterator[tuple[int, Array]]:
    """(first row, rows) pairs that cover the matrix in order."""
    count, width = matrix.shape
    step = max(1, _CHUNK_BYTES // (4 * width))
    for start in range(0, count, step):
        yield start, matrix.rows(start, min(start + step, count))


class DataFile:
    """Receives tensors one after another; the graph refers to them by offset and length."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = open(self.path, "wb")  # noqa: SIM115 (closed by close)

    def __enter__(self) -> DataFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
            return
        with suppress(OSError):  # a full disk fails here again: the first error tells more
            self._file.close()

    def close(self) -> None:
        """Flushes to the disk: the bundle is renamed into place only after that."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def write(self, chunks: Iterator[Array]) -> int:
        """Appends chunks; returns the offset of the first, in bytes."""
        self._file.write(b"\0" * (-self._file.tell() % _ALIGNMENT))
        offset = self._file.tell()
        for chunk in chunks:
            self._file.write(np.ascontiguousarray(chunk).data)
        return offset
