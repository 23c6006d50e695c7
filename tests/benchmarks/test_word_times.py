"""How errors of word times are counted, and where the truth comes from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.espeak import _words
from benchmarks.tables import word_times
from benchmarks.word_times import matches, measure, summary
from benchmarks.word_truth import Recording, beside_pauses
from edge_voice.results import Segment, Transcript, Word

WORD, PHONEME, CLAUSE = 1, 7, 5


def test_words_of_a_synthesiser() -> None:
    """`in the` is said in one go; a pause and the end of a clause end a word."""
    events = [
        (WORD, 1, 0.0, ""), (PHONEME, 1, 0.05, "h"), (PHONEME, 1, 0.1, "i"),
        (PHONEME, 4, 0.4, "_:"), (WORD, 5, 0.6, ""), (PHONEME, 5, 0.6, "I"),
        (PHONEME, 5, 0.7, "@"), (WORD, 12, 0.9, ""), (PHONEME, 12, 0.95, "e"),
        (CLAUSE, 14, 1.5, ""),
    ]  # fmt: skip
    assert list(_words("hi, in the end", events)) == [
        ("hi,", 0.05, 0.4), ("in", 0.6, None), ("the", None, 0.9), ("end", 0.95, 1.5)
    ]  # fmt: skip


def test_only_words_beside_pauses_count() -> None:
    words = (("a", 0.0, 0.2), ("b", 0.2, 0.5), ("c", 0.5, 0.9))
    recording = Recording("x", "read aloud", np.ones(16_000, np.float32), words)
    [joined] = beside_pauses([recording, recording])
    assert [word[0] for word in joined.words] == [*"abcabc"]
    assert joined.words[:3] == (("a", 0.0, None), ("b", None, None), ("c", None, 0.9))
    assert joined.words[3][1] == pytest.approx(1.3)
    assert len(joined.waveform) == round(16_000 * (1 + 0.3 + 1 + 0.8))


def test_words_are_matched_by_their_letters() -> None:
    truth = (("One,", 0.0, 1.0), ("two", 1.0, 2.0), ("three", 2.0, 3.0))
    heard = [Word(0.1, 1.0, "one"), Word(1.0, 1.5, "too"), Word(2.0, 2.5, "Three.")]
    assert [(told[0], word.text) for told, word in matches(truth, heard)] == [
        ("One,", "one"), ("three", "Three.")
    ]  # fmt: skip


def test_errors_and_their_table() -> None:
    words = (("one", 0.0, 1.0), ("two", 1.0, None), ("three", None, None))
    heard = (Word(0.15, 1.05, "one"), Word(0.95, 2.0, "two"))
    segment = Segment(0.0, 2.0, "one two", words=heard)
    model: Any = SimpleNamespace(
        transcribe=lambda waveform, **options: Transcript("", "en", 3.0, (segment,))
    )
    spoken = [Recording("x", "synthetic", np.zeros(9, np.float32), words)]
    parts = measure(model, spoken)
    assert parts["synthetic"]["words"] == parts["synthetic"]["found"] == 2
    assert parts["synthetic"]["start"] == {
        "bias": 0.05, "median": 0.1, "p90": 0.14, "within_0.1": 0.5, "within_0.2": 1.0
    }  # fmt: skip
    assert parts["synthetic"]["end"]["median"] == 0.05
    row = {"model": "m", "heads": "chosen", "vad": True, "parts": parts}
    line = word_times({"rows": [row]}).splitlines()[-1]
    assert line.startswith("| m | chosen | yes | synthetic | 100 % | 0.10 s | 0.14 s | 50 % |")


def test_a_summary_is_of_sizes_but_the_bias_is_signed() -> None:
    assert summary([-0.3, -0.1, 0.1])["bias"] == -0.1
    assert summary([-0.3, -0.1, 0.1])["median"] == 0.1
