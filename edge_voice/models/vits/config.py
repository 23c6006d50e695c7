"""Numbers of a VITS voice, as the manifest has them."""

from __future__ import annotations

from dataclasses import dataclass

from edge_voice.errors import ManifestError
from edge_voice.models.vits import graphs


@dataclass(frozen=True, slots=True)
class VitsConfig:
    """Facts about one checkpoint.

    Attributes:
        sample_rate: Samples per second.
        inputs: Optional inputs that the graph has; see `graphs.OPTIONAL`.
        voices: Names of the speakers, in order of their ids.
        symbols: What the graph reads: letter or phoneme → id.
        blank: Id that stands between all symbols and at both ends; None for none.
        start: Id before everything; None for none.
        end: Id behind everything; None for none.
        espeak_voice: espeak-ng's name of the language whose phonemes are read; empty if letters
            are.
        lower_case: Whether letters that are not among the symbols are tried in lower case.
        decomposed: Whether letters and their accents are symbols of their own (Unicode NFD).
        romanized: Whether the voice was trained on romanised text.
        noise_scale: Deviation of the noise that the sound is drawn from.
        noise_scale_duration: Deviation of the noise that durations are drawn from.
        latent_channels: Channels of the sound before it is made audible.
    """

    sample_rate: int
    inputs: tuple[str, ...]
    voices: tuple[str, ...]
    symbols: dict[str, int]
    blank: int | None
    start: int | None
    end: int | None
    espeak_voice: str
    lower_case: bool
    decomposed: bool
    romanized: bool
    noise_scale: float
    noise_scale_duration: float
    latent_channels: int

    def __post_init__(self) -> None:
        """Refuses numbers that cannot be right.

        Raises:
            ManifestError: Names the number, what it is and what is allowed.
        """
        where = "manifest.json: config"
        if not 1000 <= self.sample_rate <= 192_000:
            raise ManifestError(f"{where}: sample_rate is {self.sample_rate} (1000 to 192000)")
        if not self.voices or not self.symbols or self.latent_channels < 1:
            raise ManifestError(f"{where}: voices, symbols and latent_channels may not be empty")
        if strange := sorted(set(self.inputs) - set(graphs.OPTIONAL)):
            known = ", ".join(graphs.OPTIONAL)
            raise ManifestError(f"{where}: inputs names {strange[0]!r} (known: {known})")
