"""Cohere Transcribe's numbers, as the manifest carries them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_voice.errors import ManifestError, OptionError

Array = np.ndarray[Any, np.dtype[Any]]

SAMPLE_RATE = 16_000
FRAMES_PER_POSITION = 8
SECONDS_PER_POSITION = 0.08

_CONTROLS = (
    "decoder_start",
    "start_of_context",
    "start_of_transcript",
    "undefined_emotion",
    "punctuation",
    "no_punctuation",
    "no_inverse_normalization",
    "no_timestamps",
    "no_diarization",
    "end_of_text",
)


@dataclass(frozen=True, slots=True)
class CohereConfig:
    """Facts about one checkpoint.

    Attributes:
        mels: Mel bands of the features.
        text_positions: Most tokens the decoder can hold, prompt included.
        vocabulary: Number of token ids.
        clip_seconds: Longest piece of audio that is encoded at once.
        overlap_seconds: Last part of a piece in which the reference looks for a place to cut.
        energy_window_samples: Length of what it compares there.
        decoder_start: First token of every prompt, a bare word boundary.
        start_of_context: Second token.
        start_of_transcript: Third token.
        undefined_emotion: Fourth token; two language tokens follow.
        punctuation: Asks for punctuation and capitals.
        no_punctuation: Asks for neither.
        no_inverse_normalization: Numbers as they are spoken.
        no_timestamps: No times in the text; the model was not trained for others.
        no_diarization: No speakers in the text; likewise.
        end_of_text: Token that ends a transcript.
        language_tokens: ISO 639 code → token, of the languages that were trained.
    """

    mels: int
    text_positions: int
    vocabulary: int
    clip_seconds: float
    overlap_seconds: float
    energy_window_samples: int
    decoder_start: int
    start_of_context: int
    start_of_transcript: int
    undefined_emotion: int
    punctuation: int
    no_punctuation: int
    no_inverse_normalization: int
    no_timestamps: int
    no_diarization: int
    end_of_text: int
    language_tokens: dict[str, int]

    def __post_init__(self) -> None:
        """Refuses numbers that cannot be right.

        Raises:
            ManifestError: Names the number, what it is and what is allowed.
        """
        for name in ("mels", "text_positions", "vocabulary", "energy_window_samples"):
            if getattr(self, name) < 1:
                raise ManifestError(f"manifest.json: config: {name} is {getattr(self, name)}")
        if not 0 < self.overlap_seconds < self.clip_seconds <= 600:
            raise ManifestError(
                f"manifest.json: config: clips of {self.clip_seconds} s with an overlap of"
                f" {self.overlap_seconds} s (allowed: at most 600 s, a shorter overlap)"
            )
        controls = [(name, getattr(self, name)) for name in _CONTROLS]
        for name, token in (*controls, *self.language_tokens.items()):
            if not 0 <= token < self.vocabulary:
                raise ManifestError(
                    f"manifest.json: config: {name} is token {token}"
                    f" (allowed: 0 to {self.vocabulary - 1})"
                )

    @property
    def clip_samples(self) -> int:
        """Most samples that are encoded at once."""
        return int(self.clip_seconds * SAMPLE_RATE)

    def prompt(self, language: str, *, punctuation: bool) -> list[int]:
        """The ten tokens that stand before every transcript.

        Raises:
            OptionError: The checkpoint does not know the language.
        """
        if language not in self.language_tokens:
            known = ", ".join(sorted(self.language_tokens))
            raise OptionError(f"unknown language {language!r} (known: {known})")
        spoken = self.language_tokens[language]
        return [
            self.decoder_start,
            self.start_of_context,
            self.start_of_transcript,
            self.undefined_emotion,
            spoken,
            spoken,  # into which language: another one would ask for what was not trained
            self.punctuation if punctuation else self.no_punctuation,
            self.no_inverse_normalization,
            self.no_timestamps,
            self.no_diarization,
        ]


def positions_of(features: Array) -> int:
    """Encoder positions of (frames, mels) features."""
    return -(-len(features) // FRAMES_PER_POSITION)
