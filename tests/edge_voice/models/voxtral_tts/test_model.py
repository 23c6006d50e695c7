"""The model as people call it: text in, audio out."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

import edge_voice
from edge_voice.errors import EdgeVoiceError, ManifestError, ModelError, OptionError
from edge_voice.models.voxtral_tts.tables import RowTable, block_record
from edge_voice.synthesizer import Synthesizer

TEXT = "It was the best of times, it was the worst of times. Was it not? I do believe it was."


def spoken(model: Any, text: str = TEXT, **options: Any) -> np.ndarray:
    return np.concatenate([chunk.waveform for chunk in model.synthesize(text, **options)])


def refusal(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(OptionError) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_it_is_a_synthesizer(model):
    as_promised: Synthesizer = model
    assert as_promised.sample_rate == 24000
    assert as_promised.voices == ("casual_male", "fr_female")
    assert as_promised.languages == ("en", "fr")


def test_chunks_are_audio(model):
    chunks = list(model.synthesize(TEXT, seed=4))
    assert len(chunks) > 2
    for chunk in chunks:
        assert chunk.sample_rate == 24000
        assert chunk.waveform.dtype == np.float32
        assert chunk.waveform.ndim == 1
        assert np.abs(chunk.waveform).max() <= 1
        assert chunk.text in TEXT
    assert sum(chunk.seconds for chunk in chunks) > 0.4


def test_the_same_seed_gives_the_same_samples(model):
    first = spoken(model, seed=7)
    np.testing.assert_array_equal(spoken(model, seed=7), first)
    spoken(model, "Something else.", voice="fr_female")
    np.testing.assert_array_equal(spoken(model, seed=7), first)
    other = spoken(model, seed=8)
    assert len(other) != len(first) or not np.array_equal(other, first)


def test_a_stream_is_the_decoded_whole(model):
    text = "A day of rain and wind and little else besides it."
    pieces = [chunk.waveform for chunk in model.synthesize(text, seed=3)]
    codes = np.array(list(model.frames(text, "casual_male", seed=3)))
    whole = np.clip(model.decode_codes(codes), -1, 1)
    found = np.concatenate(pieces)
    np.testing.assert_allclose(found[: len(whole)], whole, atol=5e-6)
    # What follows is the fade-out of 5 ms.
    assert len(found) - len(whole) == 120
    assert found[len(whole)] == pytest.approx(whole[-1], abs=5e-6)
    assert found[-1] == 0


def test_options_change_the_speech(model):
    plain = spoken(model)
    for option in (
        {"steps": 3}, {"solver": "ab2"}, {"guidance": 3.0}, {"voice": "fr_female"},
        {"language": "fr"},
    ):  # fmt: skip
        other = spoken(model, **option)
        assert len(other) != len(plain) or not np.array_equal(other, plain), option
    np.testing.assert_array_equal(spoken(model, language="fr"), spoken(model, voice="fr_female"))
    np.testing.assert_array_equal(spoken(model, steps=7, guidance=1.2, solver="euler"), plain)
    np.testing.assert_array_equal(spoken(model, voice="Casual_Male"), plain)
    np.testing.assert_array_equal(spoken(model, language="fr-CA"), spoken(model, language="fr"))
    fast = spoken(model, speed=2.0)
    assert len(fast) == pytest.approx(len(plain) / 2, rel=0.1)


@pytest.mark.parametrize("seconds", [0.01, 0.3, 1.0])
def test_max_seconds(model, seconds):
    whole = spoken(model, TEXT * 5, seed=2)
    made = spoken(model, TEXT * 5, seed=2, max_seconds=seconds)
    assert len(made) == int(seconds * 24000) < len(whole)
    np.testing.assert_array_equal(made, whole[: len(made)])


def test_nothing_is_made_behind_the_limit(model, monkeypatch):
    frames = itertools.count()
    monkeypatch.setattr(model.acoustic, "frame", lambda *_, **__: np.full(37, 5 + 0 * next(frames)))
    spoken(model, "A sentence of forty-one characters here.", max_seconds=0.3)
    assert next(frames) == 5


def test_audio_arrives_before_the_text_is_done(model):
    """A text without end is spoken as far as somebody listens."""
    stream = model.synthesize(TEXT * 20_000)
    assert sum(len(chunk.waveform) for chunk in itertools.islice(stream, 6)) > 1920


def test_no_more_frames_than_the_text_is_worth(model, monkeypatch):
    monkeypatch.setattr(model.acoustic, "frame", lambda *_, **__: np.full(37, 5))
    chunks = list(model.synthesize("A sentence of forty-one characters here.", seed=1))
    assert sum(len(chunk.waveform) for chunk in chunks) == (25 + 2 * 40) * 1920 + 120


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "voice": ({"voice": "bob"}, "unknown voice 'bob' (known: casual_male, fr_female; or a"),
    "language": ({"language": "xx"}, "language 'xx' (allowed: en, fr)"),
    "no steps": ({"steps": 0}, "0 steps (allowed: 1 to 64)"),
    "half a step": ({"steps": 1.5}, "1.5 steps"),
    "solver": ({"solver": "heun"}, "unknown solver 'heun' (known: euler, ab2)"),
    "guidance": ({"guidance": -1}, "guidance -1"),
    "not a number": ({"guidance": float("nan")}, "guidance nan"),
    "seed": ({"seed": -1}, "seed -1"),
    "seconds": ({"max_seconds": 0}, "max_seconds 0"),
    "speed": ({"speed": 9}, "speed 9"),
    "recording": ({"voice": "me.wav"}, "no codec encoder"),
    "an upper-case recording": ({"voice": "folder/ME.M4A"}, "no codec encoder"),
    "samples": ({"voice": np.zeros(9, np.float32)}, "a ndarray is no voice"),
    "bytes": ({"voice": b"RIFF"}, "no codec encoder"),
    "cloning": ({"reference_audio": "me.wav"}, "no codec encoder"),
    "no lexicon": ({"lexicon": "none.txt"}, "lexicon none.txt: cannot be read"),
    "phonemes of a lexicon": ({"lexicon": {"a": "[[b]]"}}, "this model reads letters"),
    "clone": ({"clone": "me.wav"}, "clone: voices cannot be cloned from recordings: the published"),
    "another file": ({"voice": "fr_female.pt"}, "or a .npy or .safetensors file of rows"),
    "missing rows": ({"voice": "me.npy"}, "me.npy: cannot be read"),
}


@pytest.mark.parametrize("option", BAD)
def test_bad_options(model, option):
    options, message = BAD[option]
    assert message in refusal(model.synthesize, "Hello.", **options)


def test_an_option_that_nobody_knows(model):
    with pytest.raises(TypeError, match="loudness"):
        model.synthesize("Hello.", loudness=2)


@pytest.mark.parametrize("text", ["", "  \n", "...", "\ud800", "\U0001f600\U0001f600", "\x00"])
def test_nothing_to_say(model, text):
    assert "nothing to say" in refusal(model.synthesize, text)


def test_a_foreign_script(model):
    assert "Cjk" in refusal(model.synthesize, "你好")


def test_phonemes_are_refused(model):
    with pytest.raises(OptionError, match=r"\[\[həlˈO\]\]: this model reads letters"):
        model.synthesize("Hello [[həlˈO]].")


def test_a_lexicon_of_other_words(model):
    replaced = spoken(model, "Nginx.", lexicon={"nginx": "engine"})
    np.testing.assert_array_equal(replaced, spoken(model, "Engine."))


def test_lone_surrogates_are_passed_over(model):
    np.testing.assert_array_equal(spoken(model, "Good \ud800day."), spoken(model, "Good day."))
    assert model.prompt_ids("a\udfff", "casual_male")[-2:] == [35, 25]


def test_a_megabyte_in_one_go_is_refused(model):
    frames = model.frames("word " * 200_000, "fr_female", normalize=False)
    assert "at most 8192 fit" in refusal(next, frames)


def test_a_megabyte_of_blanks_is_refused(model):
    assert "1000000 characters" in refusal(model.prompt_ids, " " * 1_000_000, "fr_female")
    assert "nothing to say" in refusal(model.synthesize, " " * 1_000_000)


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (np.zeros((4, 35), np.float32), "[4, 35] (expected numbers of shape [frames, 36])"),
        (np.zeros(36, np.float32), "shape [36]"),
        (np.full((1, 36), np.nan), "not finite"),
        ([["a"] * 36], "noise of type <U1"),
    ],
)
def test_noise_of_another_kind(model, noise, message):
    assert message in refusal(model.frames, "Hello.", "fr_female", noise=noise)


def test_one_text_at_a_time(model):
    first = model.frames(TEXT, "casual_male", seed=2)
    next(first)
    next(model.frames(TEXT, "casual_male"))
    assert "one at a time" in refusal(list, first)


def test_own_voices(model, bundle, tmp_path):
    published = model.prompts.voice("fr_female")
    own = edge_voice.load(bundle, threads=1)
    expected = spoken(own, voice="fr_female")
    own.add_voice("mine", published)
    np.save(tmp_path / "mine.npy", published)
    assert own.voices == ("casual_male", "fr_female", "mine")
    for voice in ("mine", str(tmp_path / "mine.npy")):
        np.testing.assert_array_equal(spoken(own, voice=voice, language="fr"), expected)
    own.add_voice("mine", published[:3])
    assert len(own.prompt_ids("", "mine")) == 3 + 5
    assert "bundle's own" in refusal(own.add_voice, "fr_female", published)
    assert "no codec encoder" in refusal(own.add_voice, "me", "me.mp3")
    assert "0 rows" in refusal(own.add_voice, "me", published[:0])


DAMAGE: dict[str, tuple[str, Any, type[EdgeVoiceError], str]] = {
    "no steps": ("steps", 0, ManifestError, "steps is 0"),
    "one level": ("acoustic_levels", 1, ManifestError, "acoustic_levels"),
    "a token too far": ("audio", 1000, ManifestError, "audio is 1000"),
    "no voices": ("voices", {}, ManifestError, "voices"),
    "more voices than rows": ("voices", {"a": 40}, ModelError, "voices.npy: 18 rows"),
    "more codes than rows": ("semantic_codes", 900, ModelError, "audio_embeddings.npy"),
    "other codebooks": ("acoustic_codebooks", 35, ModelError, "axis 1 of x is 36"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_manifest_that_does_not_fit(bundle, damage):
    key, value, kind, message = DAMAGE[damage]
    path = bundle / "manifest.json"
    content = json.loads(path.read_text())
    content["config"][key] = value
    path.write_text(json.dumps(content))
    with pytest.raises(kind, match=message):
        edge_voice.load(bundle)


@pytest.mark.parametrize("content", [b"", b"x" * 2000])
def test_a_damaged_table(tmp_path, content):
    (tmp_path / "table.npy").write_bytes(content)
    with pytest.raises(ModelError, match=r"table\.npy"):
        RowTable(tmp_path / "table.npy", 64)
    narrow, other = block_record(32, 32), np.dtype([("codes", "i1", (2, 32))])
    for values in (
        np.zeros(4, np.float32), np.zeros((2, 64), np.int64), np.zeros((2, 6), "f4"),
        np.zeros(3, narrow), np.zeros((3, 1), block_record(64, 32)), np.zeros(3, other),
        np.zeros(3, [("scales", "<f4")]),
    ):  # fmt: skip
        np.save(tmp_path / "table.npy", values)
        with pytest.raises(ModelError, match=r"table\.npy"):
            RowTable(tmp_path / "table.npy", 64)
