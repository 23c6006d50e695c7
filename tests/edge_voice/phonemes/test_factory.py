"""From a language to its phonemizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_voice.errors import ManifestError, OptionError
from edge_voice.manifest import Manifest
from edge_voice.phonemes.espeak import EspeakPhonemizer
from edge_voice.phonemes.factory import LANGUAGES, open_phonemizer
from edge_voice.phonemes.unknown import Alphabet
from edge_voice_export import export_bundle
from tests import hibari_files

ALPHABETS = {"us": Alphabet(("a",), ("a",), 5), "gb": Alphabet(("a",), ("a",), 5)}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("voice")
    export_bundle(hibari_files.write_published(folder / "published"), folder / "bundle")
    return folder / "bundle", Manifest.load(folder / "bundle")


@pytest.mark.parametrize("language", ["en", "en-us", "EN_us"])
def test_american(bundle: tuple[Path, Manifest], language: str) -> None:
    assert open_phonemizer(language, *bundle, ALPHABETS)("Hello world.") == "həlˈO wˈɜɹld."


@pytest.mark.parametrize("language", ["en-gb", "en_AU"])
def test_a_bundle_without_british_files(bundle: tuple[Path, Manifest], language: str) -> None:
    with pytest.raises(ManifestError, match=r"assets has no 'lexicon_gold_gb'"):
        open_phonemizer(language, *bundle, ALPHABETS)


@pytest.mark.parametrize(
    ("language", "voice"),
    [("es", "es"), ("fr", "fr-fr"), ("fr-ca", "fr-fr"), ("pt-br", "pt-br"), ("hi", "hi")],
)
def test_other_languages(bundle: tuple[Path, Manifest], language: str, voice: str) -> None:
    found = open_phonemizer(language, *bundle, ALPHABETS)
    assert isinstance(found, EspeakPhonemizer)
    assert found.voice == voice


@pytest.mark.parametrize(("language", "name"), [("ja", "Japanese"), ("zh-cn", "Chinese")])
def test_languages_that_need_phonemes(
    bundle: tuple[Path, Manifest], language: str, name: str
) -> None:
    phonemize = open_phonemizer(language, *bundle, ALPHABETS)
    assert phonemize('[[koɲɲiʨiβa]], "[[sekai]]"。 [[a]]!') == "koɲɲiʨiβa, “sekai”. a!"
    with pytest.raises(OptionError, match=rf"{name} needs phonemes: write \[\[phonemes\]\]"):
        phonemize("[[koɲ]] 世界")


def test_a_language_that_no_voice_has(bundle: tuple[Path, Manifest]) -> None:
    with pytest.raises(OptionError, match=rf"'ru' \(allowed: {', '.join(LANGUAGES)}\)"):
        open_phonemizer("ru", *bundle, ALPHABETS)
