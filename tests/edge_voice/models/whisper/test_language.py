"""Telling the language of a recording. Windows last 2 s."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from edge_voice.errors import AudioError, OptionError
from edge_voice.models.whisper import listener
from edge_voice.models.whisper.config import SAMPLE_RATE
from edge_voice.models.whisper.model import WhisperModel
from tests.edge_voice.models.whisper.script import Script, Window

SURE = math.exp(5)  # against 1 of each other language


def sound(seconds: float) -> np.ndarray:
    count = round(seconds * SAMPLE_RATE)
    return np.random.default_rng(0).uniform(-0.5, 0.5, count).astype(np.float32)


@pytest.mark.parametrize(
    ("languages", "code", "probability"),
    [
        (None, "de", SURE / (SURE + 2)),
        (("en", "de", "fr"), "de", SURE / (SURE + 2)),
        (("fr", "de"), "de", SURE / (SURE + 1)),
        (("de",), "de", 1.0),
        (("fr", "en"), "fr", 0.5),
        (("fr",), "fr", 1.0),
    ],
)
def test_probability_is_among_the_languages_to_choose_from(
    script: Script,
    whisper: WhisperModel,
    languages: tuple[str, ...] | None,
    code: str,
    probability: float,
) -> None:
    script.hear(Window(language="de"))
    assert whisper.detect_language(sound(1), languages) == (code, pytest.approx(probability))
    assert not script.takes  # nothing was decoded


def test_unknown_languages_are_refused(whisper: WhisperModel) -> None:
    with pytest.raises(OptionError, match=r"unknown language 'xx' \(known: de, en, fr\)"):
        whisper.detect_language(sound(1), ["de", "xx"])


def test_a_model_of_one_language(open_model: Callable[..., WhisperModel]) -> None:
    model = open_model(multilingual=False)
    assert model.detect_language(sound(1)) == ("en", 1.0)
    with pytest.raises(OptionError, match="unknown language 'de'"):
        model.detect_language(sound(1), ["de"])


def test_one_window_is_heard(script: Script, whisper: WhisperModel) -> None:
    whisper.detect_language(sound(5))
    assert len(script.features) == 1


@pytest.mark.parametrize(("sure_seconds", "frames"), [(10.0, 200), (0.5, 160)])
def test_short_clips_are_encoded_in_full(
    script: Script,
    whisper: WhisperModel,
    sure_seconds: float,
    frames: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "_SURE_SECONDS", sure_seconds)
    whisper.listener.tail_seconds = 0.6
    whisper.detect_language(sound(1))
    assert script.features[0].shape == (8, frames)


@pytest.mark.parametrize("samples", [0, 1, 160, 16_000, 100_000])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_silence_and_noise_are_answered(whisper: WhisperModel, samples: int, level: float) -> None:
    noise = level * np.random.default_rng(1).standard_normal(samples)
    code, probability = whisper.detect_language(noise.astype(np.float32))
    assert code in whisper.languages
    assert 0 < probability <= 1


def test_samples_must_be_finite(whisper: WhisperModel) -> None:
    with pytest.raises(AudioError, match="not finite"):
        whisper.detect_language(np.full(16_000, np.nan, np.float32))


@pytest.mark.parametrize("language", [None, "auto"])
def test_a_call_that_names_no_language_detects_it(
    script: Script, whisper: WhisperModel, language: str | None
) -> None:
    script.hear(Window(language="fr"))
    stream = whisper.stream(sound(1), language=language, vad=False)
    assert stream.join().language == "fr"
    assert stream.language_probability == pytest.approx(SURE / (SURE + 2))
