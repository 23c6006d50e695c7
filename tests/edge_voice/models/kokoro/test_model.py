"""Kokoro as a Synthesizer, from a bundle in miniature."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import edge_voice
from edge_voice.cli import voices
from edge_voice.errors import OptionError
from edge_voice.models.kokoro import model as module
from edge_voice.models.kokoro.model import KokoroModel
from edge_voice.synthesizer import Array, AudioChunk

RATE = 24_000
TEXT = "Hello world. The cat, the apple! Hello."


@pytest.fixture(scope="module")
def model(kokoro_bundle: Callable[[str], Path]) -> KokoroModel:
    loaded = edge_voice.load(kokoro_bundle("int8"), task="speak", threads=1)
    assert isinstance(loaded, KokoroModel)
    return loaded


def joined(chunks: Iterator[AudioChunk]) -> Array:
    return np.concatenate([chunk.waveform for chunk in chunks])


def test_what_it_offers(model: KokoroModel) -> None:
    assert model.sample_rate == RATE
    assert model.voices == ("af_heart", "af_bella", "bf_emma", "ef_dora", "jf_alpha")
    assert model.languages == ("en", "es", "ja")
    assert model.voice_facts["af_heart"].grade == "A"


def test_voices_are_described(kokoro_bundle: Callable[[str], Path]) -> None:
    folder = str(kokoro_bundle("int8"))
    lines = CliRunner().invoke(voices.command, [folder]).output.splitlines()
    assert lines[0] == "af_heart        en-us    female   A"
    assert lines[3] == "ef_dora         es       female"
    printed = json.loads(CliRunner().invoke(voices.command, [folder, "--json"]).output)
    assert printed["facts"]["bf_emma"] == {"language": "en-gb", "gender": "female", "grade": "B-"}
    assert printed["facts"]["jf_alpha"] == {"language": "ja", "gender": "female"}


def test_chunks_say_what_is_said(model: KokoroModel) -> None:
    chunks = list(model.synthesize("Hello world.  **The cat**! 1 + 1"))
    said = dict.fromkeys(chunk.text for chunk in chunks)
    assert list(said) == ["Hello world.", "The cat!", "one plus one."]
    assert all(chunk.sample_rate == RATE for chunk in chunks)
    assert all(chunk.waveform.dtype == np.float32 for chunk in chunks)


def test_the_first_piece_is_short_and_pieces_are_as_good_as_the_whole(
    model: KokoroModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "Hello world the cat the apple hello world."
    pieces = [chunk.waveform for chunk in model.synthesize(text)]
    assert len(pieces) > 1
    assert len(pieces[0]) < 44 * 600
    monkeypatch.setattr(module, "_FIRST_FRAMES", 10_000)
    monkeypatch.setattr(module, "_LONGEST_FRAMES", 10_000)
    (whole,) = (chunk.waveform for chunk in model.synthesize(text))
    together = np.concatenate(pieces)
    assert len(together) == pytest.approx(len(whole), rel=0.05)
    loudness = [np.sqrt(np.mean(np.square(w, dtype=np.float64))) for w in (together, whole)]
    assert loudness[0] == pytest.approx(loudness[1], rel=0.3)


def test_nothing_is_random(model: KokoroModel) -> None:
    first, again = (joined(model.synthesize(TEXT, seed=seed)) for seed in (5, 6))
    np.testing.assert_array_equal(first, again)


def test_joins_do_not_click(model: KokoroModel) -> None:
    speech = joined(model.synthesize(TEXT))
    whole = model.speak_phonemes("həlˈO wˈɜɹld ðə kˈæt")
    assert np.abs(np.diff(speech)).max() <= 1.5 * np.abs(np.diff(whole)).max()
    assert abs(speech[0]) < 0.02 * np.abs(speech).max()
    assert abs(speech[-1]) < 0.02 * np.abs(speech).max()


def test_pauses_between_sentences_and_none_at_the_end(model: KokoroModel) -> None:
    chunks = list(model.synthesize("Hello. World."))
    second = next(chunk for chunk in chunks if chunk.text == "World.")
    assert np.flatnonzero(second.waveform)[0] == pytest.approx(0.32 * RATE, abs=2)
    assert np.count_nonzero(chunks[-1].waveform[-50:]) > 40


def test_no_pause_behind_what_cannot_be_said(model: KokoroModel) -> None:
    first, *_ = model.synthesize("字字字. Hello.")
    assert first.text == "Hello."
    assert np.count_nonzero(first.waveform[:50]) > 40


@pytest.mark.parametrize("speed", [0.3, 2.0, 3.5])
def test_speed(model: KokoroModel, speed: float) -> None:
    text = "Hello world the cat the apple hello world."
    normal, changed = (joined(model.synthesize(text, speed=s)) for s in (1.0, speed))
    assert len(changed) == pytest.approx(len(normal) / speed, rel=0.1)


def test_voices_and_blends_differ(model: KokoroModel) -> None:
    one, other, both = (
        joined(model.synthesize("Hello.", voice=voice))
        for voice in ("af_heart", "af_bella", "af_heart:0.6+af_bella:0.4")
    )
    shortest = min(map(len, (one, other, both)))
    assert np.abs(one[:shortest] - other[:shortest]).max() > 0.01
    assert np.abs(one[:shortest] - both[:shortest]).max() > 0.01


def test_the_voice_decides_the_accent(model: KokoroModel) -> None:
    assert model.phonemizer("en-us")("Hello.") == "həlˈO."
    assert model.phonemizer("en-gb")("Hello.") == "həlˈQ."
    british, american = (
        next(model.synthesize("3/5/2024", voice=voice)).text for voice in ("bf_emma", "af_heart")
    )
    assert british.startswith("May third")
    assert american.startswith("March fifth")


def test_phonemes_in_the_text(model: KokoroModel) -> None:
    given, plain = (joined(model.synthesize(t)) for t in ("[[həlˈO wˈɜɹld]].", "Hello world."))
    np.testing.assert_array_equal(given, plain)
    japanese = joined(model.synthesize("[[həlˈO]]", voice="jf_alpha"))
    assert len(japanese) > 0.2 * RATE


def test_words_that_nobody_can_read(model: KokoroModel) -> None:
    with pytest.raises(OptionError, match="Japanese needs phonemes"):
        list(model.synthesize("Hello", voice="jf_alpha"))


def test_max_seconds(model: KokoroModel) -> None:
    assert len(joined(model.synthesize(TEXT * 10, max_seconds=1.5))) == 1.5 * RATE


@pytest.mark.parametrize("text", ["", "  \n", "😀", "字字字", "\ud800"])
def test_nothing_to_say(model: KokoroModel, text: str) -> None:
    assert list(model.synthesize(text)) == []


def test_audio_comes_before_the_text_has_been_read(model: KokoroModel) -> None:
    chunks = model.synthesize("Hello world. " * 100_000)
    assert next(chunks).text == "Hello world."


def test_what_is_decoded_at_once_is_bounded(
    model: KokoroModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    decode = model._decode

    def counted(feeds: dict[str, Array], style: Array) -> Array:
        decoded.append(feeds["aligned_text"].shape[2])
        return decode(feeds, style)

    monkeypatch.setattr(model, "_decode", counted)
    list(model.synthesize("cat " * 60 + "b" * 100))
    assert len(decoded) > 3
    assert max(decoded) <= 96 + 24 + 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"voice": "bob"}, r"unknown voice 'bob' \(known: af_heart, "),
        ({"voice": "af_heart+ef_dora"}, r"speak en-us and es"),
        ({"language": "de"}, r"language 'de': af_heart speaks en-us \(allowed: en-us\)"),
        ({"language": "en-gb"}, r"en-gb is spoken by bf_emma"),
        ({"speed": 0.1}, r"speed 0\.1 \(allowed: 0\.25 to 4\)"),
        ({"seed": -1}, r"seed -1 \(allowed: 0 or more\)"),
        ({"steps": 4}, r"this model has no steps"),
        ({"guidance": 1.0}, r"this model has no guidance"),
    ],
)
def test_options_that_are_refused_at_once(
    model: KokoroModel, options: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        model.synthesize("Hello.", **options)  # type: ignore[arg-type]


def test_phonemes_that_are_refused_at_once(model: KokoroModel) -> None:
    with pytest.raises(OptionError, match=r"no phoneme '7'"):
        model.synthesize("Hello [[a7]].")
