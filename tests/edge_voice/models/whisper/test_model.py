"""Whisper as a transcriber: what is decoded becomes segments. Windows last 2 s."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_voice.errors import AudioError, OptionError
from edge_voice.models.whisper.config import SAMPLE_RATE
from edge_voice.models.whisper.model import WhisperModel
from edge_voice.results import Segment
from tests.edge_voice.models.whisper.script import CONFIG, Script, Take, Window

OpenModel = Callable[..., WhisperModel]
CLIP = Path(__file__).parents[3] / "data" / "LJ001-0002.wav"  # 1.9 s


def sound(seconds: float) -> np.ndarray:
    count = round(seconds * SAMPLE_RATE)
    return np.random.default_rng(0).uniform(-0.5, 0.5, count).astype(np.float32)


def spans(segments: tuple[Segment, ...]) -> list[tuple[float, float, str]]:
    return [(segment.start, segment.end, segment.text) for segment in segments]


def test_one_window(script: Script, whisper: WhisperModel) -> None:
    script.hear([0.1, " Hello.", 0.8, 0.9, " Bye.", 1.4])
    found = whisper.transcribe(sound(1.5), language="en", vad=False)
    assert spans(found.segments) == [(0.1, 0.8, "Hello."), (0.9, 1.4, "Bye.")]
    assert (found.text, found.language, found.duration) == ("Hello. Bye.", "en", 1.5)
    first = found.segments[0]
    assert first.tokens == tuple(Take([0.1, " Hello.", 0.8]).tokens(CONFIG))
    assert (first.temperature, first.avg_logprob) == (0.0, pytest.approx(0, abs=1e-6))
    assert first.no_speech_prob < 1e-6
    for segment in found.segments:
        assert len(segment.token_logprobs) == len(segment.tokens)
        assert segment.token_logprobs == pytest.approx([0] * len(segment.tokens), abs=1e-6)


def test_the_next_window_starts_where_the_last_segment_closed(
    script: Script, whisper: WhisperModel
) -> None:
    script.hear([0.0, "a", 1.0, 1.0, "b"], [0.0, "b", 1.5], [0.0, "c", 0.4])
    audio = sound(3.5)
    found = whisper.transcribe(audio, language="en", vad=False)
    assert spans(found.segments) == [(0.0, 1.0, "a"), (1.0, 2.5, "b"), (3.0, 3.4, "c")]
    assert found.duration == 3.5
    second = whisper.features(audio[SAMPLE_RATE : 3 * SAMPLE_RATE])
    np.testing.assert_array_equal(script.features[1], second)


def test_segments_are_streamed(script: Script, whisper: WhisperModel) -> None:
    script.hear([0.0, "a", 1.5], [0.0, "b", 1.5], [0.0, "c", 1.0])
    stream = whisper.stream(sound(5), vad=False)
    assert (stream.language, stream.position, len(script.features)) == (None, 0.0, 0)
    segments = iter(stream)
    assert next(segments).text == "a"
    assert (stream.language, len(script.features)) == ("en", 1)
    assert stream.duration < 5
    assert next(segments).text == "b"
    assert stream.position == 2.0
    assert [segment.text for segment in segments] == ["c"]
    assert (stream.position, stream.duration) == (5.0, 5.0)


def test_a_file(script: Script, whisper: WhisperModel) -> None:
    script.hear([0.0, "a", 1.8])
    for audio in (CLIP, str(CLIP), CLIP.read_bytes()):
        found = whisper.transcribe(audio, language="en")
        assert spans(found.segments)[0][2] == "a"
        assert found.duration == pytest.approx(1.9, abs=0.01)
        script.features.clear()


# The stream and its generator refer to each other: the file is closed when the collector comes.
NOT_YET = pytest.mark.xfail(strict=True, reason="closed by the garbage collector, with a warning")


@pytest.mark.parametrize("listened_to", [True, pytest.param(False, marks=NOT_YET)])
def test_an_abandoned_stream_leaves_no_file_open(whisper: WhisperModel, listened_to: bool) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        stream = whisper.stream(CLIP, vad=False, language="en")
        if listened_to:
            next(iter(stream))
        del stream
        gc.collect()
    assert not [str(warning.message) for warning in heard]


def test_silence_is_not_decoded(script: Script, whisper: WhisperModel) -> None:
    found = whisper.transcribe(np.zeros(3 * SAMPLE_RATE, np.float32))
    assert (found.text, found.segments, found.language) == ("", (), None)
    assert found.duration == 3.0
    assert not script.features


@pytest.mark.parametrize(("logit", "text"), [(0.0, ""), (60.0, "you")])
def test_words_nobody_said_are_dropped_unless_certain(
    script: Script, whisper: WhisperModel, logit: float, text: str
) -> None:
    script.hear(Window([Take(["you"], logit=logit)], no_speech=True))
    options = {"language": "en", "vad": False, "timestamps": "none"}
    assert whisper.transcribe(sound(1), **options).text == text


@pytest.mark.parametrize("text", [" ", " \n"])
def test_segments_without_text_are_dropped(
    script: Script, whisper: WhisperModel, text: str
) -> None:
    script.hear([0.0, "a", 0.5, 0.5, text, 0.9])
    found = whisper.transcribe(sound(1), language="en", vad=False)
    assert spans(found.segments) == [(0.0, 0.5, "a")]


def test_text_alone(script: Script, whisper: WhisperModel) -> None:
    script.hear(["Hello."], ["world"])
    found = whisper.transcribe(sound(3), language="en", timestamps="none", vad=False)
    assert spans(found.segments) == [(0.0, 2.0, "Hello."), (2.0, 3.0, "world")]
    assert script.prompts[0] == (257, 258, 262, 265)


@pytest.mark.parametrize(("task", "token"), [("transcribe", 262), ("translate", 261)])
@pytest.mark.parametrize(("language", "code"), [("de", 259), ("fr", 260)])
def test_language_and_task_are_in_the_prompt(
    script: Script, whisper: WhisperModel, task: str, token: int, language: str, code: int
) -> None:
    found = whisper.transcribe(sound(1), language=language, task=task, vad=False)
    assert script.prompts == [(257, code, token)]
    assert found.language == language


def test_the_language_is_detected_once(script: Script, whisper: WhisperModel) -> None:
    script.hear(Window([Take([0.0, "a", 1.0])], language="de"), [0.0, "b", 1.0])
    stream = whisper.stream(sound(4), vad=False)
    assert stream.join().language == "de"
    assert [prompt[1] for prompt in script.prompts] == [259, 259]
    # Softmax of 5, 0, 0 over the three languages.
    assert stream.language_probability == pytest.approx(np.exp(5) / (np.exp(5) + 2), rel=1e-5)


def test_a_given_language_is_certain(whisper: WhisperModel) -> None:
    stream = whisper.stream(sound(1), language="fr", vad=False)
    stream.join()
    assert (stream.language, stream.language_probability) == ("fr", 1.0)


def test_english_only(script: Script, open_model: OpenModel) -> None:
    whisper = open_model(multilingual=False)
    script.hear([0.0, "a", 1.0])
    found = whisper.transcribe(sound(1.5), vad=False)
    assert (found.text, found.language, whisper.languages) == ("a", "en", ("en",))
    assert whisper.transcribe(sound(1.5), language="en", vad=False).language == "en"
    with pytest.raises(OptionError, match=r"unknown task 'translate' \(known: transcribe\)"):
        whisper.stream(sound(1), task="translate")


def test_a_doubtful_window_is_tried_again(script: Script, whisper: WhisperModel) -> None:
    script.hear(Window([Take([0.0, "x"], logit=0.5), Take([0.0, "Hello.", 1.0])]))
    found = whisper.transcribe(sound(2), language="en", vad=False)
    assert found.text == "Hello."
    assert found.segments[0].temperature == 0.2


def test_the_best_of_all_tries_is_kept(script: Script, whisper: WhisperModel) -> None:
    takes = [Take(["a"], 4.0), Take(["b"], 4.5), Take(["c"], 4.2)]
    script.hear(Window(takes))
    options = {"language": "en", "vad": False, "timestamps": "none"}
    found = whisper.transcribe(sound(1), temperatures=(0.0, 1e-3, 2e-3), **options)
    assert found.text == "b"
    assert found.segments[0].temperature == 1e-3
    assert found.segments[0].avg_logprob < -1


def test_a_draft_is_taken_as_it_comes(script: Script, whisper: WhisperModel) -> None:
    script.hear(Window([Take([0.0, "x", 1.0], logit=0.5), Take([0.0, "Hello.", 1.0])]))
    found = whisper.transcribe(sound(1), language="en", vad=False, draft=True)
    assert found.text == "x"
    assert len(script.takes) == 1


def test_one_temperature_is_one_try(script: Script, whisper: WhisperModel) -> None:
    script.hear(Window([Take(["x"], logit=0.5), Take(["Hello."])]))
    options = {"language": "en", "vad": False, "timestamps": "none"}
    whisper.transcribe(sound(2), temperatures=(0.0,), **options)
    assert len(script.takes) == 1


def test_a_short_window_that_sounds_wrong_is_encoded_in_full(
    script: Script, open_model: OpenModel
) -> None:
    whisper = open_model(audio_positions=500, vocabulary=266 + 501)  # windows of 10 s
    script.hear(Window([Take(["x"], logit=0.5), Take(["Hello."])]))
    options = {"language": "en", "vad": False, "timestamps": "none"}
    found = whisper.transcribe(sound(2), **options)
    assert found.text == "Hello."
    assert found.segments[0].temperature == 0.0
    assert [features.shape[1] for features in script.features] == [1000]


def test_a_short_window_is_not_padded_to_the_full_length(
    script: Script, open_model: OpenModel
) -> None:
    whisper = open_model(audio_positions=500, vocabulary=266 + 501)
    whisper.transcribe(sound(2), language="en", vad=False)
    assert 200 <= script.features[0].shape[1] < 1000


def test_loops_are_cut(script: Script, whisper: WhisperModel) -> None:
    script.hear(["Thanks. " + "Bye. " * 9])
    options = {"language": "en", "vad": False, "timestamps": "none"}
    assert whisper.transcribe(sound(2), **options).text == "Thanks. Bye"


def test_the_prompt_is_what_came_before(script: Script, whisper: WhisperModel) -> None:
    script.hear([0.0, "a", 1.0], [0.0, "b", 1.0])
    whisper.transcribe(sound(4), language="en", vad=False, initial_prompt="Dr. Jô")
    before = (263, *" Dr. Jô".encode(), 257, 258, 262)
    assert script.prompts == [before, before]


def test_previous_text_on_demand(script: Script, whisper: WhisperModel) -> None:
    script.hear([0.0, "a", 1.0], [0.0, "b", 1.0], [0.0, "c", 1.0])
    whisper.transcribe(sound(6), language="en", vad=False, condition_on_previous_text=True)
    first = Take([0.0, "a", 1.0]).tokens(CONFIG)
    second = Take([0.0, "b", 1.0]).tokens(CONFIG)
    tail = (257, 258, 262)
    assert script.prompts == [
        tail, (263, *first, *tail), (263, *first, *second, *tail)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language": "xx"}, r"unknown language 'xx' \(known: de, en, fr\)"),
        ({"language": "EN"}, r"unknown language 'EN'"),
        ({"task": "sing"}, r"unknown task 'sing' \(known: transcribe, translate\)"),
        ({"timestamps": "line"}, r"unknown timestamps 'line' \(known: none, segment, word\)"),
        (
            {"timestamps": "word", "task": "translate"},
            r"timestamps 'word' with task 'translate': .* \(allowed: none, segment\)",
        ),
        ({"temperatures": ()}, r"temperatures \(\) \(allowed: one or more"),
        ({"temperatures": (0.0, -0.1)}, r"finite, 0 or more"),
        ({"temperatures": (float("nan"),)}, r"finite, 0 or more"),
        ({"beam_size": 9}, r"beam_size 9 \(allowed: 1 to 8\)"),
        ({"hotwords": ["x" * 101]}, r"hotword 1: a phrase of 101 characters"),
    ],
)
def test_wrong_options_are_refused_at_once(
    whisper: WhisperModel, options: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        whisper.stream(sound(1), **options)


def test_unknown_options(whisper: WhisperModel) -> None:
    with pytest.raises(TypeError, match="unexpected option 'beams'"):
        whisper.transcribe(sound(1), beams=5)


def test_unusable_audio(whisper: WhisperModel) -> None:
    with pytest.raises(AudioError):
        whisper.stream(b"no audio at all")
    stream = whisper.stream(np.full(SAMPLE_RATE, np.nan, np.float32))
    with pytest.raises(AudioError):
        stream.join()


@pytest.mark.parametrize("seconds", [0.0, 0.01, 1.0, 2.0, 7.0])
def test_features_are_those_of_a_full_window(whisper: WhisperModel, seconds: float) -> None:
    features = whisper.features(sound(seconds))
    assert (features.shape, features.dtype) == ((CONFIG.mels, 200), np.float32)
    assert features.max() - features.min() <= 2 + 1e-5  # 8 decades, divided by 4
    assert np.isfinite(features).all()


def test_features_of_silence(whisper: WhisperModel) -> None:
    np.testing.assert_allclose(whisper.features(np.zeros(0, np.float32)), -1.5, rtol=1e-6)


def test_encode(whisper: WhisperModel) -> None:
    assert whisper.encode(whisper.features(sound(1))).shape == (100, 1)


@pytest.mark.parametrize(
    ("limit", "expected"), [(None, [*b"* Hi.", 256]), (3, [*b"* H"]), (1, [*b"*"])]
)
def test_generate_is_plain(
    script: Script, whisper: WhisperModel, limit: int | None, expected: list[int]
) -> None:
    script.hear(["* Hi."])  # what transcribe would suppress
    found = whisper.generate(sound(1), language="de", max_new_tokens=limit)
    assert found == expected
    assert script.prompts == [(257, 259, 262, 265)]


def test_generate_stops_at_half_the_positions(script: Script, whisper: WhisperModel) -> None:
    script.hear(["x" * 100])
    assert len(whisper.generate(sound(1))) == CONFIG.text_positions // 2
    with pytest.raises(OptionError, match="unknown language"):
        whisper.generate(sound(1), language="xx")
