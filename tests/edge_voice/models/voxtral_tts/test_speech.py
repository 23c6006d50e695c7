"""Attempts and chunks, without a model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from edge_voice.models.voxtral_tts.passages import Passage
from edge_voice.models.voxtral_tts.speech import Attempt, chunked, first_good_attempt

LONG = Passage.of("x" * 200)  # 50 to 425 frames
SHORT = Passage.of("x" * 20)  # 5 to 65 frames


class Speaker:
    """Gives so many frames at each attempt, and remembers what was asked of it."""

    def __init__(self, passage: Passage, *lengths: int) -> None:
        self.passage = passage
        self.lengths = lengths
        self.attempts: list[int] = []
        self.made = 0

    def __call__(self, attempt: int) -> Iterator[np.ndarray]:
        self.attempts.append(attempt)
        for i in range(min(self.lengths[attempt], self.passage.most_frames)):
            self.made += 1
            yield np.array([attempt, i])

    def speak(self, *, first: bool) -> list[np.ndarray]:
        attempt = first_good_attempt(self, self.passage, first=first)
        return [*attempt.frames, *attempt.rest]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("passage", [SHORT, LONG])
def test_a_plausible_attempt_is_the_only_one(passage, first):
    speaker = Speaker(passage, 60)
    assert len(speaker.speak(first=first)) == 60
    assert speaker.attempts == [0]
    assert speaker.made == 60


def test_speech_that_ends_at_once_is_made_again():
    speaker = Speaker(LONG, 0, 3, 90)
    found = speaker.speak(first=True)
    assert speaker.attempts == [0, 1, 2]
    assert [row.tolist() for row in found] == [[2, i] for i in range(90)]


def test_short_speech_that_does_not_end_is_made_again():
    speaker = Speaker(SHORT, 1000, 12)
    assert len(speaker.speak(first=True)) == 12
    assert speaker.made == SHORT.most_frames + 12


def test_the_last_attempt_is_taken_as_it_is():
    assert len(Speaker(SHORT, 1000, 2, 4).speak(first=False)) == 4
    assert len(Speaker(SHORT, 0, 0, 0).speak(first=False)) == 0
    assert len(Speaker(LONG, 1000).speak(first=True)) == LONG.most_frames


def test_what_was_heard_is_not_made_again():
    """Of a long passage the first frames are given away before its length is known."""
    speaker = Speaker(LONG, 20)
    assert len(speaker.speak(first=True)) == 20
    assert speaker.attempts == [0]


def test_the_first_sound_waits_for_few_frames():
    speaker = Speaker(LONG, 200)
    attempt = first_good_attempt(speaker, LONG, first=True)
    assert len(next(chunked(attempt))) == 5
    assert speaker.made == 5


@pytest.mark.parametrize("held", [0, 4, 5, 12, 40, 100])
def test_chunks_grow_and_lose_nothing(held):
    rows = [np.array([i]) for i in range(100)]
    attempt = Attempt(rows[:held], iter(rows[held:]), ended=False)
    chunks = list(chunked(attempt))
    np.testing.assert_array_equal(np.concatenate(chunks)[:, 0], np.arange(100))
    assert [len(chunk) for chunk in chunks] == [5, 10, 20, 25, 25, 15]


def test_nothing_makes_no_chunk():
    assert list(chunked(Attempt([], iter(()), ended=True))) == []
