"""Numbers of a CTC model, as the manifest has them."""

from __future__ import annotations

from dataclasses import dataclass

from edge_voice.errors import ManifestError
from edge_voice.models.ctc import graphs

SAMPLE_RATE = 16_000


@dataclass(frozen=True, slots=True)
class CtcConfig:
    """Facts about one checkpoint.

    Attributes:
        features: What the graph hears: `waveform` or `log_mel`.
        attention_mask: Whether it asks which samples count.
        normalize: Whether each piece of audio is brought to mean 0 and deviation 1.
        samples_per_position: Samples from one row of logits to the next.
        shortest_samples: Fewer are filled up with silence.
        blank: Token that says nothing.
        delimiter: Token between words; None if the tokens hold blanks themselves.
        special: Further tokens that are not written.
        lower_case: Whether text is written in lower case, whatever the tokens are.
    """

    features: str
    attention_mask: bool
    normalize: bool
    samples_per_position: int
    shortest_samples: int
    blank: int
    delimiter: int | None
    special: tuple[int, ...]
    lower_case: bool

    def __post_init__(self) -> None:
        """Refuses numbers that cannot be right.

        Raises:
            ManifestError: Names the number, what it is and what is allowed.
        """
        if self.features not in graphs.INPUTS:
            known = ", ".join(graphs.INPUTS)
            raise ManifestError(f"manifest.json: config: features {self.features!r} ({known})")
        for name in ("samples_per_position", "shortest_samples"):
            if not 1 <= (value := getattr(self, name)) <= SAMPLE_RATE:
                raise ManifestError(
                    f"manifest.json: config: {name} is {value} (allowed: 1 to {SAMPLE_RATE})"
                )

    @property
    def seconds_per_position(self) -> float:
        """Time from one row of logits to the next."""
        return self.samples_per_position / SAMPLE_RATE
