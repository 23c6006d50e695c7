"""Paths: greedy text, and the times of tokens."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edge_voice.models.ctc import paths


def rows(*tokens: int, size: int = 4) -> np.ndarray:
    """Log-probabilities in which each row is sure of its token."""
    chances = np.full((len(tokens), size), 0.01)
    chances[np.arange(len(tokens)), tokens] = 1 - 0.01 * (size - 1)
    return np.log(chances)


def test_log_softmax() -> None:
    logs = paths.log_softmax(np.array([[1.0, 2.0, 300.0], [0.0, 0.0, 0.0]]))
    assert np.exp(logs).sum(axis=1) == pytest.approx([1, 1])
    assert logs[1] == pytest.approx(np.log([1 / 3] * 3))


def test_greedy_joins_repetitions_and_drops_blanks() -> None:
    found = paths.greedy(rows(0, 1, 1, 0, 1, 2, 2, 2), 0)
    assert found.tokens == (1, 1, 2)
    assert (found.starts, found.stops) == ((1, 4, 5), (3, 5, 8))
    assert np.exp(found.logprobs) == pytest.approx([0.97] * 3)


def test_nothing_was_said() -> None:
    assert paths.greedy(rows(0, 0), 0) == paths.Path((), (), (), ())
    assert paths.align(rows(0, 0), (), 0) == paths.Path((), (), (), ())


@pytest.mark.parametrize("seed", range(20))
def test_alignment_is_the_best_of_all_paths(seed: int) -> None:
    random = np.random.default_rng(seed)
    logprobs = paths.log_softmax(random.normal(0, 2, (6, 3)))
    tokens = [(1,), (1, 1), (1, 2), (2, 1, 2), (2, 2, 1)][seed % 5]

    def text(path: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(token for token, _ in itertools.groupby(path) if token)

    def score(path: tuple[int, ...]) -> float:
        return float(sum(logprobs[i, token] for i, token in enumerate(path)))

    every = [path for path in itertools.product(range(3), repeat=6) if text(path) == tokens]
    best = max(every, key=score)
    found = paths.align(logprobs, tokens, 0)
    said = [0] * 6
    for token, start, stop in zip(found.tokens, found.starts, found.stops, strict=True):
        said[start:stop] = [token] * (stop - start)
    assert tuple(said) == best
