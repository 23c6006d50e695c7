"""Moonshine's way through a recording, over a script instead of graphs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_voice.audio import read
from edge_voice.errors import AudioError, ManifestError, OptionError
from edge_voice.live import listen
from edge_voice.models.moonshine.config import (
    FEWEST_SAMPLES,
    long_enough,
    positions_of,
)
from edge_voice.models.moonshine.model import MoonshineModel
from tests.edge_voice.models.scripted import ChunkScript

Array = np.ndarray[Any, np.dtype[Any]]
RATE = 16_000


@pytest.fixture(scope="module")
def speech(data: Path) -> Array:
    """11 s."""
    return np.asarray(read(data / "jfk.wav", sample_rate=RATE), np.float32)


def test_a_recording(moonshine: MoonshineModel, speech: Array) -> None:
    stream = moonshine.stream(speech, sample_rate=RATE)
    segments = list(stream)
    assert {segment.text for segment in segments} == {"ab a."}
    assert (stream.language, stream.language_probability) == ("en", 1.0)
    assert stream.position == stream.duration == 11.0
    assert 0 <= segments[0].start < segments[-1].end <= 11
    assert all(logprob > -1e-6 for segment in segments for logprob in segment.token_logprobs)


def test_silence_says_nothing(moonshine: MoonshineModel, script: ChunkScript) -> None:
    found = moonshine.transcribe(np.zeros(3 * RATE, np.float32), sample_rate=RATE)
    assert (found.text, found.segments, script.encoded) == ("", (), [])


def test_chunks_are_short_and_decoded_side_by_side(
    moonshine: MoonshineModel, script: ChunkScript, speech: Array
) -> None:
    moonshine.transcribe(np.tile(speech, 6), sample_rate=RATE)
    assert max(script.encoded) <= 30 * RATE
    assert np.median(script.encoded) <= 9 * RATE
    assert max(script.rows) == 4
    assert sum(script.rows) == len(script.encoded)


def test_nobody_says_more_than_so_many_tokens_a_second(
    moonshine: MoonshineModel, script: ChunkScript, speech: Array
) -> None:
    """Each clip has a limit of its own, also beside a longer one."""
    script.texts = ([262, 263, 264, 268] * 8,) * 9
    moonshine.chunk_rules = type(moonshine.chunk_rules)(
        target_chunk_seconds=1.0, max_chunk_seconds=30.0
    )
    found = moonshine.transcribe(speech, sample_rate=RATE, timestamps="none")
    lengths = [len(segment.tokens) for segment in found.segments]
    expected = [min(32, 10 + int(samples / RATE * 6.5)) for samples in script.encoded]
    # The loop guard may have been there first.
    assert all(length <= most for length, most in zip(lengths, expected, strict=True))
    assert min(expected) < 32


def test_a_loop_is_cut(moonshine: MoonshineModel, script: ChunkScript, speech: Array) -> None:
    script.texts = ([262] * 60,)
    found = moonshine.transcribe(speech, sample_rate=RATE)
    assert all(segment.tokens == (262,) for segment in found.segments)


def test_sentences_and_words_get_times(
    moonshine: MoonshineModel, script: ChunkScript, speech: Array
) -> None:
    script.texts = ("ab a. ab ab.",)
    plain = moonshine.transcribe(speech, sample_rate=RATE)
    assert [segment.text for segment in plain.segments[:2]] == ["ab a.", "ab ab."]
    assert plain.segments[0].end <= plain.segments[1].start
    assert not plain.segments[0].words
    timed = moonshine.transcribe(speech, sample_rate=RATE, timestamps="word")
    assert [word.text for word in timed.segments[0].words] == ["ab", "a."]
    whole = moonshine.transcribe(speech, sample_rate=RATE, timestamps="none")
    assert whole.segments[0].text == "ab a. ab ab."
    assert plain.text == timed.text == whole.text


def test_beams_take_rows(moonshine: MoonshineModel, script: ChunkScript, speech: Array) -> None:
    greedy = moonshine.transcribe(speech, sample_rate=RATE)
    script.rows.clear()
    assert moonshine.transcribe(speech, sample_rate=RATE, beam_size=4).text == greedy.text
    assert set(script.rows) == {4}


def test_without_voice_activity_all_is_one_piece_of_speech(
    moonshine: MoonshineModel, script: ChunkScript
) -> None:
    silence = np.zeros(3 * RATE, np.float32)
    assert moonshine.transcribe(silence, sample_rate=RATE).segments == ()
    found = moonshine.transcribe(silence, sample_rate=RATE, vad=False, timestamps="none")
    assert [(segment.start, segment.end) for segment in found.segments] == [(0.0, 3.0)]
    assert script.encoded == [3 * RATE]
    with pytest.raises(AudioError, match="longer than 30 s"):
        moonshine.transcribe(np.zeros(31 * RATE, np.float32), sample_rate=RATE, vad=False)


def test_speech_that_is_still_being_spoken(
    moonshine: MoonshineModel, script: ChunkScript, speech: Array
) -> None:
    phrases = list(listen(moonshine, np.array_split(speech, 40), sample_rate=RATE))
    assert phrases[-1].is_final
    assert phrases[-1].text
    assert len(script.encoded) > 1


def test_generate_shows_everything(moonshine: MoonshineModel, script: ChunkScript) -> None:
    tokens = script.tokens(0)
    assert moonshine.generate(np.zeros(RATE, np.float32)) == [1, *tokens, 2]
    assert moonshine.generate(np.zeros(RATE, np.float32), max_new_tokens=1) == [1, tokens[0]]


def test_a_clip_too_short_for_a_position(moonshine: MoonshineModel, script: ChunkScript) -> None:
    moonshine.generate(np.zeros(3, np.float32))
    assert script.encoded == [FEWEST_SAMPLES]
    assert positions_of(long_enough(np.zeros(0))) == 1
    assert positions_of(np.zeros(FEWEST_SAMPLES - 1)) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language": "de"}, "unknown language 'de' (known: en)"),
        ({"task": "translate"}, "unknown task 'translate' (known: transcribe)"),
        ({"timestamps": "token"}, "unknown timestamps 'token'"),
        ({"punctuation": False}, "Moonshine always writes punctuation"),
        ({"initial_prompt": "Ørsted"}, "takes no initial prompt"),
        ({"condition_on_previous_text": True}, "each piece of a recording on its own"),
        ({"temperatures": (0.0, 0.4)}, "does not sample"),
        ({"beam_size": 9}, "beam_size 9 (allowed: 1 to 8)"),
    ],
)
def test_options_that_are_refused(
    moonshine: MoonshineModel, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError) as error:
        moonshine.stream(np.zeros(RATE, np.float32), sample_rate=RATE, **options)
    assert message in str(error.value)


def test_options_that_change_nothing(moonshine: MoonshineModel) -> None:
    stream = moonshine.stream(
        np.zeros(RATE, np.float32),
        sample_rate=RATE,
        language="auto",
        vad=True,
        initial_prompt=" ",
        hotwords=["ab"],
        temperatures=(0.0,),
    )
    assert list(stream) == []
    with pytest.raises(TypeError, match="unexpected option 'beams'"):
        moonshine.stream(np.zeros(RATE, np.float32), beams=2)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocabulary": 0}, "vocabulary is 0"),
        ({"tokens_per_second": float("nan")}, "tokens_per_second is nan"),
        ({"end_of_text": 270}, "end_of_text is token 270 (allowed: 0 to 269)"),
    ],
)
def test_numbers_that_are_refused(
    open_model: Callable[..., MoonshineModel], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ManifestError) as error:
        open_model(**change)
    assert message in str(error.value)
