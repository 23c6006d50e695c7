"""Whisper's numbers, as the manifest carries them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_voice.errors import ManifestError

Array = np.ndarray[Any, np.dtype[Any]]

SAMPLE_RATE = 16_000
SAMPLES_PER_FRAME = 160  # 10 ms hop
FRAMES_PER_POSITION = 2  # the second convolution halves the rate
SECONDS_PER_POSITION = 0.02  # also the step of timestamp tokens

_TOKENS = (
    "end_of_text",
    "start_of_transcript",
    "start_of_previous",
    "translate",
    "transcribe",
    "no_speech",
    "no_timestamps",
    "first_timestamp",
)


@dataclass(frozen=True, slots=True)
class WhisperConfig:
    """Facts about one checkpoint.

    Attributes:
        mels: Mel bands of the features.
        audio_positions: Encoder positions of a full window, 20 ms each.
        text_positions: Most tokens the decoder can hold, prompt included.
        vocabulary: Number of token ids.
        multilingual: Whether language and task tokens are part of the prompt.
        end_of_text: Token that ends a transcript.
        start_of_transcript: First token of every prompt.
        start_of_previous: Token that opens the previous text.
        translate: Task token.
        transcribe: Task token.
        no_speech: Token whose probability tells that nothing is said.
        no_timestamps: Token that asks for text alone.
        first_timestamp: Token of 0.00 s; later ones follow in steps of 0.02 s.
        language_tokens: ISO 639 code → token.
        suppress: Tokens never sampled: symbols that are not spoken, and control tokens.
        suppress_at_start: Tokens not sampled as the first of a window.
        alignment_heads: (layer, head) of the decoder's heads that follow the speech; none if that
            is not known.
    """

    mels: int
    audio_positions: int
    text_positions: int
    vocabulary: int
    multilingual: bool
    end_of_text: int
    start_of_transcript: int
    start_of_previous: int
    translate: int
    transcribe: int
    no_speech: int
    no_timestamps: int
    first_timestamp: int
    language_tokens: dict[str, int]
    suppress: tuple[int, ...]
    suppress_at_start: tuple[int, ...]
    alignment_heads: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        """Refuses numbers that cannot be a Whisper's.

        Raises:
            ManifestError: Names the number, what it is and what is allowed.
        """
        for name in ("mels", "audio_positions", "text_positions", "vocabulary"):
            if getattr(self, name) < 1:
                raise ManifestError(f"manifest.json: config: {name} is {getattr(self, name)}")
        single = {name: getattr(self, name) for name in _TOKENS}
        lists = {
            "language_tokens": (*self.language_tokens.values(),),
            "suppress": self.suppress,
            "suppress_at_start": self.suppress_at_start,
        }
        for name, tokens in (*((n, (t,)) for n, t in single.items()), *lists.items()):
            if wrong := [token for token in tokens if not 0 <= token < self.vocabulary]:
                raise ManifestError(
                    f"manifest.json: config: {name} has token {wrong[0]}"
                    f" (allowed: 0 to {self.vocabulary - 1})"
                )

    @property
    def window_samples(self) -> int:
        """Samples of a full window: 30 s."""
        return self.audio_positions * FRAMES_PER_POSITION * SAMPLES_PER_FRAME


def positions_of(features: Array) -> int:
    """Encoder positions of (mels, frames) features; an odd last frame makes one of its own."""
    return -(-len(features[0]) // FRAMES_PER_POSITION)
