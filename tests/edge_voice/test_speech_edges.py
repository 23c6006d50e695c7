"""Silence around speech, and pauses."""

from __future__ import annotations

import numpy as np
import pytest

from edge_voice.speech_edges import pause_samples, trimmed

RATE = 24_000


def test_silence_is_trimmed_and_the_ends_are_faded() -> None:
    tone = np.sin(np.arange(RATE) / 10).astype(np.float32)
    noise = (np.random.default_rng(0).normal(0, 1e-4, RATE // 2)).astype(np.float32)
    speech = trimmed(np.concatenate([noise, tone, noise]), RATE)
    assert RATE + 0.04 * RATE <= len(speech) <= RATE + 0.08 * RATE
    assert abs(speech[0]) < 1e-4
    assert abs(speech[-1]) < 1e-4
    middle = len(speech) // 2
    assert speech[middle] in tone


@pytest.mark.parametrize(("start", "end"), [(True, False), (False, True), (False, False)])
def test_a_piece_of_an_utterance_keeps_the_end_that_goes_on(start: bool, end: bool) -> None:
    noise = np.full(RATE // 2, 1e-5, np.float32)
    piece = np.concatenate([noise, np.sin(np.arange(RATE) / 10).astype(np.float32), noise])
    kept = trimmed(piece, RATE, start=start, end=end)
    assert (kept[0] == noise[0]) is not start
    assert (kept[-1] == noise[0]) is not end
    assert len(piece) - len(kept) == pytest.approx(0.47 * RATE * (start + end), abs=0.01 * RATE)


def test_speech_without_silence_keeps_its_length() -> None:
    tone = np.sin(np.arange(5000) / 10).astype(np.float32)
    speech = trimmed(tone, RATE)
    assert len(speech) == 5000
    np.testing.assert_array_equal(speech[200:-200], tone[200:-200])
    assert abs(speech[-1]) < 0.01


@pytest.mark.parametrize("length", [0, 1, 100, 5000])
def test_nothing_but_silence(length: int) -> None:
    assert len(trimmed(np.zeros(length, np.float32), RATE)) == 0


@pytest.mark.parametrize("length", [1, 2, 3, 130])
def test_very_short_sounds(length: int) -> None:
    assert len(trimmed(np.ones(length, np.float32), RATE)) == length


def test_pauses() -> None:
    stop, comma, word = (pause_samples(text, 1.0, RATE) for text in ("a.", "a,", "a"))
    assert stop > comma > word > 0
    assert pause_samples('"a."', 1.0, RATE) == stop
    assert pause_samples("a.", 2.0, RATE) == stop / 2
