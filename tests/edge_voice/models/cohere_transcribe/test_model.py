"""From audio to segments, with graphs that follow a script."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_voice import language_id
from edge_voice.audio import read
from edge_voice.errors import ManifestError, OptionError
from edge_voice.language_id import LanguageGuess
from edge_voice.live import listen
from edge_voice.models.cohere_transcribe import model
from edge_voice.models.cohere_transcribe.model import CohereModel
from tests.edge_voice.models.scripted import ChunkScript

from .conftest import PROMPT

RATE = 16_000


@pytest.fixture(scope="module")
def speech(data: Path) -> np.ndarray:
    """11 s of a speech."""
    return read(data / "jfk.wav")


def noise(seconds: float, level: float = 0.05) -> np.ndarray:
    samples = np.random.default_rng(0).normal(0, level, int(seconds * RATE))
    return samples.astype(np.float32)


def test_a_recording_becomes_a_transcript(
    cohere: CohereModel, script: ChunkScript, speech: np.ndarray
) -> None:
    transcript = cohere.transcribe(speech, language="en")
    assert transcript.text == "hello"
    assert transcript.language == "en"
    assert transcript.duration == pytest.approx(11, abs=0.1)
    [segment] = transcript.segments
    assert 0 <= segment.start < segment.end <= 11.1
    assert segment.tokens == tuple(script.tokenizer.encode("hello"))
    assert len(segment.token_logprobs) == len(segment.tokens)
    assert segment.token_logprobs[0] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("punctuation", [True, False])
def test_the_prompt(
    cohere: CohereModel, script: ChunkScript, speech: np.ndarray, punctuation: bool
) -> None:
    cohere.transcribe(speech, language="fr", punctuation=punctuation)
    piece = script.tokenizer.id
    assert script.prompts == [
        (
            piece("▁"),
            piece("<|startofcontext|>"),
            piece("<|startoftranscript|>"),
            piece("<|emo:undefined|>"),
            piece("<|fr|>"),
            piece("<|fr|>"),
            piece("<|pnc|>" if punctuation else "<|nopnc|>"),
            piece("<|noitn|>"),
            piece("<|notimestamp|>"),
            piece("<|nodiarize|>"),
        )
    ]


@pytest.mark.parametrize("sound", [np.zeros(5 * RATE, np.float32), noise(20)])
def test_silence_and_noise_say_nothing(
    cohere: CohereModel, script: ChunkScript, sound: np.ndarray
) -> None:
    transcript = cohere.transcribe(sound, language="en")
    assert transcript.text == ""
    assert transcript.segments == ()
    assert script.encoded == []


def test_a_word_of_half_a_second_is_heard(cohere: CohereModel, speech: np.ndarray) -> None:
    assert cohere.transcribe(speech[8000:16000], language="en").text == "hello"


def test_chunks_are_decoded_side_by_side(
    cohere: CohereModel, script: ChunkScript, speech: np.ndarray
) -> None:
    script.texts = [f"number {word}" for word in ("one", "two", "three", "four", "five", "six")]
    pause = np.zeros(2 * RATE, np.float32)
    recording = np.concatenate([part for _ in range(6) for part in (speech, pause)])
    segments = list(cohere.stream(recording, language="en", timestamps="none"))
    assert [segment.text for segment in segments] == list(script.texts)
    assert script.rows == [4, 2]
    starts = [segment.start for segment in segments]
    assert starts == sorted(starts)
    for i, segment in enumerate(segments):
        assert 13 * i - 0.3 <= segment.start < segment.end <= 13 * i + 11.3


def test_beams_take_the_rows_of_chunks(
    cohere: CohereModel, script: ChunkScript, speech: np.ndarray
) -> None:
    recording = np.concatenate([speech, np.zeros(2 * RATE, np.float32), speech])
    transcript = cohere.transcribe(recording, language="en", beam_size=4, timestamps="none")
    assert transcript.text == "hello hello"
    assert script.rows == [4, 4]


def test_without_voice_activity_all_is_heard(cohere: CohereModel, script: ChunkScript) -> None:
    """Cut as the reference cuts, block by block."""
    sound = noise(80)
    sound[33 * RATE : 33 * RATE + 1600] = 0
    transcript = cohere.transcribe(sound, language="en", vad=False, timestamps="none")
    chunks = cohere.chunks(sound)
    assert chunks[0] == (0, 33 * RATE)
    assert [(round(s.start * RATE), round(s.end * RATE)) for s in transcript.segments] == chunks
    assert script.encoded == [(stop - start) // 160 for start, stop in chunks]


def test_memory_does_not_grow_with_the_recording(cohere: CohereModel) -> None:
    """Half an hour, without voice activity: no more than one chunk and a block are held."""
    blocks = (noise(1) for _ in range(1800))
    held = 0
    for chunk in cohere._cut_rule.cut(blocks):
        held = max(held, len(chunk.waveform))
    assert held <= 35 * RATE


def test_sentences_have_times(cohere: CohereModel, script: ChunkScript, speech: np.ndarray) -> None:
    script.texts = ["the first one. and the second one. the third?"]
    segments = cohere.transcribe(speech, language="en").segments
    assert [s.text for s in segments] == ["the first one.", "and the second one.", "the third?"]
    times = [time for segment in segments for time in (segment.start, segment.end)]
    assert times == sorted(times)
    assert len(set(times)) > 3
    assert all(not segment.words for segment in segments)
    tokens = [token for segment in segments for token in segment.tokens]
    assert tokens == script.tokenizer.encode(script.texts[0])


def test_words_have_times(cohere: CohereModel, script: ChunkScript, speech: np.ndarray) -> None:
    script.texts = ["the first one. the second one."]
    segments = cohere.transcribe(speech, language="en", timestamps="word").segments
    words = [word for segment in segments for word in segment.words]
    assert [word.text for word in words] == script.texts[0].split()
    for one, other in pairwise(words):
        assert one.start <= one.end <= other.start
    assert all(segment.words for segment in segments)


def test_japanese_is_joined_without_blanks(
    cohere: CohereModel, script: ChunkScript, speech: np.ndarray
) -> None:
    recording = np.concatenate([speech, np.zeros(2 * RATE, np.float32), speech])
    assert cohere.transcribe(recording, language="ja", timestamps="none").text == "hellohello"


def test_speech_that_is_still_being_spoken(
    cohere: CohereModel, script: ChunkScript, speech: np.ndarray
) -> None:
    phrases = list(listen(cohere, np.split(speech, 40), language="en"))
    finals = [phrase for phrase in phrases if phrase.is_final]
    assert len(finals) > 1
    assert {phrase.text for phrase in phrases} == {"hello"}
    assert finals[-1].end == pytest.approx(11, abs=0.5)


def test_a_loop_is_cut(cohere: CohereModel, script: ChunkScript, speech: np.ndarray) -> None:
    phrase = script.tokenizer.encode("hello")
    script.texts = [phrase * 40]
    transcript = cohere.transcribe(speech, language="en", timestamps="none")
    assert transcript.segments[0].tokens == tuple(phrase)


def test_the_decoder_never_runs_out_of_positions(
    cohere: CohereModel, script: ChunkScript, speech: np.ndarray
) -> None:
    random = np.random.default_rng(0)
    low = script.tokenizer.id("▁") + 1
    script.texts = [random.integers(low, len(script.tokenizer), 500).tolist()]
    [segment] = cohere.transcribe(speech, language="en", timestamps="none").segments
    assert len(segment.tokens) == cohere.config.text_positions - PROMPT


def test_a_short_clip_cannot_say_much(
    open_model: Callable[..., CohereModel], script: ChunkScript, speech: np.ndarray
) -> None:
    cohere = open_model(text_positions=1024)
    random = np.random.default_rng(0)
    script.texts = [random.integers(400, len(script.tokenizer), 900).tolist()]
    [segment] = cohere.transcribe(speech[: 2 * RATE], language="en", timestamps="none").segments
    assert 32 <= len(segment.tokens) <= 32 + 2 * 16


def guess(waveform: np.ndarray, languages: Any, threads: int) -> LanguageGuess:
    assert set(languages) == {"en", "fr", "ja"}
    assert len(waveform) > RATE
    return LanguageGuess("fr", 0.75, "whisper-tiny")


@pytest.mark.parametrize("options", [{}, {"language": None}, {"language": "auto"}])
def test_the_language_is_detected(
    cohere: CohereModel,
    script: ChunkScript,
    speech: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
) -> None:
    monkeypatch.setattr(model, "identify", guess)
    stream = cohere.stream(speech, **options)
    assert stream.join().language == "fr"
    assert stream.language_probability == 0.75
    assert script.prompts[0][4] == script.tokenizer.id("<|fr|>")


def test_no_model_to_detect_the_language(
    cohere: CohereModel, speech: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_VOICE_HOME", str(tmp_path / "empty"))
    with pytest.raises(OptionError, match="edge-voice pull whisper-tiny"):
        cohere.transcribe(speech)


def test_nobody_asks_for_the_language_of_silence(
    cohere: CohereModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language_id, "identify", None)
    monkeypatch.setattr(model, "identify", None)
    transcript = cohere.transcribe(np.zeros(3 * RATE, np.float32))
    assert transcript.language is None
    assert transcript.text == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language": "de"}, r"unknown language 'de' \(known: en, fr, ja\)"),
        ({"task": "translate"}, r"unknown task 'translate' \(known: transcribe\)"),
        ({"timestamps": "letter"}, r"unknown timestamps 'letter' \(known: none, segment, word\)"),
        ({"initial_prompt": "Hello"}, "takes no initial prompt"),
        ({"condition_on_previous_text": True}, "on its own"),
        ({"temperatures": (0.0, 0.2)}, "does not sample"),
        ({"beam_size": 9}, r"beam_size 9 \(allowed: 1 to 8\)"),
    ],
)
def test_what_it_cannot_do_is_refused_at_once(
    cohere: CohereModel, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        cohere.stream(noise(1), **{"language": "en", **options})


def test_one_clip_at_most(cohere: CohereModel) -> None:
    with pytest.raises(OptionError, match=r"35\.1 s at once \(allowed: 35 s"):
        cohere.generate(noise(35.1), "en")
    with pytest.raises(OptionError, match=r"3501 frames of features \(allowed: 1 to 3500\)"):
        cohere.encode(np.zeros((3501, 8), np.float32))
    with pytest.raises(OptionError, match="unknown language 'xx'"):
        cohere.generate(noise(1), "xx")


def test_hotwords_win_over_what_is_nearly_as_likely(
    cohere: CohereModel, speech: np.ndarray
) -> None:
    """The script is certain by 30 logits, and a boost is at most 20: it must stay as it is."""
    text = cohere.transcribe(speech, language="en", hotwords=["one"], hotword_boost=20.0).text
    assert text == "hello"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mels": 0}, "mels is 0"),
        ({"clip_seconds": 3.0}, "clips of 3.0 s with an overlap of 5.0 s"),
        ({"end_of_text": 999}, r"end_of_text is token 999 \(allowed: 0 to 780\)"),
        ({"language_tokens": {"en": -1}}, "en is token -1"),
    ],
)
def test_impossible_numbers(
    open_model: Callable[..., CohereModel], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ManifestError, match=message):
        open_model(**changes)
