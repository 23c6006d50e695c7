"""Greedy and random picks, and their probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from edge_voice.sampling import Sampler, log_sum_exp

# Two rows; no shift of a row changes anything. The last token of the first row is forbidden.
LOGITS = np.array([[3.0, 2.0, 1.0, -np.inf], [-5.0, -5.0, -4.0, -3.0]], np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def test_greedy_takes_the_likeliest() -> None:
    tokens, logprobs = Sampler().pick(LOGITS)
    assert tokens.tolist() == [0, 3]
    np.testing.assert_allclose(np.exp(logprobs), softmax(LOGITS).max(axis=1), rtol=1e-6)


def test_of_equals_greedy_takes_the_first() -> None:
    tokens, logprobs = Sampler().pick(np.zeros((1, 8), np.float32))
    assert tokens.tolist() == [0]
    assert logprobs[0] == pytest.approx(-np.log(8))


@pytest.mark.parametrize("temperature", [0.0, 0.01])
def test_a_bias_is_for_picking_only(temperature: float) -> None:
    biased = LOGITS + np.array([0, 5, 0, -5], np.float32)
    tokens, logprobs = Sampler(temperature).pick(LOGITS, biased)
    assert tokens.tolist() == [1, 1]
    np.testing.assert_allclose(np.exp(logprobs), softmax(LOGITS)[:, 1], rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.2, 0.5, 1.0, 2.0])
def test_draws_follow_the_tempered_softmax(temperature: float) -> None:
    draws = 20_000
    tokens, _ = Sampler(temperature, seed=3).pick(np.repeat(LOGITS[:1], draws, axis=0))
    share = np.bincount(tokens, minlength=4) / draws
    expected = softmax(LOGITS[0] / temperature)
    # Four standard deviations of a share of `draws` draws.
    np.testing.assert_allclose(share, expected, atol=4 * 0.5 / np.sqrt(draws))
    assert share[3] == 0


def test_log_probabilities_are_those_at_temperature_one() -> None:
    tokens, logprobs = Sampler(0.7, seed=1).pick(np.repeat(LOGITS, 50, axis=0))
    expected = np.repeat(softmax(LOGITS), 50, axis=0)[np.arange(100), tokens]
    np.testing.assert_allclose(np.exp(logprobs), expected, rtol=1e-5)


def test_a_seed_makes_draws_repeatable() -> None:
    logits = np.zeros((4, 1000), np.float32)
    first, again, other = (Sampler(1.0, seed=seed) for seed in (7, 7, 8))
    draws = [[sampler.pick(logits)[0].tolist() for _ in range(3)] for sampler in (first, again)]
    assert draws[0] == draws[1]
    assert draws[0][0] != draws[0][1]
    assert other.pick(logits)[0].tolist() != draws[0][0]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_picking_changes_nothing(temperature: float) -> None:
    logits = LOGITS.copy()
    Sampler(temperature).pick(logits)
    np.testing.assert_array_equal(logits, LOGITS)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.0], np.log(2)),
        ([10_000.0, 10_000.0], 10_000 + np.log(2)),
        ([-10_000.0, -10_000.0], -10_000 + np.log(2)),
        ([-np.inf, 2.0], 2.0),
        ([-np.inf, -np.inf], -np.inf),
    ],
)
def test_log_sum_exp(values: list[float], expected: float) -> None:
    assert log_sum_exp(np.array(values)) == pytest.approx(expected)
    rows = log_sum_exp(np.array([values, [1.0, 1.0]]))
    np.testing.assert_allclose(rows, [expected, 1 + np.log(2)])
