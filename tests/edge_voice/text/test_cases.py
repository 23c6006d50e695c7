"""What is written and what is said, for each language."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from edge_voice.text import normalize
from edge_voice.text.languages import spoken_languages

HERE = Path(__file__).parent
LANGUAGES = ("de", "en", "es", "fr", "it", "nl", "pt")


def cases(language: str) -> list[tuple[str, str]]:
    spec = importlib.util.spec_from_file_location("cases", HERE / f"cases_{language}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = [line.split(" => ") for line in module.CASES.strip().splitlines()]
    return [(written, said) for written, said in rows]


def test_every_language_with_rules_has_cases() -> None:
    assert spoken_languages() == LANGUAGES
    assert all(len(cases(language)) >= 40 for language in LANGUAGES)


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [(language, *case) for language in LANGUAGES for case in cases(language)],
)
def test_said_as_a_native_would(language: str, written: str, said: str) -> None:
    assert normalize(written, language) == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_said_is_not_changed_again(language: str) -> None:
    changed = [said for _, said in cases(language) if normalize(said, language) != said]
    assert not changed
