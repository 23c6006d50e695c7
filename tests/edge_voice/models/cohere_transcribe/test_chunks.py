"""The reference's chunks: properties, and the rule written down the slow way."""

from __future__ import annotations

import numpy as np
import pytest

from edge_voice.models.cohere_transcribe.chunks import CutRule
from edge_voice.transcriber import join_texts

RATE = 16_000
LONGEST, SEARCHED, WINDOW = 35 * RATE, 5 * RATE, 1600


def speech(samples: int, seed: int) -> np.ndarray:
    """Noise whose loudness changes every so often."""
    random = np.random.default_rng(seed)
    loudness = np.repeat(random.uniform(0.01, 1, samples // 700 + 1), 700)[:samples]
    return (random.normal(0, 0.1, samples) * loudness).astype(np.float32)


def by_definition(waveform: np.ndarray) -> list[tuple[int, int]]:
    start, chunks = 0, []
    while start < len(waveform):
        stop = len(waveform)
        if start + LONGEST < stop:
            first = start + LONGEST - SEARCHED
            places = range(first, start + LONGEST - WINDOW, WINDOW)
            stop = min(places, key=lambda i: float(np.sqrt(np.mean(waveform[i:][:WINDOW] ** 2))))
        chunks.append((start, stop))
        start = stop
    return chunks


@pytest.mark.parametrize("seed", range(8))
def test_chunks_cover_the_recording_once(seed):
    samples = int(np.random.default_rng(seed).integers(LONGEST - RATE, 160 * RATE))
    waveform = speech(samples, seed)
    chunks = CutRule.of().chunks(waveform)

    starts, stops = zip(*chunks, strict=True)
    assert (starts[0], stops[-1]) == (0, samples)
    assert starts[1:] == stops[:-1]
    lengths = [stop - start for start, stop in chunks]
    assert max(lengths) <= LONGEST
    assert all(LONGEST - SEARCHED <= length <= LONGEST - WINDOW for length in lengths[:-1])
    assert chunks == by_definition(waveform)


@pytest.mark.parametrize("samples", [1, 1600, 30 * RATE, 30 * RATE + 1, LONGEST])
def test_what_fits_is_not_cut(samples):
    assert CutRule.of().chunks(speech(samples, 0)) == [(0, samples)]


def test_nothing_has_no_chunks():
    assert CutRule.of().chunks(np.zeros(0, np.float32)) == []


def test_the_cut_is_where_the_quietest_window_begins():
    waveform = np.ones(LONGEST + 1, np.float32)
    quiet = LONGEST - SEARCHED + 7 * WINDOW
    waveform[quiet : quiet + WINDOW] = 0.5
    assert CutRule.of().chunks(waveform) == [(0, quiet), (quiet, LONGEST + 1)]
    # Outside the last five seconds nobody looks.
    waveform[: LONGEST - SEARCHED] = 0
    assert CutRule.of().chunks(waveform) == [(0, quiet), (quiet, LONGEST + 1)]


def test_of_equal_windows_the_first_is_taken():
    first = LONGEST - SEARCHED
    chunks = CutRule.of().chunks(np.ones(LONGEST + 1, np.float32))
    assert chunks == [(0, first), (first, LONGEST + 1)]


def test_the_last_window_does_not_count():
    waveform = np.ones(LONGEST + 1, np.float32)
    waveform[LONGEST - WINDOW :] = 0
    assert CutRule.of().chunks(waveform)[0] == (0, LONGEST - SEARCHED)


# In order: windows that do not divide the stretch; one window only; a stretch as long as a chunk,
# whose quietest place may be its beginning.
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"max_seconds": 1, "overlap_seconds": 0.3, "window_samples": 1000}, 11_200),
        ({"max_seconds": 1, "overlap_seconds": 0.1, "window_samples": 1600}, 15_200),
        ({"max_seconds": 1, "overlap_seconds": 2, "window_samples": 1600}, 1),
    ],
)
def test_other_lengths(options, expected):
    waveform = np.ones(RATE + 1, np.float32)
    assert CutRule.of(**options).chunks(waveform)[0] == (0, expected)


@pytest.mark.parametrize(
    ("texts", "language", "expected"),
    [
        ([], "en", ""),
        (["", " ", "\n"], "en", ""),
        ([" "], "ja", ""),
        ([" one "], "fr", " one"),
        (["", " one ", " two ", "", "three"], "el", " one two three"),
        (["一 ", " 二", " "], "zh", "一二"),
        (["하나", "둘"], "ko", "하나 둘"),
    ],
)
def test_joining(texts, language, expected):
    assert join_texts(texts, language) == expected
    assert join_texts(iter(texts), language) == expected
