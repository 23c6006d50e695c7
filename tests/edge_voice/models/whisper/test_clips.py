"""Windows over a stretch of a recording."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from edge_voice.models.whisper.clips import Clip, clips
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
