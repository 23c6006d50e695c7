"""The options of one call, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_voice.errors import OptionError
from edge_voice.models.voxtral_tts.config import VoxtralConfig
from edge_voice.models.voxtral_tts.voices import NO_CLONING

MOST_STEPS = 64
_MOST_GUIDANCE = 10.0
_CLONING_KEYS = (
    *("clone", "clone_from", "reference_audio", "ref_audio", "audio_prompt", "prompt_audio"),
    *("speaker_wav", "voice_sample"),
)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How frames are drawn.

    Attributes:
        steps: Euler steps.
        guidance: Strength of classifier-free guidance.
        seed: First word of the seed of all noise.
    """

    steps: int
    guidance: float
    seed: int = 0


def refuse_cloning(options: Mapping[str, Any]) -> None:
    """Refuses options that other programs have for cloned voices.

    Raises:
        OptionError: One of them is there; says why it cannot be followed.
    """
    if asked := [key for key in _CLONING_KEYS if key in options]:
        raise OptionError(f"{asked[0]}: {NO_CLONING}")


def read_sampling(
    config: VoxtralConfig,
    *,
    steps: int | None = None,
    guidance: float | None = None,
    seed: int = 0,
) -> Sampling:
    """Fills in the checkpoint's own values.

    Raises:
        OptionError: A value is not allowed.
    """
    steps = config.steps if steps is None else steps
    guidance = config.guidance if guidance is None else guidance
    if type(steps) is not int or not 1 <= steps <= MOST_STEPS:
        raise OptionError(f"{steps!r} steps (allowed: 1 to {MOST_STEPS})")
    if type(guidance) not in (int, float) or not 0 <= guidance <= _MOST_GUIDANCE:
        raise OptionError(f"guidance {guidance!r} (allowed: 0 to {_MOST_GUIDANCE:g})")
    if type(seed) is not int or seed < 0:
        raise OptionError(f"seed {seed!r} (allowed: whole numbers from 0 on)")
    return Sampling(steps, float(guidance), seed)
