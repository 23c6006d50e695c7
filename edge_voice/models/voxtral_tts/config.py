"""Voxtral's numbers, as the manifest carries them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_voice.errors import ManifestError
from edge_voice.manifest import Manifest, from_dict
from edge_voice.synthesizer import VoiceList

EMPTY_AUDIO = 0
END_AUDIO = 1
SPECIAL_CODES = 2
"""Every codebook starts with these two; a code of the codec is stored with 2 added."""

_LANGUAGE = re.compile(r"([a-z]{2})_")
_DEFAULT_LANGUAGE = "en"


def language_of(voice: str) -> str:
    """ISO 639 code that a voice's name begins with (`fr_female`); English voices have none."""
    found = _LANGUAGE.match(voice)
    return found.group(1) if found else _DEFAULT_LANGUAGE


@dataclass(frozen=True, slots=True)
class VoxtralConfig:
    """Facts about one checkpoint.

    Attributes:
        pattern: How text is split into pieces that merges of tokens do not cross.
        special_tokens: Number of special tokens; ordinary ones have ids from here on.
        begin_of_text: First token of a prompt.
        begin_audio: Token before the voice, and the last token of a prompt.
        audio: Token whose embedding a row of the voice replaces.
        text_begins: Token between voice and text.
        text_ends: Token behind the text.
        voices: Name → rows in the table of voices, in its order.
        semantic_codes: Entries of the semantic codebook.
        acoustic_codebooks: Codes of a frame besides the semantic one.
        acoustic_levels: Values that each of these can take.
        steps: Euler steps for a frame, as published.
        guidance: Strength of classifier-free guidance, as published.
        sample_rate: Samples per second.
        samples_per_frame: Samples that one frame of codes becomes.
        max_positions: Positions of the backbone, prompt and frames together.
    """

    pattern: str
    special_tokens: int
    begin_of_text: int
    begin_audio: int
    audio: int
    text_begins: int
    text_ends: int
    voices: dict[str, int]
    semantic_codes: int
    acoustic_codebooks: int
    acoustic_levels: int
    steps: int
    guidance: float
    sample_rate: int
    samples_per_frame: int
    max_positions: int

    def __post_init__(self) -> None:
        """Refuses numbers that no such model can have.

        Raises:
            ManifestError: Names the number, what it is and what is allowed.
        """
        counts = ("special_tokens", "semantic_codes", "acoustic_codebooks", "steps", "sample_rate",
                  "samples_per_frame", "max_positions")  # fmt: skip
        for name in counts:
            if getattr(self, name) < 1:
                raise ManifestError(f"manifest.json: config: {name} is {getattr(self, name)}")
        if self.acoustic_levels < 2:
            raise ManifestError("manifest.json: config: acoustic_levels is less than 2")
        for name in ("begin_of_text", "begin_audio", "audio", "text_begins", "text_ends"):
            if not 0 <= getattr(self, name) < self.special_tokens:
                raise ManifestError(
                    f"manifest.json: config: {name} is {getattr(self, name)}"
                    f" (allowed: 0 to {self.special_tokens - 1})"
                )
        if not self.voices or min(self.voices.values()) < 1:
            raise ManifestError("manifest.json: config: voices has none, or one without rows")

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.samples_per_frame

    @property
    def code_limits(self) -> tuple[int, ...]:
        """Entries of each codebook, special ones included."""
        acoustic = self.acoustic_levels + SPECIAL_CODES
        return (self.semantic_codes + SPECIAL_CODES, *[acoustic] * self.acoustic_codebooks)


def voice_list(manifest: Manifest) -> VoiceList:
    """Who a bundle can speak as; opening it for that would take gigabytes."""
    config = from_dict(VoxtralConfig, manifest.config, "manifest.json: config")
    return VoiceList(tuple(config.voices), manifest.languages, config.sample_rate)
