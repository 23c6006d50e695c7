"""Whisper with beams and hotwords: in windows, batches, second looks and second tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge_voice.models.whisper import window
from edge_voice.models.whisper.config import SAMPLE_RATE
from edge_voice.models.whisper.model import WhisperModel
from edge_voice.models.whisper.settings import read_settings
from edge_voice.models.whisper.window import has_echo
from tests.edge_voice.models.whisper.script import CONFIG, Script, Take, Window

OpenModel = Callable[..., WhisperModel]
NEARLY = Window([Take([0.0, "I cat.", 1.0], rival=[0.0, "I bat.", 1.0])])
# Softmax of a logit and of one that is one less, all others far behind.
LESS = float(-1 - np.log1p(np.exp(-1)))


def sound(seconds: float) -> np.ndarray:
    count = round(seconds * SAMPLE_RATE)
    return np.random.default_rng(0).uniform(-0.5, 0.5, count).astype(np.float32)


def transcribe(whisper: WhisperModel, seconds: float = 1.5, **options: Any) -> Any:
    return whisper.transcribe(sound(seconds), language="en", vad=False, **options)


@pytest.mark.parametrize("beam_size", [1, 2, 5, 8])
def test_beams_hear_what_is_certain(script: Script, whisper: WhisperModel, beam_size: int) -> None:
    script.hear([0.0, "a", 1.0, 1.0, "b"], [0.0, "b", 1.5], [0.0, "c", 0.4])
    found = transcribe(whisper, 3.5, beam_size=beam_size)
    assert [(s.start, s.end, s.text) for s in found.segments] == [
        (0.0, 1.0, "a"), (1.0, 2.5, "b"), (3.0, 3.4, "c")
    ]  # fmt: skip
    for segment in found.segments:
        assert segment.token_logprobs == pytest.approx([0] * len(segment.tokens), abs=1e-6)


def test_log_probabilities_belong_to_their_segment(script: Script, whisper: WhisperModel) -> None:
    said, rival = [0.0, "ab", 0.5, 0.5, "cd", 1.0], [0.0, "ab", 0.5, 0.5, "xy", 1.0]
    script.hear(Window([Take(said, rival=rival)]))
    first, second = transcribe(whisper).segments
    assert first.token_logprobs == pytest.approx([0] * 4, abs=1e-6)
    unsure = 1 + LESS
    assert second.token_logprobs == pytest.approx([0, unsure, unsure, 0], abs=1e-5)


@pytest.mark.parametrize("beam_size", [1, 4])
def test_hotwords_win_where_it_is_close(
    script: Script, whisper: WhisperModel, beam_size: int
) -> None:
    script.hear(NEARLY)
    assert transcribe(whisper, beam_size=beam_size).text == "I cat."
    script.features.clear()
    (segment,) = transcribe(whisper, beam_size=beam_size, hotwords=["bat"]).segments
    assert segment.text == "I bat."
    expected = [0, 0, 0, LESS, 0, 0, 0, 0]
    assert segment.token_logprobs == pytest.approx(expected, abs=1e-5)
    script.features.clear()
    weak = transcribe(whisper, beam_size=beam_size, hotwords=["bat"], hotword_boost=0.1)
    assert weak.text == "I cat."


def test_hotwords_are_favoured_at_higher_temperatures(
    script: Script, whisper: WhisperModel
) -> None:
    script.hear(NEARLY)
    options = {"hotwords": ["bat"], "hotword_boost": 20.0, "temperatures": (0.01,)}
    assert transcribe(whisper, beam_size=3, **options).text == "I bat."


@pytest.mark.parametrize(("temperatures", "rows"), [((0.0,), 3), ((0.5,), 5)])
def test_beams_are_for_temperature_zero(
    script: Script,
    whisper: WhisperModel,
    monkeypatch: pytest.MonkeyPatch,
    temperatures: tuple[float, ...],
    rows: int,
) -> None:
    asked: list[int] = []
    decoder = window.Decoder

    def counted(*arguments: Any, **options: Any) -> Any:
        asked.append(options["rows"])
        return decoder(*arguments, **options)

    monkeypatch.setattr(window, "Decoder", counted)
    script.hear([0.0, "a", 1.0])
    assert transcribe(whisper, beam_size=3, temperatures=temperatures).text == "a"
    assert asked == [rows]


def test_a_doubtful_window_of_beams_is_tried_again(script: Script, whisper: WhisperModel) -> None:
    script.hear(Window([Take([0.0, "x"], logit=0.5), Take([0.0, "Hello.", 1.0])]))
    found = transcribe(whisper, 2, beam_size=3)
    assert found.text == "Hello."
    assert found.segments[0].temperature == 0.2


def test_clips_of_a_batch_have_their_own_beams(script: Script, whisper: WhisperModel) -> None:
    script.hear([0.0, "one", 1.0], NEARLY, [0.0, "three", 1.0])
    waveforms = [sound(1.5) * scale for scale in (1.0, 0.5, 0.25)]
    for i, waveform in enumerate(waveforms):
        waveform[i * 100 : i * 100 + 400] = 0
    options = {"language": "en", "beam_size": 3, "hotwords": ["bat"]}
    settings = read_settings(options, CONFIG, ("en",), whisper._tokenizer)  # type: ignore[arg-type]
    results, _ = whisper.listener.look(waveforms, settings.prompt, 0.0, settings.decoding)
    texts = [whisper._tokenizer.decode(result.tokens) for result in results]
    assert texts == ["one", "I bat.", "three"]


def test_a_short_window_of_beams_that_sounds_wrong_is_encoded_in_full(
    script: Script, open_model: OpenModel
) -> None:
    """Saying it all again, however long it is, is what beams tend to."""
    whisper = open_model(audio_positions=500, vocabulary=266 + 501, text_positions=300)
    sentence = "Of the first importance is that all the letters should be fine in form."
    again = f"{sentence} {sentence[:23]}"
    script.hear(Window([Take([again]), Take([sentence])]))
    found = transcribe(whisper, 3, beam_size=2, timestamps="none")
    assert found.text == sentence
    assert len(script.takes) == 2
    script.takes.clear()
    script.features.clear()
    assert transcribe(whisper, 3, timestamps="none").text == again


def test_echoes_from_afar() -> None:
    text = b"it is of the first importance; " + b"0123456789" * 8 + b"it is of the first importance"
    assert has_echo(text, len(text))
    once = text[:-10] + b"interest"
    assert has_echo(once, len(once))
    assert not has_echo(b"ask not what your country can do for you", 1000)
