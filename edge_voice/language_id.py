"""Which language is spoken, for models that cannot tell: asked of a small Whisper in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from edge_voice import loader
from edge_voice.errors import OptionError
from edge_voice.hub import store
from edge_voice.hub.catalog import load_catalog
from edge_voice.manifest import Manifest

Array = np.ndarray[Any, np.dtype[Any]]

_MODEL_TYPE = "whisper"


@dataclass(frozen=True, slots=True)
class LanguageGuess:
    """What was found.

    Attributes:
        language: ISO 639 code.
        probability: In 0..1, among the languages to choose from.
        model: Name of the model that said so.
    """

    language: str
    probability: float
    model: str


@runtime_checkable
class LanguageDetector(Protocol):
    """A loaded model that tells languages apart."""

    languages: tuple[str, ...]

    def detect_language(
        self, waveform: Array, languages: Sequence[str] | None = None
    ) -> tuple[str, float]:
        """The likeliest of the languages, and its probability in 0..1 among them."""


def identify(
    waveform: Array, languages: Sequence[str], threads: int, *, bundle: Path | None = None
) -> LanguageGuess:
    """Tells which of some languages is spoken. Fetches nothing.

    The model is opened for the call and let go again: it is needed once a recording, and its
    memory is wanted for the transcript.

    Args:
        waveform: (n,) float32 mono at 16 kHz; a few seconds of speech are enough, and of more the
            clearest 30 s are heard.
        languages: ISO 639 codes to choose from; those that the model does not know are left out.
        threads: Cores to use.
        bundle: Folder of a multilingual Whisper; the smallest in the store by default.

    Raises:
        OptionError: No such model is in the store, or it knows none of the languages.
        AudioError: A sample is not finite.
        ModelError: The bundle is damaged.
    """
    folder = bundle or _smallest_installed()
    if folder is None:
        raise OptionError(
            f"to detect the language a multilingual Whisper must be in the store: run `edge-voice"
            f" pull whisper-tiny` once, or name the language (known: {', '.join(languages)})"
        )
    model: object = loader.load(folder, threads=threads)
    if not isinstance(model, LanguageDetector) or len(model.languages) < 2:
        raise OptionError(f"{folder} cannot detect languages (allowed: a multilingual Whisper)")
    known = [code for code in languages if code in model.languages]
    if not known:
        raise OptionError(
            f"{folder} knows none of the languages {', '.join(languages)}"
            f" (known: {', '.join(model.languages)})"
        )
    language, probability = model.detect_language(waveform, known)
    return LanguageGuess(language, probability, Manifest.load(folder).name)


def _smallest_installed() -> Path | None:
    """The bundle of the smallest multilingual Whisper in the store, in any precision."""
    models = load_catalog().models.values()
    whispers = [m for m in models if m.model_type == _MODEL_TYPE and len(m.languages) > 1]
    folders = (store.find(m.name) for m in sorted(whispers, key=lambda m: m.parameters))
    return next((folder for folder in folders if folder), None)
