"""Windows over a stretch of a recording."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_voice.audio import read
from edge_voice.models.whisper.clips import Clip, clearest_window, clips
from edge_voice.models.whisper.config import SAMPLE_RATE
from edge_voice.vad import ChunkRules

COUNT = 1000


def ramp(start: int, stop: int) -> np.ndarray:
    return np.arange(start, stop, dtype=np.float32)


def blocks(size: int, total: int = 2500) -> Iterator[np.ndarray]:
    for start in range(0, total, size):
        yield ramp(start, min(start + size, total))


@pytest.mark.parametrize("size", [1, 7, 999, 1000, 1001, 5000])
@pytest.mark.parametrize("seeks", [[0, 1000, 2000], [0, 1, 1500], [0, 900, 901], [2499], [2200]])
def test_windows_over_blocks_of_any_size(size: int, seeks: list[int]) -> None:
    clip = Clip(0, blocks(size), None)
    for seek in seeks:
        window = clip.window(seek, COUNT)
        np.testing.assert_array_equal(window, ramp(seek, min(seek + COUNT, 2500)))


def test_no_more_is_read_than_a_window_needs() -> None:
    source = blocks(100)
    Clip(0, source, None).window(0, COUNT)
    assert next(source)[0] == COUNT


@pytest.mark.parametrize("seek", [2500, 3000])
def test_behind_the_end_is_nothing(seek: int) -> None:
    clip = Clip(0, blocks(100), None)
    assert len(clip.window(seek, COUNT)) == 0
    assert len(clip.window(seek + 1, COUNT)) == 0


def test_an_hour_is_never_in_memory() -> None:
    block = np.zeros(SAMPLE_RATE, np.float32)
    window = 30 * SAMPLE_RATE
    clip = Clip(0, (block for _ in range(3600)), None)
    tracemalloc.start()
    for seek in range(0, 3600 * SAMPLE_RATE, window):
        assert len(clip.window(seek, window)) == window
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * window * block.itemsize


def test_without_voice_activity_it_is_one_clip_without_end() -> None:
    (clip,) = clips(blocks(100), None)
    assert clip.start == 0
    assert clip.goes_on(0)
    assert clip.goes_on(10**9)
    np.testing.assert_array_equal(clip.window(0, COUNT), ramp(0, COUNT))


def test_silence_has_no_clips() -> None:
    silence = [np.zeros(SAMPLE_RATE, np.float32)] * 3
    assert list(clips(silence, ChunkRules())) == []


@pytest.mark.parametrize(
    ("seek_seconds", "goes_on"),
    [(0, True), (0.9, True), (1.5, True), (2.75, True), (2.9, False), (5, False)],
)
def test_a_clip_ends_with_its_speech(seek_seconds: float, goes_on: bool) -> None:
    second = SAMPLE_RATE
    # Speech from 1 to 2 s and from 2.5 to 3 s of the clip, which starts at 10 s.
    speech = ((11 * second, 12 * second), (12 * second + second // 2, 13 * second))
    clip = Clip(10 * second, [np.zeros(5 * second, np.float32)], speech)
    assert clip.goes_on(round(seek_seconds * second)) == goes_on


def test_the_clearest_window_is_speech_and_not_what_is_louder(data: Path) -> None:
    speech = read(data / "LJ001-0002.wav")  # 1.9 s
    noise = np.random.default_rng(0).normal(0, 0.3, 8 * SAMPLE_RATE).astype(np.float32)
    silence = np.zeros(3 * SAMPLE_RATE, np.float32)
    waveform = np.concatenate((noise, silence, speech, silence))
    window = clearest_window(waveform, 30 * SAMPLE_RATE)
    assert 0.7 * len(speech) < len(window) < len(speech) + SAMPLE_RATE
    start = len(noise) + len(silence)
    places = np.flatnonzero(waveform == window[len(window) // 2])
    assert any(start <= place < start + len(speech) for place in places)
    assert 0.5 * SAMPLE_RATE < len(clearest_window(waveform, SAMPLE_RATE)) <= SAMPLE_RATE


def test_of_several_stretches_the_one_with_the_most_speech(data: Path) -> None:
    speech = read(data / "LJ001-0002.wav")
    pause = np.zeros(4 * SAMPLE_RATE, np.float32)
    word = speech[:8000]
    waveform = np.concatenate((word, pause, speech, pause, word, pause))
    window = clearest_window(waveform, 30 * SAMPLE_RATE)
    assert 1.5 * SAMPLE_RATE < len(window) < 3 * SAMPLE_RATE


def test_a_full_window_of_speech_ends_the_search(data: Path) -> None:
    speech = read(data / "jfk.wav")
    with_nan = np.append(np.tile(speech, 4), np.full(60 * SAMPLE_RATE, np.nan, np.float32))
    assert len(clearest_window(with_nan, 30 * SAMPLE_RATE)) > 15 * SAMPLE_RATE


def test_without_speech_the_loudest_window() -> None:
    quiet, loud = np.full((2, SAMPLE_RATE), 0.001, np.float32)
    loud[:] = 0.2
    window = clearest_window(np.concatenate((quiet, loud, quiet)), SAMPLE_RATE)
    np.testing.assert_array_equal(window, loud)


@pytest.mark.parametrize("samples", [0, 1, 100, 511, 513])
def test_hardly_anything_to_choose_from(samples: int) -> None:
    waveform = np.zeros(samples, np.float32)
    np.testing.assert_array_equal(clearest_window(waveform, 30 * SAMPLE_RATE), waveform)
