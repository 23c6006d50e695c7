"""Results are plain values: comparable, hashable, not to be changed, ready for JSON."""

from __future__ import annotations

import dataclasses
import json

import pytest

from edge_voice.results import Segment, Transcript, Word

WORD = Word(0.5, 1.125, "Hello.", 0.75)
SEGMENT = Segment(0.5, 1.25, "Hello.", (1, 2), -0.25, 0.125, 0.2, (WORD,), (-0.25, -0.125))
TRANSCRIPT = Transcript("Hello.", "en", 2.0, (SEGMENT,))


@pytest.mark.parametrize(
    ("value", "name"), [(WORD, "end"), (SEGMENT, "text"), (TRANSCRIPT, "segments")]
)
def test_results_cannot_be_changed(value: Word | Segment | Transcript, name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, "other")


def test_results_compare_and_hash_by_value() -> None:
    again = Transcript("Hello.", "en", 2.0, (dataclasses.replace(SEGMENT),))
    assert again == TRANSCRIPT
    assert len({again, TRANSCRIPT}) == 1
    assert dataclasses.replace(SEGMENT, end=1.5) != SEGMENT


def test_results_survive_json() -> None:
    fields = json.loads(json.dumps(dataclasses.asdict(TRANSCRIPT)))
    segments = []
    for row in fields.pop("segments"):
        words = tuple(Word(**word) for word in row["words"])
        values = {key: tuple(row[key]) for key in ("tokens", "token_logprobs")}
        segments.append(Segment(**row | values | {"words": words}))
    assert Transcript(**fields, segments=tuple(segments)) == TRANSCRIPT


def test_a_segment_needs_only_times_and_text() -> None:
    bare = Segment(0.0, 1.0, "x")
    assert bare.token_logprobs == ()
    assert (bare.tokens, bare.avg_logprob, bare.no_speech_prob, bare.temperature) == ((), 0, 0, 0)
    assert bare.words == ()


def test_a_word_can_be_moved() -> None:
    assert WORD.moved(10.0004) == Word(10.5, 11.125, "Hello.", 0.75)
