"""The vocoder against sums that are easy to write down."""

from __future__ import annotations

import numpy as np
import pytest

from edge_voice.models.hibari.vocoder import Vocoder
from edge_voice.synthesizer import Array

BINS, HOP, RATE = 601, 300, 24_000
SILENT = -30.0


@pytest.fixture
def vocoder() -> Vocoder:
    return Vocoder(BINS, HOP, RATE)


def frames(count: int, **changes: float | Array) -> dict[str, Array]:
    values: dict[str, float | Array] = {
        "lh": SILENT, "theta": 0.0, "ln": SILENT, "lr": SILENT, "phi": 0.0,
    } | changes  # fmt: skip
    f0 = values.pop("f0", 0.0)
    parts = {name: np.full((1, BINS, count), 1.0, np.float32) * v for name, v in values.items()}
    return {
        **{name: part.astype(np.float32) for name, part in parts.items()},
        "f0": np.full((1, count), f0, np.float32),
    }


def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("hertz", [60.0, 100.0, 237.0, 500.0])
def test_pulses_are_a_sum_of_cosines(vocoder: Vocoder, hertz: float) -> None:
    train = vocoder.pulses(np.full(4, hertz))
    t = 2 * np.pi * hertz * np.arange(1, 4 * HOP + 1) / RATE
    expected = sum(np.cos(h * t) for h in range(1, int(11_000 / hertz) + 1))
    assert np.abs(train - expected).max() < 2e-3 * np.abs(expected).max()


def test_no_pitch_no_pulses(vocoder: Vocoder) -> None:
    assert not vocoder.pulses(np.zeros(5)).any()
    assert not vocoder.pulses(np.full(5, 39.0)).any()


def test_a_flat_filter_gives_the_pulses_back(vocoder: Vocoder) -> None:
    said = vocoder(frames(20, lh=np.log(300.0), f0=120.0), random())
    train = vocoder.pulses(np.full(20, 120.0))
    assert said.shape == (20 * HOP,)
    np.testing.assert_allclose(said[600:-600], train[600:-600], atol=0.02)


def test_the_phase_turns(vocoder: Vocoder) -> None:
    loud = {"lh": np.log(300.0), "f0": 120.0}
    upright = vocoder(frames(20, **loud), random())
    turned = vocoder(frames(20, **loud, theta=20.0), random())  # tanh → half a turn
    np.testing.assert_allclose(turned[600:-600], -upright[600:-600], atol=0.02)


def test_noise_is_as_loud_as_it_says_and_repeats(vocoder: Vocoder) -> None:
    quiet, loud = (vocoder(frames(50, ln=np.log(level)), random()) for level in (1.0, 2.0))
    np.testing.assert_allclose(loud, 2 * quiet, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(loud, vocoder(frames(50, ln=np.log(2.0)), random()))
    assert np.std(loud) > 0.01


def test_magnitudes_have_a_ceiling(vocoder: Vocoder) -> None:
    said = [vocoder(frames(5, lr=level), random()) for level in (7.0, 80.0)]
    np.testing.assert_array_equal(*said)
    assert np.isfinite(said[0]).all()
