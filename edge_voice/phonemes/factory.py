"""From a language's code to its phonemizer, for voices with Kokoro's alphabet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from edge_voice.errors import OptionError
from edge_voice.manifest import Manifest
from edge_voice.phonemes.bundle import open_english
from edge_voice.phonemes.espeak import open_espeak
from edge_voice.phonemes.given import only_given
from edge_voice.phonemes.unknown import Alphabet

Phonemizer = Callable[[str], str]

# Languages that the user's espeak-ng reads, and its names for them.
ESPEAK_VOICES = {"es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}
_WITHOUT = {"ja": "Japanese", "zh": "Chinese"}
_AMERICAN = ("en", "en-us")
LANGUAGES = ("en-us", "en-gb", *ESPEAK_VOICES, *_WITHOUT)


def open_phonemizer(
    language: str, folder: Path, manifest: Manifest, alphabets: Mapping[str, Alphabet]
) -> Phonemizer:
    """Opens what turns a sentence of `edge_voice.text` into phonemes.

    Args:
        language: ISO 639 code, a region allowed behind it. English is American without a region
            and British with any other than `us`, as in the text front end.
        folder: The bundle, for English.
        manifest: Its manifest.
        alphabets: Those of the networks for unknown English words, by accent: `us`, `gb`.

    Raises:
        ModelError: A file of the bundle is damaged or missing.
        OptionError: The language is none of `LANGUAGES`.
    """
    code = language.lower().replace("_", "-")
    primary = code.partition("-")[0]
    if primary == "en":
        accent = "us" if code in _AMERICAN else "gb"
        return open_english(folder, manifest, alphabets[accent], accent=accent)
    if primary in ESPEAK_VOICES:
        return open_espeak(ESPEAK_VOICES[primary])
    if primary in _WITHOUT:
        return only_given(_WITHOUT[primary])
    raise OptionError(f"no phonemes for language {language!r} (allowed: {', '.join(LANGUAGES)})")
