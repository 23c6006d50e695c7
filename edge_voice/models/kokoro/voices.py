"""Kokoro's voices: tables of styles, alone or blended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.errors import ManifestError, OptionError
from edge_voice.models.kokoro.config import VoiceFacts

Array = np.ndarray[Any, np.dtype[Any]]

STYLE_SIZE = 256


@dataclass(frozen=True, slots=True)
class Blend:
    """One voice or several, with weights that sum to 1.

    Attributes:
        weights: Name → share.
        language: What all of them speak.
    """

    weights: Mapping[str, float]
    language: str


def open_styles(path: Path, voices: int) -> Array:
    """(voices, lengths, 256): a style for each voice and number of phonemes; read when needed.

    Raises:
        ManifestError: The file is damaged, or is for another number of voices.
    """
    try:
        styles: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ManifestError(f"{path.name}: cannot be read: {error}") from None
    expected = styles.ndim == 3 and styles.shape[::2] == (voices, STYLE_SIZE)
    if not expected or styles.dtype not in (np.float16, np.float32) or not styles.shape[1]:
        raise ManifestError(
            f"{path.name}: {styles.dtype} {styles.shape}"
            f" (expected floats, {voices} voices × lengths × {STYLE_SIZE})"
        )
    return styles


def parse_voice(text: str, voices: Mapping[str, VoiceFacts]) -> Blend:
    """Reads `af_heart` or `af_heart:0.6+af_bella:0.4`.

    Weights are shares of their sum; a voice without one has weight 1, so that `a+b` is half of
    each.

    Raises:
        OptionError: An unknown voice, one that comes twice, a weight that is not a positive
            number, or voices of different languages.
    """
    weights: dict[str, float] = {}
    for part in text.split("+"):
        name, colon, number = (piece.strip() for piece in part.partition(":"))
        if name not in voices:
            raise OptionError(f"unknown voice {name!r} (known: {', '.join(voices)})")
        if name in weights:
            raise OptionError(f"voice {text!r}: {name} comes twice")
        weights[name] = _weight(number, text) if colon else 1.0
    languages = {voices[name].language for name in weights}
    if len(languages) > 1:
        raise OptionError(
            f"voice {text!r}: its voices speak {' and '.join(sorted(languages))}"
            " (allowed: voices of one language)"
        )
    total = sum(weights.values())
    return Blend({name: weight / total for name, weight in weights.items()}, languages.pop())


def style_of(blend: Blend, styles: Array, order: Mapping[str, int], phonemes: int) -> Array:
    """(1, 256) float32 for an utterance of that many phonemes.

    Args:
        blend: Voices and their shares.
        styles: As `open_styles` gives them.
        order: Name of a voice → its row.
        phonemes: At least 1; beyond the longest, its style is taken.
    """
    row = min(phonemes, styles.shape[1]) - 1
    total = np.zeros(styles.shape[2], np.float32)
    for name, weight in blend.weights.items():
        total += np.float32(weight) * styles[order[name], row].astype(np.float32)
    return total[None]


def check_language(language: str, blend: Blend, voices: Mapping[str, VoiceFacts]) -> None:
    """Whether voices may be asked to speak a language: their own, with or without its region.

    Raises:
        OptionError: They may not; names some that may.
    """
    asked = language.lower().replace("_", "-")
    spoken = blend.language
    if asked in (spoken, spoken.partition("-")[0]):
        return
    others = [name for name, facts in voices.items() if _speaks(facts, asked)]
    hint = f"; {asked} is spoken by {', '.join(others)}" if others else ""
    raise OptionError(
        f"language {language!r}: {'+'.join(blend.weights)} speaks {spoken}"
        f" (allowed: {spoken}{hint})"
    )


def _speaks(facts: VoiceFacts, language: str) -> bool:
    return language in (facts.language, facts.language.partition("-")[0])


def _weight(number: str, text: str) -> float:
    try:
        weight = float(number)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight > 0):
        raise OptionError(f"voice {text!r}: weight {number!r} (allowed: more than 0)")
    return weight
