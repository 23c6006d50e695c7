"""Relative positions of the Conformer's attention, projected once at export.

The reference multiplies a table of sinusoids by each layer's `relative_k_proj` at every clip (7.5 %
of the encoder's work), though the product depends on nothing but the distance between two frames.
"""

from __future__ import annotations

import numpy as np

from ...weights import Array, Matrix, row_chunks


def sinusoids(frames: int, width: int) -> Array:
    """Relative positions of Transformer-XL (Dai et al. 2019), as transformers 5.23.0 has them.

    Args:
        frames: Longest clip.
        width: Channels, even.

    Returns:
        (2 · frames, width) float32: distances frames - 1, …, 0, …, -(frames - 1), then a row of
        zeros (`export/relative.py` says why); sine and cosine in turns.
    """
    # float32 throughout, as the reference: at large distances the rounding of the angle shows.
    exponents = np.arange(0, width, 2, dtype=np.float32) / np.float32(width)
    rates = (np.float32(1) / np.float32(10_000) ** exponents).astype(np.float32)
    distances = np.arange(frames - 1, -frames, -1, dtype=np.float32)
    angles = distances[:, None] * rates
    table = np.zeros((2 * frames, width), np.float32)
    table[:-1, 0::2] = np.sin(angles)
    table[:-1, 1::2] = np.cos(angles)
    return table


def projected(table: Array, weight: Matrix) -> Array:
    """(channels, 2 · frames) float32: the table through a layer's `relative_k_proj`."""
    result = np.empty((weight.shape[0], len(table)), np.float32)
    for start, rows in row_chunks(weight):
        result[start : start + len(rows)] = rows @ table.T
    return result
