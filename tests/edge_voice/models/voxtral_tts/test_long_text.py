"""Texts of any length: joins, repeats, and memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from edge_voice.models.voxtral_tts import model as voxtral
from edge_voice.models.voxtral_tts.config import END_AUDIO
from edge_voice.speech_edges import pause_samples

RATE, FRAME_SAMPLES, FADE_SAMPLES = 24_000, 1920, 120
SENTENCE = "A sentence of about forty letters, {}."


class Speaker:
    """Stands in for the acoustic transformer: says how many frames each attempt has.

    The backbone and the codec are the real ones.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, model: Any, *lengths: int) -> None:
        self.lengths = lengths
        self.seeds: list[tuple[int, ...]] = []
        self._left = 0
        self._noise = model._noise
        monkeypatch.setattr(model, "_noise", self.begin)
        monkeypatch.setattr(model.acoustic, "frame", self.frame)

    def begin(self, seed: tuple[int, ...]) -> Iterator[np.ndarray]:
        """Each attempt begins with noise of its own."""
        self._left = self.lengths[min(len(self.seeds), len(self.lengths) - 1)]
        self.seeds.append(seed)
        return self._noise(seed)

    def frame(self, *_: Any, **__: Any) -> np.ndarray:
        self._left -= 1
        return np.full(37, 5 if self._left >= 0 else END_AUDIO)


def spoken(model: Any, text: str, **options: Any) -> np.ndarray:
    return np.concatenate([chunk.waveform for chunk in model.synthesize(text, **options)])


@pytest.mark.parametrize("mark", [".", "?", "!", "…"])
def test_passages_are_joined_with_the_pause_of_their_mark(
    model: Any, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    Speaker(monkeypatch, model, 20, 30)
    first = f"A sentence of about forty letters, one{mark}"
    found = spoken(model, f"{first} {SENTENCE.format('two')}")
    pause = pause_samples(next(iter(voxtral.sentences(first, "en"))), 1.0, RATE)
    assert pause > 0.1 * RATE
    assert len(found) == (20 + 30) * FRAME_SAMPLES + 2 * FADE_SAMPLES + pause
    end = 20 * FRAME_SAMPLES + FADE_SAMPLES
    assert found[end - 1] == 0  # faded out: no click
    assert not found[end : end + pause].any()
    assert found[end + pause : end + pause + 200].any()


def test_no_pause_at_the_end(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Speaker(monkeypatch, model, 20)
    assert len(spoken(model, SENTENCE)) == 20 * FRAME_SAMPLES + FADE_SAMPLES


def test_a_passage_that_ends_too_early_is_made_again(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = Speaker(monkeypatch, model, 20, 3, 0, 25)
    text = f"{SENTENCE.format('one')} {SENTENCE.format('two')}"
    found = spoken(model, text, seed=6)
    # Other attempts draw other noise: seed, number of the passage, number of the attempt.
    assert speaker.seeds == [(6, 0, 0), (6, 1, 0), (6, 1, 1), (6, 1, 2)]
    pause = pause_samples(".", 1.0, RATE)
    assert len(found) == (20 + 25) * FRAME_SAMPLES + 2 * FADE_SAMPLES + pause


def test_a_passage_that_does_not_end_is_made_again(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = Speaker(monkeypatch, model, 1000, 9)
    found = spoken(model, "Fifteen letters.")
    assert len(speaker.seeds) == 2
    assert len(found) == 9 * FRAME_SAMPLES + FADE_SAMPLES


def test_nothing_babbles(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third attempt is taken, and ends at the cap of 25 frames and 2 a character."""
    speaker = Speaker(monkeypatch, model, 10_000)
    found = spoken(model, "Fifteen letters.")
    assert len(speaker.seeds) == 3
    assert len(found) == (25 + 2 * 16) * FRAME_SAMPLES + FADE_SAMPLES


def test_hundreds_of_sentences_in_bounded_memory(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text is read as it is spoken; the cache holds one passage, and its memory stays."""
    read = 0
    sentences = voxtral.sentences

    def counted(*arguments: Any) -> Iterator[str]:
        nonlocal read
        for sentence in sentences(*arguments):
            read += 1
            yield sentence

    monkeypatch.setattr(voxtral, "sentences", counted)
    Speaker(monkeypatch, model, 80)
    text = " ".join(SENTENCE.format(f"number {i}") for i in range(200))
    said: dict[str, int] = {}
    ahead, capacities, lengths, seconds = set(), set(), set(), 0.0
    for chunk in model.synthesize(text, seed=2):
        said[chunk.text] = chunk.text.count("A sentence")
        ahead.add(read - sum(said.values()))
        capacities.add(model.backbone.cache.capacity)
        lengths.add(model.backbone.length)
        seconds += chunk.seconds
    assert sum(said.values()) == read == 200
    assert len(said) > 25
    assert seconds > 150
    assert max(ahead) <= 3
    assert len(capacities) <= 2
    assert max(lengths) < 600
