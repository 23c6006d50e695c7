"""Matrices in memory behind the interfaces that weights are read through."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.synthetic import RandomCheckpoint

Array = np.ndarray[Any, np.dtype[Any]]


class ArrayMatrix:
    """A `Matrix` that remembers which rows were asked for."""

    def __init__(self, values: Array) -> None:
        self.values = np.asarray(values, np.float32)
        self.reads: list[tuple[int, int]] = []

    @property
    def shape(self) -> tuple[int, int]:
        rows, width = self.values.shape
        return rows, width

    def rows(self, start: int, stop: int) -> Array:
        self.reads.append((start, stop))
        return self.values[start:stop]


class DrawnOnce(RandomCheckpoint):
    """Draws each tensor once only: several exports and the reference read all of them."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._drawn: dict[str, Array] = {}

    def read(self, name: str) -> Array:
        if name not in self._drawn:
            self._drawn[name] = super().read(name)
        return self._drawn[name]

    def read_rows(self, name: str, start: int, stop: int) -> Array:
        return self.read(name)[start:stop]


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> Array:
    """Normally distributed float32 values."""
    return np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32)
