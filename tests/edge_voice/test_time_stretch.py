"""Faster and slower, at the same pitch."""

from __future__ import annotations

import numpy as np
import pytest

from edge_voice.errors import OptionError
from edge_voice.synthesizer import Array, AudioChunk
from edge_voice.time_stretch import TimeStretcher, stretched

SPEEDS = (0.25, 0.5, 0.8, 1.1, 1.25, 2.0, 3.0, 4.0)


def tone(hertz: float, rate: int, seconds: float = 2.0) -> Array:
    """Ten harmonics, as a voice has."""
    t = np.arange(int(rate * seconds)) / rate
    waves = (np.sin(2 * np.pi * hertz * k * t) / k for k in range(1, 11))
    return (0.2 * sum(waves)).astype(np.float32)  # type: ignore[attr-defined]


def run(waveform: Array, speed: float, rate: int, block: int = 1000) -> Array:
    stretcher = TimeStretcher(speed, rate)
    starts = range(0, len(waveform), block)
    parts = [stretcher.push(waveform[start : start + block]) for start in starts]
    return np.concatenate([*parts, stretcher.finish()])


def pitch(waveform: Array, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)), 1 << 18))
    return float(np.argmax(spectrum)) * rate / (1 << 18)


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("hertz", [80, 130, 220, 400])
def test_the_pitch_stays(hertz: float, speed: float) -> None:
    said = run(tone(hertz, 24_000, 3.0), speed, 24_000)
    assert pitch(said[1000:-2000], 24_000) == pytest.approx(hertz, rel=0.01)


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100])
@pytest.mark.parametrize("seconds", [0.01, 0.3, 5.0])
def test_the_length_is_right(seconds: float, rate: int, speed: float) -> None:
    waveform = tone(120, rate, seconds)
    assert len(run(waveform, speed, rate)) == round(len(waveform) / speed)


@pytest.mark.parametrize("speed", SPEEDS)
def test_no_clicks(speed: float) -> None:
    waveform = tone(110, 24_000)
    said = run(waveform, speed, 24_000)
    steepest = np.abs(np.diff(waveform)).max()
    assert np.abs(np.diff(said[: -2400 if speed > 1 else None])).max() < 1.1 * steepest
    assert np.abs(said).max() < 1.1 * np.abs(waveform).max()


@pytest.mark.parametrize("speed", [0.7, 1.6])
def test_blocks_of_any_size_give_the_same(speed: float) -> None:
    waveform = tone(150, 24_000, 0.5)
    whole = run(waveform, speed, 24_000, len(waveform))
    for block in (1, 333, 5000):
        np.testing.assert_array_equal(run(waveform, speed, 24_000, block), whole)


def test_audio_comes_before_the_end() -> None:
    stretcher = TimeStretcher(1.5, 24_000)
    assert len(stretcher.push(tone(150, 24_000, 1.0))) > 0.9 * 24_000 / 1.5 - 2400


def test_the_order_of_sounds_stays() -> None:
    waveform = np.concatenate([tone(100, 24_000, 1.0), tone(200, 24_000, 1.0)])
    said = run(waveform, 2.0, 24_000)
    assert pitch(said[1000:11_000], 24_000) == pytest.approx(100, rel=0.01)
    assert pitch(said[13_000:23_000], 24_000) == pytest.approx(200, rel=0.01)


def test_silence_and_nothing() -> None:
    assert not run(np.zeros(10_000, np.float32), 1.3, 24_000).any()
    assert len(run(np.zeros(0, np.float32), 1.3, 24_000)) == 0


def test_chunks() -> None:
    chunks = [AudioChunk(tone(150, 24_000, 0.4), 24_000, text) for text in ("one", "two")]
    faster = list(stretched(chunks, 2.0))
    assert sum(chunk.seconds for chunk in faster) == pytest.approx(0.4, rel=1e-3)
    assert {chunk.text for chunk in faster} == {"one", "two"}
    assert list(stretched(chunks, 1.0)) == chunks
    assert list(stretched([], 2.0)) == []


@pytest.mark.parametrize("speed", [0.0, -1.0, 0.2, 4.1, float("nan"), float("inf")])
def test_speeds_that_nobody_speaks(speed: float) -> None:
    with pytest.raises(OptionError, match=r"speed .* \(allowed: 0\.25 to 4\)"):
        TimeStretcher(speed, 24_000)
