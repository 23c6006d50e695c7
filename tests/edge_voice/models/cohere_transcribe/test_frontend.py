"""Features against their definition, computed the slow way."""

from __future__ import annotations

import numpy as np
import pytest

from edge_voice.features import mel_bands
from edge_voice.models.cohere_transcribe.frontend import FrontEnd

MELS, HOP, WINDOW, TRANSFORM = 128, 160, 400, 512


@pytest.fixture(scope="module")
def front_end() -> FrontEnd:
    return FrontEnd(MELS)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, samples).astype(np.float32)


def by_definition(waveform: np.ndarray) -> np.ndarray:
    """Frame by frame in float64, with the window centred in the transform; no dither."""
    sharp = waveform.astype(np.float64)
    sharp[1:] -= 0.97 * waveform[:-1]
    padded = np.pad(sharp, TRANSFORM // 2)
    window = np.zeros(TRANSFORM)
    window[56:456] = np.sin(np.pi * np.arange(WINDOW) / (WINDOW - 1)) ** 2
    frames = [padded[i * HOP :][:TRANSFORM] * window for i in range(len(waveform) // HOP)]
    power = np.abs(np.fft.fft(frames)[:, : TRANSFORM // 2 + 1]) ** 2
    logs = np.log(power @ mel_bands(MELS, 16_000, TRANSFORM).T + 2.0**-24)
    return (logs - logs.mean(axis=0)) / (logs.std(axis=0, ddof=1) + 1e-5)


# Ragged ends, the least that can be normalised, and more than one transform takes.
@pytest.mark.parametrize("samples", [320, 479, 480, 16_159, 257 * HOP])
def test_features_are_what_their_definition_says(samples):
    found = FrontEnd(MELS, dither=0)(noise(samples))

    assert (found.shape, found.dtype) == ((samples // HOP, MELS), np.float32)
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, by_definition(noise(samples)), atol=5e-4)


@pytest.mark.parametrize("mels", [80, 128])
def test_every_band_is_normalised(mels):
    found = FrontEnd(mels)(noise(48_000))

    assert found.shape == (300, mels)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=0, ddof=1), 1, atol=1e-4)


@pytest.mark.parametrize("samples", [0, 1, 2, 15, 159, 160, 319])
def test_very_short_clips_are_padded(front_end, samples):
    padded = np.zeros(320, np.float32)
    padded[:samples] = noise(samples)

    found = front_end(noise(samples))
    assert found.shape == (2, MELS)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, front_end(padded))


@pytest.mark.parametrize("dither", [0.0, 1e-5])
def test_silence_is_finite(dither):
    found = FrontEnd(MELS, dither=dither)(np.zeros(4800, np.float32))

    assert found.shape == (30, MELS)
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 10


def test_dither_shows_in_silence_only(front_end):
    quiet = FrontEnd(MELS, dither=0)
    loud, faint = noise(4800), noise(4800) * np.float32(1e-4)

    assert np.abs(front_end(loud) - quiet(loud)).max() < 0.01
    assert np.abs(front_end(faint) - quiet(faint)).max() > 0.1


def test_the_waveform_stays_as_it_is(front_end):
    waveform = noise(4800)
    front_end(waveform)
    np.testing.assert_array_equal(waveform, noise(4800))


def test_clips_do_not_influence_each_other(front_end):
    first = front_end(noise(4800))
    front_end(noise(9600, seed=1))
    np.testing.assert_array_equal(front_end(noise(4800)), first)
