"""Which model is asked for the language, and what it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_voice import language_id, loader
from edge_voice.errors import AudioError, ManifestError, OptionError
from edge_voice.hub import store
from edge_voice.language_id import LanguageGuess, identify
from edge_voice_export import export_bundle
from tests.edge_voice.bundles import install
from tests.export.checkpoints import write_tiny_whisper

CANDIDATES = ("en", "fr", "de", "ja")
WAVEFORM = np.zeros(16_000, np.float32)


pytestmark = pytest.mark.usefixtures("home")


class Detector:
    """Takes the last of the languages that it may choose from."""

    def __init__(self, *languages: str) -> None:
        self.languages = languages
        self.asked: list[tuple[Any, Sequence[str] | None]] = []

    def detect_language(
        self, waveform: Any, languages: Sequence[str] | None = None
    ) -> tuple[str, float]:
        self.asked.append((waveform, languages))
        return (languages or self.languages)[-1], 0.75


@pytest.fixture
def detector() -> Detector:
    return Detector("en", "de", "fr", "es")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, detector: Detector) -> list[tuple[Path, int]]:
    """Which folders were loaded, and with how many threads."""
    calls: list[tuple[Path, int]] = []

    def load(folder: Path, *, threads: int) -> Detector:
        calls.append((folder, threads))
        return detector

    monkeypatch.setattr(language_id.loader, "load", load)
    return calls


@pytest.mark.parametrize(
    ("installed", "asked"),
    [
        ([("whisper-base", "int8"), ("whisper-tiny", "fp32")], ("whisper-tiny", "fp32")),
        ([("whisper-small", "int8"), ("whisper-base", "int4")], ("whisper-base", "int4")),
        ([("whisper-tiny.en", "int8"), ("whisper-large-v3", "int8")], ("whisper-large-v3", "int8")),
        ([("whisper-tiny", "fp32"), ("whisper-tiny", "int8")], ("whisper-tiny", "int8")),
        ([("whisper-large-v3", "int8"), ("cohere-transcribe", "int8"), ("whisper-medium", "int4")],
         ("whisper-medium", "int4")),
    ],
)  # fmt: skip
def test_the_smallest_in_the_store_is_asked(
    installed: list[tuple[str, str]],
    asked: tuple[str, str],
    opened: list[tuple[Path, int]],
    detector: Detector,
) -> None:
    for name, precision in installed:
        install(name, precision)
    guess = identify(WAVEFORM, CANDIDATES, 3)
    assert guess == LanguageGuess("de", 0.75, asked[0])
    assert opened == [(store.bundle_folder(*asked), 3)]
    ((waveform, languages),) = detector.asked
    assert waveform is WAVEFORM
    assert languages == ["en", "fr", "de"]  # the model does not know Japanese


def test_a_bundle_of_ones_own(opened: list[tuple[Path, int]]) -> None:
    install("whisper-tiny")
    own = install("my-whisper")
    assert identify(WAVEFORM, CANDIDATES, 1, bundle=own).model == "my-whisper"
    assert opened == [(own, 1)]


@pytest.mark.parametrize("installed", [[], ["whisper-tiny.en", "cohere-transcribe"]])
def test_without_a_model_one_line_says_what_to_do(
    installed: list[str], opened: list[tuple[Path, int]], home: Path
) -> None:
    for name in installed:
        install(name)
    with pytest.raises(OptionError) as caught:
        identify(WAVEFORM, CANDIDATES, 1)
    assert str(caught.value) == (
        "to detect the language a multilingual Whisper must be in the store: run `edge-voice pull"
        " whisper-tiny` once, or name the language (known: en, fr, de, ja)"
    )
    assert opened == []
    assert home.exists() == bool(installed)  # nothing was fetched


def test_languages_that_the_model_does_not_know(
    opened: list[tuple[Path, int]], detector: Detector
) -> None:
    install("whisper-tiny")
    with pytest.raises(OptionError, match=r"none of the languages xx, yy \(known: en, de, fr, es"):
        identify(WAVEFORM, ["xx", "yy"], 1)
    assert len(opened) == 1
    assert not detector.asked


@pytest.mark.parametrize("model", [object(), Detector("en")])
def test_a_model_that_cannot_tell(model: object, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = install("other")
    monkeypatch.setattr(loader, "load", lambda *_, **__: model)
    with pytest.raises(OptionError, match="cannot detect languages"):
        identify(WAVEFORM, ["en"], 1, bundle=folder)


def test_a_damaged_bundle_is_named() -> None:
    folder = install("whisper-tiny")
    (folder / "manifest.json").write_text("{")
    with pytest.raises(ManifestError, match=str(folder)):
        identify(WAVEFORM, CANDIDATES, 1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A multilingual Whisper with random weights."""
    folder = tmp_path_factory.mktemp("tiny")
    source = write_tiny_whisper(folder / "checkpoint")
    export_bundle(source, folder / "bundle", name="random-whisper")
    return folder / "bundle"


def test_a_real_bundle_answers_whatever_it_hears(tiny: Path) -> None:
    random = np.random.default_rng(0)
    noise = random.normal(0, 0.1, 35 * 16_000).astype(np.float32)
    for waveform in (noise, noise[:800], noise[:1], noise[:0], 0 * noise[:32_000], 9 * noise):
        guess = identify(waveform, CANDIDATES, 1, bundle=tiny)
        assert guess.language in CANDIDATES
        assert 0.25 <= guess.probability <= 1  # the likeliest of four
        assert guess.model == "random-whisper"


def test_probabilities_of_a_real_bundle_are_among_the_candidates(tiny: Path) -> None:
    waveform = np.random.default_rng(1).normal(0, 0.1, 16_000).astype(np.float32)
    best = identify(waveform, CANDIDATES, 1, bundle=tiny)
    others = [code for code in CANDIDATES if code != best.language]
    pairs = [identify(waveform, [best.language, code], 1, bundle=tiny) for code in others]
    odds = sum(1 / pair.probability - 1 for pair in pairs)
    assert all(pair.language == best.language for pair in pairs)
    assert best.probability == pytest.approx(1 / (1 + odds), rel=1e-4)
    assert identify(waveform, ["ja"], 1, bundle=tiny).probability == 1


def test_a_real_bundle_refuses_what_is_no_number(tiny: Path) -> None:
    with pytest.raises(AudioError, match="not finite"):
        identify(np.array([0.0, np.inf], np.float32), CANDIDATES, 1, bundle=tiny)
