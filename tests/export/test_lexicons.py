"""English phonemes: from the published files into a bundle, and from there to a sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edge_voice.errors import UnsupportedModel
from edge_voice.manifest import Manifest, SourceEntry
from edge_voice.phonemes.factory import open_phonemizer
from edge_voice.phonemes.unknown import Alphabet
from edge_voice_export import lexicons
from edge_voice_export.package import Bundle
from edge_voice_export.quantize import Recipe
from edge_voice_export.report import Report
from tests import hibari_files


def unfinished(folder: Path) -> Bundle:
    return Bundle(folder, Recipe("int8", ()), Report("x", "int8"), lambda line: None)


def written(folder: Path, *accents: str) -> tuple[dict[str, Alphabet], Manifest]:
    """A bundle of nothing else, in `folder/bundle`."""
    target = folder / "bundle"
    target.mkdir()
    bundle = unfinished(target)
    published = hibari_files.write_english(folder / "published", "us", "gb")
    alphabets = lexicons.add_english(bundle, published, *accents)
    shutil.rmtree(published)
    bundle.set_facts(task="speak", languages=("en",), config={})
    return alphabets, bundle.finish(model_type="x", name="x", licence="", source=SourceEntry("x"))


def test_both_accents(tmp_path: Path) -> None:
    alphabets, manifest = written(tmp_path, "us", "gb")
    letters = tuple(hibari_files.LETTERS)
    assert alphabets["gb"] == Alphabet(letters, letters, 5)
    said = {
        language: open_phonemizer(language, tmp_path / "bundle", manifest, alphabets)
        for language in ("en-us", "en-gb")
    }
    assert said["en-us"]("Hello world, waiting blorp.") == "həlˈO wˈɜɹld, wˈATɪŋ blorp."
    assert said["en-gb"]("Hello world, waiting blorp.") == "həlˈQ wˈɜːld, wˈAtɪŋ blorp."
    assert (tmp_path / "bundle" / "NOTICE").read_text() == "made for tests\n"


def test_one_accent(tmp_path: Path) -> None:
    alphabets, manifest = written(tmp_path, "gb")
    assert list(alphabets) == ["gb"]
    assert list(manifest.graphs) == ["unknown_words_gb"]
    assert set(manifest.assets) == {"tagger", "lexicon_gold_gb", "lexicon_silver_gb"}


@pytest.mark.parametrize("name", ["oov_gb.json", "lexicon_gb_silver.json.gz", "NOTICE"])
def test_a_file_that_is_missing(tmp_path: Path, name: str) -> None:
    published = hibari_files.write_english(tmp_path / "published", "us", "gb")
    (published / name).unlink()
    bundle = unfinished(tmp_path)
    with pytest.raises(UnsupportedModel, match=rf"no {name} in .*published, where hibari's"):
        lexicons.add_english(bundle, published, "us", "gb")


def test_phonemes_have_numbers(tmp_path: Path) -> None:
    numbers = {phoneme: i for i, phoneme in enumerate(sorted(set(lexicons.CHECKED_PHONEMES)))}
    (tmp_path / "vocab.json").write_text(json.dumps(numbers))
    assert lexicons.read_phonemes(tmp_path) == numbers


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", r"vocab\.json: expected phonemes and their numbers"),
        ('{"a": "b"}', r"vocab\.json: expected phonemes and their numbers"),
        ('{"a": 1}', r"vocab\.json: no phoneme ' '"),
        (None, r"no vocab\.json in"),
    ],
)
def test_phonemes_that_are_none(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "vocab.json").write_text(content)
    with pytest.raises(UnsupportedModel, match=message):
        lexicons.read_phonemes(tmp_path)
