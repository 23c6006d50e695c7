"""Matrices in memory behind the interface that weights are read through."""

from __future__ import annotations

from typing import Any

import numpy as np

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


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> Array:
    """Normally distributed float32 values."""
    return np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32)
