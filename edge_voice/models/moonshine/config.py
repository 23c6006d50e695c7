"""Moonshine's numbers, as the manifest carries them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_voice.errors import ManifestError

Array = np.ndarray[Any, np.dtype[Any]]

SAMPLE_RATE = 16_000
# Kernel and stride of the three convolutions.
_STEM = ((127, 64), (7, 3), (3, 2))
_SAMPLES_PER_POSITION = 384
SECONDS_PER_POSITION = _SAMPLES_PER_POSITION / SAMPLE_RATE
FEWEST_SAMPLES = 895
"""Shorter audio makes no position."""


@dataclass(frozen=True, slots=True)
class MoonshineConfig:
    """Facts about one checkpoint.

    Attributes:
        text_positions: Most tokens the decoder can hold, the start token included.
        vocabulary: Number of token ids.
        start_of_text: Token that stands before every transcript.
        end_of_text: Token that ends one.
        tokens_per_second: More than this in a clip is no speech but a model that has lost its way.
    """

    text_positions: int
    vocabulary: int
    start_of_text: int
    end_of_text: int
    tokens_per_second: float

    def __post_init__(self) -> None:
        """Refuses numbers that cannot be right.

        Raises:
            ManifestError: Names the number, what it is and what is allowed.
        """
        for name in ("text_positions", "vocabulary", "tokens_per_second"):
            if not getattr(self, name) >= 1:
                raise ManifestError(f"manifest.json: config: {name} is {getattr(self, name)}")
        for name in ("start_of_text", "end_of_text"):
            if not 0 <= (token := getattr(self, name)) < self.vocabulary:
                raise ManifestError(
                    f"manifest.json: config: {name} is token {token}"
                    f" (allowed: 0 to {self.vocabulary - 1})"
                )


def positions_of(waveform: Array) -> int:
    """Encoder positions of (n,) samples, of at least `FEWEST_SAMPLES`."""
    count = len(waveform)
    for kernel, stride in _STEM:
        count = (count - kernel) // stride + 1
    return count


def long_enough(waveform: Array) -> Array:
    """The samples, with silence behind them if they are too few for one position."""
    missing = FEWEST_SAMPLES - len(waveform)
    return np.pad(waveform, (0, missing)) if missing > 0 else waveform
