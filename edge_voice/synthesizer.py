"""What every text-to-speech model offers, whatever is inside."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypedDict, Unpack, runtime_checkable

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A piece of speech; the chunks of one call, laid behind one another, are the whole of it.

    Attributes:
        waveform: (n,) float32 mono, full scale 1.0.
        sample_rate: Samples per second.
        text: What is being said, as it was understood: numbers written out, signs removed.
    """

    waveform: Array
    sample_rate: int
    text: str

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return len(self.waveform) / self.sample_rate


@dataclass(frozen=True, slots=True)
class VoiceList:
    """What `edge-voice voices` tells of a model.

    Attributes:
        voices: Names that `voice` accepts, the default first.
        languages: ISO 639 codes that `language` accepts.
        sample_rate: Samples per second.
        facts: Voice → what is known of it, such as language and gender, in the order to be shown.
    """

    voices: tuple[str, ...]
    languages: tuple[str, ...]
    sample_rate: int
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class SpeakOptions(TypedDict, total=False):
    """Keyword options of `Synthesizer.synthesize`; a model refuses those it cannot follow."""

    voice: str
    """Name of a voice, or a file where the model takes one; its first voice by default."""
    language: str
    """ISO 639 code; by default the voice's own."""
    seed: int
    """Makes a model that draws random numbers repeatable; 0 by default."""
    speed: float
    """How fast to speak: 0.5 is half as fast, 2.0 twice as fast; 1.0 by default."""
    steps: int
    """Steps of a flow-matching or diffusion model; the checkpoint's own number by default."""
    solver: str
    """How a flow-matching model takes its steps: `euler`, the default, or `ab2`."""
    guidance: float
    """Strength of classifier-free guidance; the checkpoint's own by default."""
    noise_scale: float
    """How much a VITS voice varies its sound, 0 to 2; the checkpoint's own by default."""
    noise_scale_duration: float
    """How much a VITS voice varies its rhythm, 0 to 2; the checkpoint's own by default."""
    lexicon: str | os.PathLike[str] | Mapping[str, str]
    """Words of the user and what is said for them: a file, or a mapping; see docs/phonemes.md."""
    max_seconds: float
    """Most seconds of audio to make; no limit by default."""


class Synthesizer(Protocol):
    """A loaded text-to-speech model."""

    @property
    def sample_rate(self) -> int:
        """Samples per second of what `synthesize` yields."""

    @property
    def voices(self) -> tuple[str, ...]:
        """Names that `voice` accepts, the default first."""

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639 codes that `language` accepts."""

    def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Iterator[AudioChunk]:
        """Speaks a text of any length; yields audio as soon as there is some.

        What stands in `[[ ]]` is phonemes, for a model that has them; the others refuse it.
        """


@runtime_checkable
class PreparesVoices(Protocol):
    """A synthesizer that can work out what its voices are before there is a text."""

    def prepare_voice(self, name: str) -> int:
        """Stores that in the bundle, unless it is there; returns the bytes that it takes."""
