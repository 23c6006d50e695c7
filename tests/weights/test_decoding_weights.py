"""Beams and hotwords with the published weights of Whisper tiny.en, on English clips."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import edge_voice
from benchmarks.wer import WordErrors, align
from edge_voice.results import Transcript
from edge_voice.transcriber import Transcriber

pytestmark = pytest.mark.weights

# What sounds a little like what is said, and must not be heard for it.
DISTRACTORS = [
    "Kubernetes",
    "Goethe",
    "Guatemala",
    "Byzantium",
    "Saoirse",
    "metformin",
    "Leominster",
]


@pytest.fixture(scope="module")
def tiny_en() -> Transcriber:
    return edge_voice.load("whisper-tiny.en")


@pytest.fixture(scope="module")
def speech(shared: Path) -> dict[Path, str]:
    """English recordings and what is said in them."""
    folder = shared / "data/speech"
    rows = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return {folder / row["file"]: row["text"] for row in rows if row["language"] == "en"}


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def errors(model: Transcriber, speech: dict[Path, str], **options: object) -> WordErrors:
    total = WordErrors()
    for path, text in speech.items():
        found = model.transcribe(path, **options)  # type: ignore[arg-type]
        check_logprobs(found)
        total += align(words(text), words(found.text))
    return total


def check_logprobs(found: Transcript) -> None:
    for segment in found.segments:
        assert len(segment.token_logprobs) == len(segment.tokens)
        assert all(logprob <= 1e-5 for logprob in segment.token_logprobs)


@pytest.mark.parametrize("beam_size", [2, 5, 8])
def test_beams_make_no_more_errors_than_greedy(
    tiny_en: Transcriber, speech: dict[Path, str], beam_size: int
) -> None:
    greedy = errors(tiny_en, speech)
    beams = errors(tiny_en, speech, beam_size=beam_size)
    assert beams.errors <= greedy.errors
    assert beams.rate < 0.06


@pytest.mark.parametrize("beam_size", [1, 5])
@pytest.mark.parametrize(
    ("file", "without", "phrases"),
    [
        ("LJ001-0007.wav", "Guttenburg", ["Gutenberg"]),
        ("fleurs-en-002.ogg", "St. Tra", ["Sintra", "Lord Byron"]),
        ("fleurs-en-004.ogg", "a nurse", ["dinosaurs"]),
    ],
)
def test_hotwords_are_spelled_as_they_should_be(
    tiny_en: Transcriber,
    speech: dict[Path, str],
    file: str,
    without: str,
    phrases: list[str],
    beam_size: int,
) -> None:
    (path,) = (path for path in speech if path.name == file)
    assert without in tiny_en.transcribe(path).text
    found = tiny_en.transcribe(path, beam_size=beam_size, hotwords=[*phrases, *DISTRACTORS])
    assert without not in found.text
    assert all(phrase in found.text for phrase in phrases)
    assert not any(phrase in found.text for phrase in DISTRACTORS)


def test_hotwords_that_nobody_says_do_no_harm(
    tiny_en: Transcriber, speech: dict[Path, str]
) -> None:
    plain = errors(tiny_en, speech)
    assert errors(tiny_en, speech, hotwords=DISTRACTORS).errors <= plain.errors + 1
