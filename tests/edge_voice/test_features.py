"""Log-mel features against their definition, computed the slow way."""

from __future__ import annotations

import numpy as np
import pytest

from edge_voice.features import LogMel, mel_bands

RATE, WINDOW, HOP, MELS = 16_000, 400, 160, 80
HALF = WINDOW // 2


@pytest.fixture(scope="module")
def log_mel() -> LogMel:
    return LogMel(MELS, sample_rate=RATE, window_samples=WINDOW, hop_samples=HOP)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, samples).astype(np.float32)


def by_definition(waveform: np.ndarray, mode: str = "reflect") -> np.ndarray:
    """Frame by frame and frequency by frequency, in float64."""
    padded = np.pad(waveform.astype(np.float64), HALF, mode=mode)
    at = np.arange(WINDOW)
    window = np.sin(np.pi * at / WINDOW) ** 2  # a periodic Hann window
    waves = np.exp(-2j * np.pi * np.outer(np.arange(HALF + 1), at) / WINDOW)
    bands = mel_bands(MELS, RATE, WINDOW)
    frames = [padded[i * HOP :][:WINDOW] * window for i in range(len(waveform) // HOP)]
    return bands @ np.abs(waves @ np.stack(frames, axis=1)) ** 2


# Fewer frames than one transform takes, exactly as many, and one more; a ragged end.
@pytest.mark.parametrize("samples", [HOP * 3, HOP * 256, HOP * 257, HOP * 5 + 79])
def test_power_is_what_its_definition_says(log_mel: LogMel, samples: int) -> None:
    waveform = noise(samples)
    power = log_mel.power(waveform)
    assert (power.shape, power.dtype) == ((MELS, samples // HOP), np.float32)
    np.testing.assert_allclose(power, by_definition(waveform), rtol=1e-4, atol=1e-7)


# Frames without a window's worth of audio around them, and more frames than one transform takes.
@pytest.mark.parametrize("samples", [HOP, HOP * 7 + 33, HOP * 257])
def test_a_window_in_a_longer_transform_and_silence_around_the_audio(samples: int) -> None:
    waveform, size = noise(samples), 512
    log_mel = LogMel(
        MELS,
        sample_rate=RATE,
        window_samples=WINDOW,
        hop_samples=HOP,
        transform_samples=size,
        symmetric=True,
        mirrored=False,
    )
    padded = np.pad(waveform.astype(np.float64), HALF)
    window = np.sin(np.pi * np.arange(WINDOW) / (WINDOW - 1)) ** 2
    waves = np.exp(-2j * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(WINDOW)) / size)
    frames = [padded[i * HOP :][:WINDOW] * window for i in range(samples // HOP)]
    expected = mel_bands(MELS, RATE, size) @ np.abs(waves @ np.stack(frames, axis=1)) ** 2
    np.testing.assert_allclose(log_mel.power(waveform), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("samples", [HOP, HALF])
def test_too_short_to_be_mirrored(log_mel: LogMel, samples: int) -> None:
    waveform = noise(samples)
    expected = by_definition(waveform, mode="constant")
    np.testing.assert_allclose(log_mel.power(waveform), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("samples", [0, 1, HOP - 1])
def test_shorter_than_a_frame(log_mel: LogMel, samples: int) -> None:
    assert log_mel.power(noise(samples)).shape == (MELS, 0)


def test_silence_has_no_power(log_mel: LogMel) -> None:
    assert not log_mel.power(np.zeros(HOP * 4, np.float32)).any()


def test_the_waveform_stays_as_it_is(log_mel: LogMel) -> None:
    waveform = noise(HOP * 4)
    log_mel.power(waveform)
    np.testing.assert_array_equal(waveform, noise(HOP * 4))


@pytest.mark.parametrize("hertz", [200, 440, 1000, 3000, 7000])
def test_a_tone_is_loudest_in_the_band_around_it(log_mel: LogMel, hertz: int) -> None:
    tone = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE).astype(np.float32)
    loudest = log_mel.power(tone)[:, 10:-10].mean(axis=1).argmax()
    bands = mel_bands(MELS, RATE, WINDOW)
    centre = bands[loudest].argmax() * RATE / WINDOW
    # A band is wider than a transform's bin from 40 Hz up, and ever wider above 1 kHz.
    assert abs(centre - hertz) <= max(60, 0.06 * hertz)


@pytest.mark.parametrize("mels", [80, 128])
def test_bands_are_triangles_of_unit_area(mels: int) -> None:
    size = 16_000  # 1 Hz a bin
    bands = mel_bands(mels, RATE, size)
    assert bands.shape == (mels, size // 2 + 1)
    np.testing.assert_allclose(bands.sum(axis=1), 1, atol=2e-3)
    assert (np.diff(bands.argmax(axis=1)) > 0).all()
    assert (bands >= 0).all()


def test_bands_meet_at_their_centres() -> None:
    bands = mel_bands(MELS, RATE, RATE)
    heights = bands / bands.max(axis=1, keepdims=True)
    first, last = bands[0].argmax(), bands[-1].argmax()
    np.testing.assert_allclose(heights.sum(axis=0)[first:last], 1, atol=0.05)


@pytest.mark.parametrize(
    ("band", "bin_", "weight"),
    [
        (0, 1, 0.02486259),
        (0, 2, 0.0),
        (1, 2, 0.02287177),
        (40, 43, 0.01473557),
        (79, 193, 0.00314131),
    ],
)
def test_bands_are_those_of_librosa(band: int, bin_: int, weight: float) -> None:
    # librosa.filters.mel(sr=16000, n_fft=400, n_mels=80), which Whisper was trained with
    assert mel_bands(MELS, RATE, WINDOW)[band, bin_] == pytest.approx(weight, abs=1e-7)
