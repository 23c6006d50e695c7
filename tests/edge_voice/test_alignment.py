"""Dynamic time warping against the plain recursion, and heads chosen by what they do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_voice import alignment
from edge_voice.alignment import (
    choose_heads,
    median_filtered,
    monotonic_starts,
    standardised,
    token_starts,
    way_costs,
)

Array = np.ndarray[Any, np.dtype[Any]]

SHAPES = [(1, 1), (1, 9), (9, 1), (2, 2), (5, 9), (9, 5), (30, 20), (12, 80)]


def plain_warping(cost: Array) -> tuple[Array, list[int]]:
    """Cell by cell: what each cell costs, and where each row is entered."""
    rows, columns = cost.shape
    totals = np.full((rows + 1, columns + 1), np.inf)
    totals[0, 0] = 0
    for i in range(rows):
        for j in range(columns):
            ways = totals[i, j], totals[i, j + 1], totals[i + 1, j]
            totals[i + 1, j + 1] = cost[i, j] + min(ways)
    starts = [0] * rows
    i, j = rows, columns
    while i > 0:
        starts[i - 1] = j - 1
        ways = (totals[i - 1, j - 1], -1, -1), (totals[i - 1, j], -1, 0), (totals[i, j - 1], 0, -1)
        _, down, on = min(ways)
        i, j = i + down, j + on
    return totals[1:, 1:], starts


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", range(5))
def test_warping_is_that_of_the_plain_recursion(shape: tuple[int, int], seed: int) -> None:
    cost = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    totals, starts = plain_warping(cost.astype(np.float64))
    np.testing.assert_allclose(way_costs(cost[None])[0], totals, atol=1e-9)
    assert monotonic_starts(cost).tolist() == starts


def test_several_matrices_at_once() -> None:
    cost = np.random.default_rng(0).normal(size=(3, 7, 11))
    for together, alone in zip(way_costs(cost), cost, strict=True):
        np.testing.assert_allclose(together, way_costs(alone[None])[0])


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_attention_starts_are_in_order_and_in_range(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, positions = random.integers(1, 40, 2)
    attention = random.random((3, rows, positions)) ** random.integers(1, 30)
    starts = monotonic_starts(-standardised(attention).mean(axis=0))
    assert len(starts) == rows
    assert starts[0] == 0
    assert (np.diff(starts) >= 0).all()
    assert starts[-1] < positions


@pytest.mark.parametrize("width", [1, 3, 5, 7, 9])
@pytest.mark.parametrize("count", [1, 3, 4, 5, 40])
def test_the_median_of_neighbours(width: int, count: int) -> None:
    values = np.random.default_rng(0).normal(size=(2, 3, count))
    found = median_filtered(values, width)
    half = width // 2
    if count <= half:  # too short to be mirrored
        np.testing.assert_array_equal(found, values)
        return
    padded = np.pad(values, [(0, 0), (0, 0), (half, half)], mode="reflect")
    for i in range(count):
        np.testing.assert_array_equal(found[..., i], np.median(padded[..., i : i + width], axis=-1))


def test_what_all_tokens_look_at_has_no_weight() -> None:
    attention = np.zeros((1, 4, 6))
    attention[..., 0] = 0.9
    attention[0, range(4), [1, 2, 3, 5]] = 0.1
    weights = standardised(attention)
    assert np.abs(weights[..., [0, 4]]).max() < 1e-3
    assert weights[0, range(4), [1, 2, 3, 5]] == pytest.approx([3**0.5] * 4)
    np.testing.assert_allclose(weights.mean(axis=1), 0, atol=1e-9)


def test_weights_that_are_nothing_are_no_accident() -> None:
    assert np.isfinite(standardised(np.zeros((2, 3, 4), np.float32))).all()


def ridge(rows: int, positions: int, *, shift: int = 0, width: float = 3) -> Array:
    """A head that looks at each token in its turn."""
    centres = (np.arange(rows) + 0.5) * positions / rows + shift
    return np.exp(-(((np.arange(positions) - centres[:, None]) / width) ** 2))


def test_heads_that_follow_the_speech_are_chosen() -> None:
    random = np.random.default_rng(0)
    rows, positions = 12, 120
    heads = np.stack(
        [
            random.random((rows, positions)),
            ridge(rows, positions),
            np.tile(np.exp(-np.arange(positions) / 5.0), (rows, 1)),
            ridge(rows, positions)[::-1],
            ridge(rows, positions, shift=4, width=5),
            random.random((rows, positions)) ** 20,
        ]
    )
    noisy = heads + 0.02 * random.random(heads.shape)
    assert choose_heads(standardised(noisy)).tolist() == [1, 4]


def test_at_least_one_head_is_chosen() -> None:
    assert choose_heads(np.zeros((3, 4, 5))).tolist() == [0, 1, 2]
    assert len(choose_heads(-np.ones((3, 4, 5)))) >= 1


class FakeDecoder:
    """Its head (1, 0) follows the speech; the others look at random places."""

    heads = ((0, 0), (0, 1), (1, 0), (1, 1))

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def cross_attention(self, tokens: Array, heads: Any) -> Array:
        self.asked = list(heads)
        random = np.random.default_rng(0)
        found = random.random((4, len(tokens), 100))
        found[2] = 0.01
        for row in range(len(tokens)):  # the third row predicts the first token of the text
            found[2, row, max(10 * (row - 2), 0) : max(10 * (row - 1), 1)] = 1
        return found[[self.heads.index(head) for head in heads]]


@pytest.mark.parametrize("heads", [(), ((1, 0),)])
def test_starts_of_tokens(heads: Any) -> None:
    decoder: Any = FakeDecoder()
    starts = token_starts(decoder, np.arange(8), first=2, positions=80, heads=heads)
    assert decoder.asked == list(heads or FakeDecoder.heads)
    assert len(starts) == 6  # five tokens behind a prompt of three, and the end
    np.testing.assert_allclose(starts, [0, 10, 20, 30, 40, 50], atol=1)


def test_positions_without_audio_are_not_looked_at() -> None:
    decoder: Any = FakeDecoder()
    for heads in ((), ((1, 0),)):
        starts = token_starts(decoder, np.arange(8), first=2, positions=25, heads=heads)
        assert starts.max() < 25
    assert alignment.token_starts(decoder, np.arange(3), 2, 1).tolist() == [0]
