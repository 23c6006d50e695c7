"""Speech while it is spoken, with the published weights of small English models."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import edge_voice
from benchmarks.wer import align
from edge_voice import audio
from edge_voice.live import Live, hearing, listen
from edge_voice.results import Phrase
from edge_voice.transcriber import Transcriber
from edge_voice.vad import ChunkRules, SpeechCutter, VoiceActivity

pytestmark = pytest.mark.weights

SAID = (
    "and so my fellow americans ask not what your country can do for you ask what you can do for"
    " your country"
)
RULES = ChunkRules(
    pad_seconds=0.25, max_pause_seconds=0.5, target_chunk_seconds=15.0, max_chunk_seconds=15.0
)


@pytest.fixture(scope="module", params=["whisper-tiny.en", "moonshine-tiny"])
def model(request: pytest.FixtureRequest) -> Transcriber:
    return edge_voice.load(request.param, task="transcribe", threads=2)


@pytest.fixture(scope="module")
def kennedy(data: Path) -> np.ndarray:
    """11 s with pauses, and a pause behind it: (n,) at 16 kHz."""
    return np.concatenate((audio.read(data / "jfk.wav"), np.zeros(16_000, np.float32)))


def follow(
    model: Transcriber, samples: np.ndarray, sizes: list[int], interval: float
) -> list[Phrase]:
    """What a machine would say that is never too slow."""
    cutter = SpeechCutter(VoiceActivity(), RULES)
    live = Live(hearing(model, {}), cutter, interval_seconds=interval, clock=lambda: 0.0)
    return list(live.phrases(np.split(samples, np.cumsum(sizes))))


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def final_text(phrases: list[Phrase]) -> str:
    return " ".join(phrase.text for phrase in phrases if phrase.is_final)


def test_finals_say_what_is_said(model: Transcriber, kennedy: np.ndarray) -> None:
    # Without looks in between, which a busy machine leaves out, it is always the same.
    chunks = np.split(kennedy, range(500, len(kennedy), 500))
    phrases = list(listen(model, chunks, partials=False))
    # Phrases of a few words are heard a little worse than the whole recording.
    assert align(words(SAID), words(final_text(phrases))).errors <= 4
    finals = [phrase for phrase in phrases if phrase.is_final]
    assert 2 <= len(finals) <= 5
    assert [phrase.index for phrase in finals] == list(range(len(finals)))
    assert 0.2 < finals[0].start < 0.5
    assert 10.0 < finals[-1].end < 11.1


def test_stable_words_are_the_beginning_of_the_final_text(
    model: Transcriber, kennedy: np.ndarray
) -> None:
    phrases = follow(model, kennedy, [], 0.5)
    finals = {phrase.index: phrase.text for phrase in phrases if phrase.is_final}
    growing = [phrase for phrase in phrases if not phrase.is_final]
    assert len(growing) >= len(finals)
    assert any(phrase.stable for phrase in growing)
    for phrase in growing:
        assert finals[phrase.index].startswith(phrase.stable)


def test_chunks_do_not_matter(model: Transcriber, kennedy: np.ndarray) -> None:
    sizes = np.random.default_rng(0).integers(0, 5000, 60).tolist()
    assert follow(model, kennedy, sizes, 1.0) == follow(model, kennedy, [], 1.0)


def test_a_stream_that_ends_inside_a_word(model: Transcriber, kennedy: np.ndarray) -> None:
    found = words(final_text(list(listen(model, [kennedy[: round(9.4 * 16_000)]]))))
    whole = words(SAID)
    assert align(whole[: len(found)], found).errors <= 3
    assert len(whole) - 7 <= len(found) < len(whole)


@pytest.mark.parametrize("kind", ["silence", "noise"])
def test_what_is_no_speech_gives_nothing(model: Transcriber, kind: str) -> None:
    noise = 0.05 * np.random.default_rng(0).standard_normal(5 * 16_000)
    samples = noise if kind == "noise" else np.zeros(5 * 16_000)
    assert list(listen(model, [samples.astype(np.float32)])) == []
