"""When each token was spoken, from where the decoder looks while it writes it.

Some heads of cross-attention follow the speech: normalised, smoothed and averaged, their weights
show one ridge from the first token to the last. Dynamic time warping finds it (Radford et al.
2022, arXiv:2212.04356, section 2.5 names the method; normalisation and filter as in
openai-whisper 20250625, `timing.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_voice.seq2seq import Decoder, Head

Array = np.ndarray[Any, np.dtype[Any]]

_FILTER_POSITIONS = 7
_TINY = 1e-12
# Heads as good as the best one, but for a fifth, are averaged. Anything from 0.7 to 0.85 is as
# good; heads err to either side, by up to 0.3 s, and few of them err together.
_SHARE_OF_BEST = 0.8


def token_starts(
    decoder: Decoder, tokens: Array, first: int, positions: int, heads: Sequence[Head] = ()
) -> Array:
    """Where in the audio each token of a text starts.

    Args:
        decoder: Of one clip, with an empty cache.
        tokens: (n,) int64: a prompt and the text.
        first: Place of the prompt's last token: what predicts the text's first token looks where
            that is spoken.
        positions: Encoder positions that hold audio.
        heads: Those that follow the speech; if none are named, they are chosen by what they do.

    Returns:
        (n - first,) positions, in order: one for each token of the text, and its end.
    """
    attention = decoder.cross_attention(tokens, heads or decoder.heads)[..., :positions]
    weights = standardised(attention)[:, first:]
    if not heads:
        weights = weights[choose_heads(weights)]
    return monotonic_starts(-median_filtered(weights, _FILTER_POSITIONS).mean(axis=0))


def choose_heads(weights: Array) -> Array:
    """The heads that follow the speech: those with the highest ridge.

    The height is the mean over the cheapest way through a head's own weights. A head that looks
    at each token for as long as it is spoken is rewarded; one that only glances at a token's
    beginning, or looks elsewhere, is not. (How sharp or how concentrated the rows are was measured
    as well: such heads run ahead of the speech by 0.1 to 0.3 s.)

    Args:
        weights: (heads, rows, positions), as `standardised` makes them.

    Returns:
        (k,) their indices, at least one.
    """
    heights = -way_costs(-weights)[:, -1, -1]
    best = heights.max()
    return np.flatnonzero(heights >= best - (1 - _SHARE_OF_BEST) * abs(best))


def standardised(attention: Array) -> Array:
    """Each position's weights over the tokens with mean 0 and deviation 1.

    What all tokens look at, such as the start of the audio, loses its weight by that.

    Args:
        attention: (heads, n, positions); rows need not add up to 1.
    """
    rows = attention / np.maximum(attention.sum(axis=-1, keepdims=True), _TINY)
    deviation = np.maximum(rows.std(axis=-2, keepdims=True), _TINY)
    return np.asarray((rows - rows.mean(axis=-2, keepdims=True)) / deviation)


def median_filtered(values: Array, width: int) -> Array:
    """The median of `width` (odd) neighbours on the last axis, which is mirrored at its ends."""
    half = width // 2
    if values.shape[-1] <= half:
        return values
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(half, half)], mode="reflect")
    count = values.shape[-1]
    shifted = [padded[..., i : i + count] for i in range(width)]
    # Of half + 2 values the smallest and the largest are no median: they make room for the next.
    held, coming = shifted[: half + 2], shifted[half + 2 :]
    while len(held) > 2:
        held = _without_extremes(held) + coming[:1]
        coming = coming[1:]
    return held[0]


def _without_extremes(values: list[Array]) -> list[Array]:
    """Drops the smallest and the largest of some arrays, cell by cell."""
    smallest, *others = values
    for i, other in enumerate(others):
        smallest, others[i] = np.minimum(smallest, other), np.maximum(smallest, other)
    largest, *others = others
    for i, other in enumerate(others):
        largest, others[i] = np.maximum(largest, other), np.minimum(largest, other)
    return others


def way_costs(cost: Array) -> Array:
    """Dynamic time warping: what the cheapest way from the first cell to each other one costs.

    A step goes one row down, one column on, or both; every cell on the way counts. Row after row,
    the cheapest way to cell j is the cheapest entry into its row at some k ≤ j, and the cells from
    k to j, whose sum is a difference of two running sums: no loop over columns.

    Args:
        cost: (matrices, rows, columns).

    Returns:
        The same shape, float64.
    """
    sums = np.cumsum(cost, axis=-1, dtype=np.float64)
    totals = np.empty_like(sums)
    totals[:, 0] = sums[:, 0]
    for row in range(1, cost.shape[1]):
        above, entries = totals[:, row - 1], totals[:, row]
        entries[:, 0] = above[:, 0]
        np.minimum(above[:, 1:], above[:, :-1], out=entries[:, 1:])
        entries -= sums[:, row]
        entries += cost[:, row]  # less the sum of what lies left of the cell
        np.minimum.accumulate(entries, axis=-1, out=entries)
        entries += sums[:, row]
    return totals


def monotonic_starts(cost: Array) -> Array:
    """Where the cheapest way from the first cell to the last enters each row.

    Args:
        cost: (rows, columns), at least one of each.

    Returns:
        (rows,) columns, in order.
    """
    totals = way_costs(cost[None])[0]
    starts, column = np.zeros(len(cost), np.intp), cost.shape[1] - 1
    for row in range(len(cost) - 1, 0, -1):
        above = totals[row - 1, : column + 1]
        entries = above.copy()
        np.minimum(above[1:], above[:-1], out=entries[1:])
        # Entering at k and going on to the column where the row is left: the cells from k on.
        entries += np.cumsum(cost[row, column::-1], dtype=np.float64)[::-1]
        starts[row] = column = int(entries.argmin())
        if column and above[column - 1] <= above[column]:
            column -= 1
    return starts
