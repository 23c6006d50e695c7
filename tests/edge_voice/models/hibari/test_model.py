"""hibari as a Synthesizer, from a bundle in miniature."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import edge_voice
from edge_voice.errors import ManifestError, OptionError
from edge_voice.manifest import FileEntry, Manifest
from edge_voice.models.hibari.model import HibariModel
from edge_voice.synthesizer import Array, AudioChunk, Synthesizer
from edge_voice_export import export_bundle
from tests import hibari_files

RATE = 24_000
TEXT = "Hello world. The cat, the apple! Hello."


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hibari")
    export_bundle(hibari_files.write_published(folder / "published"), folder / "bundle")
    return folder / "bundle"


@pytest.fixture(scope="module")
def model(bundle: Path) -> Synthesizer:
    return edge_voice.load(bundle, task="speak", threads=1)


def joined(chunks: Iterator[AudioChunk]) -> Array:
    return np.concatenate([chunk.waveform for chunk in chunks])


def test_what_it_offers(model: Synthesizer) -> None:
    assert (model.sample_rate, model.voices, model.languages) == (RATE, ("heart",), ("en",))


def test_a_chunk_for_each_sentence(model: Synthesizer) -> None:
    chunks = list(model.synthesize("Hello 😀 world.  **The cat**! 1 + 1"))
    assert [chunk.text for chunk in chunks] == ["Hello world.", "The cat!", "one plus one."]
    assert all(chunk.sample_rate == RATE for chunk in chunks)
    assert all(chunk.waveform.dtype == np.float32 for chunk in chunks)


def test_phonemes_of_the_text(model: Synthesizer) -> None:
    given = joined(model.synthesize("[[həlˈO]] world."))
    np.testing.assert_array_equal(given, joined(model.synthesize("Hello world.")))
    (chunk,) = model.synthesize("Hello [[wˈɜɹld. tˈu]] 2!")
    assert chunk.text == "Hello [[wˈɜɹld. tˈu]] two!"


def test_words_of_the_user(model: Synthesizer, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("xyz\t[[həlˈO]]\nabc world\n", encoding="utf-8")
    chosen = joined(model.synthesize("Xyz ABC.", lexicon=words))
    np.testing.assert_array_equal(chosen, joined(model.synthesize("Hello world.")))


def test_audio_comes_before_the_text_has_been_read(model: Synthesizer) -> None:
    chunks = model.synthesize("Hello world. " * 100_000)
    assert next(chunks).text == "Hello world."


def test_the_same_seed_the_same_speech(model: Synthesizer) -> None:
    first, again = (joined(model.synthesize(TEXT, seed=5)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, joined(model.synthesize(TEXT, seed=6)))


def test_joins_do_not_click(model: Synthesizer) -> None:
    """The hum is as loud at its ends as within: only fades keep the joins smooth."""
    speech = joined(model.synthesize(TEXT))
    hum = model.speak_phonemes("həlˈO wˈɜɹld")  # type: ignore[attr-defined]
    steepest = np.abs(np.diff(hum[2000:-2000])).max()
    assert np.abs(np.diff(speech)).max() <= 1.05 * steepest
    assert abs(speech[0]) < 0.02 * np.abs(hum).max()
    assert abs(speech[-1]) < 0.02 * np.abs(hum).max()


def test_pauses_between_sentences_and_none_at_the_end(model: Synthesizer) -> None:
    first, second = model.synthesize("Hello. World.")
    assert np.count_nonzero(first.waveform[-50:]) > 40
    silent = np.flatnonzero(second.waveform)[0]
    assert silent == pytest.approx(0.32 * RATE, abs=2)


@pytest.mark.parametrize("speed", [0.3, 0.5, 0.8, 1.25, 2.0, 3.5])
def test_speed(model: Synthesizer, speed: float) -> None:
    normal, changed = (joined(model.synthesize(TEXT, speed=s)) for s in (1.0, speed))
    assert len(changed) == pytest.approx(len(normal) / speed, rel=0.06)


def test_max_seconds(model: Synthesizer) -> None:
    assert len(joined(model.synthesize(TEXT * 100, max_seconds=1.5))) == 1.5 * RATE


@pytest.mark.parametrize("text", ["", "  \n", "😀", "字字字", "\ud800"])
def test_nothing_to_say(model: Synthesizer, text: str) -> None:
    assert list(model.synthesize(text)) == []


def test_long_words_and_long_sentences(model: Synthesizer) -> None:
    words = "cat " * 2000
    speech = joined(model.synthesize(words + "b" * 3000))
    assert speech.size > 2000 * 3 * hibari_files.FRAMES_PER_PHONEME * 300


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"voice": "bob"}, r"unknown voice 'bob' \(known: heart\)"),
        ({"noise_scale": 0.5}, "this model has no noise_scale"),
        ({"language": "de"}, r"language 'de' \(allowed: en\)"),
        ({"speed": 0.1}, r"speed 0\.1 \(allowed: 0\.25 to 4\)"),
        ({"seed": -1}, r"seed -1 \(allowed: 0 or more\)"),
        ({"max_seconds": 0.0}, r"max_seconds 0 \(allowed: more than 0, up to 1e\+09\)"),
        ({"max_seconds": float("inf")}, "max_seconds inf"),
        ({"steps": 4}, r"this model has no steps"),
        ({"guidance": 1.0}, r"this model has no guidance"),
    ],
)
def test_options_that_are_refused_at_once(
    model: Synthesizer, options: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        model.synthesize("Hello.", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{}, {"lexicon": {"world": "[[q]]"}}])
def test_phonemes_that_it_does_not_have(model: Synthesizer, options: dict[str, object]) -> None:
    text = "World." if options else "Hello. " * 50 + "[[q]]"
    with pytest.raises(OptionError, match=r"\[\[q\]\]: no phoneme 'q', U\+0071 \(allowed: "):
        model.synthesize(text, **options)  # type: ignore[arg-type]


def test_options_that_do_not_exist(model: Synthesizer) -> None:
    with pytest.raises(TypeError, match="unexpected option 'pitch'"):
        model.synthesize("Hello.", pitch=2)  # type: ignore[call-arg]


def test_a_region_is_a_language(model: Synthesizer) -> None:
    chunks = model.synthesize("3/5/2024", language="en-GB")
    assert [chunk.text for chunk in chunks] == ["May third, twenty twenty-four."]


@pytest.mark.parametrize(
    "content", [b"", b"no gzip", gzip.compress(b"[]"), gzip.compress(b"{"), gzip.compress(b"{}")]
)
def test_a_damaged_tagger(bundle: Path, tmp_path: Path, content: bytes) -> None:
    manifest = Manifest.load(bundle)
    folder = tmp_path / "damaged"
    folder.mkdir()
    for path in bundle.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / manifest.asset("tagger")).write_bytes(content)
    entry = FileEntry(len(content), hashlib.sha256(content).hexdigest())
    raw = json.loads((folder / "manifest.json").read_text())
    raw["files"][manifest.asset("tagger")] = {"bytes": entry.bytes, "sha256": entry.sha256}
    (folder / "manifest.json").write_text(json.dumps(raw))
    with pytest.raises(ManifestError, match=r"tagger\.json\.gz: "):
        HibariModel(folder, Manifest.load(folder), threads=1)
