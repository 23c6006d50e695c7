"""hibari's numbers, as the manifest has them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HibariConfig:
    """What the runtime must know and cannot see in the graphs.

    Attributes:
        voice: The one voice of the bundle.
        sample_rate: Samples per second.
        hop_samples: Samples between two frames.
        longest_phonemes: Most phonemes that the model is given at once.
        phoneme_ids: Phoneme → id.
        unknown_letters: Letters that the network for unknown words reads, from id 1 on.
        unknown_phonemes: Phonemes that it writes, likewise.
        unknown_longest: Most letters that it reads at once.
    """

    voice: str
    sample_rate: int
    hop_samples: int
    longest_phonemes: int
    phoneme_ids: dict[str, int]
    unknown_letters: tuple[str, ...]
    unknown_phonemes: tuple[str, ...]
    unknown_longest: int
