"""The options of one call, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_voice.errors import OptionError
from edge_voice.models.voxtral_tts.config import VoxtralConfig
from edge_voice.models.voxtral_tts.voices import NO_CLONING
from edge_voice.synthesizer import SpeakOptions

MOST_STEPS = 64
_MOST_GUIDANCE = 10.0
_CLONING_KEYS = ("reference_audio", "ref_audio", "speaker_wav", "clone")


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


def check_keys(options: Mapping[str, Any]) -> None:
    """Refuses options that are not for this model.

    Raises:
        OptionError: One asks for a cloned voice, or for another speed.
        TypeError: As Python does for an unknown keyword.
    """
    if asked := [key for key in _CLONING_KEYS if key in options]:
        raise OptionError(f"{asked[0]}: {NO_CLONING}")
    if unknown := sorted(set(options) - set(SpeakOptions.__annotations__)):
        raise TypeError(f"unexpected option {unknown[0]!r}")
    if options.get("speed", 1.0) != 1.0:
        raise OptionError(f"speed {options['speed']!r} (this model speaks at 1.0 only)")


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


def most_samples(config: VoxtralConfig, seconds: float | None) -> int | None:
    """Samples that `max_seconds` leaves room for; None without a limit.

    Raises:
        OptionError: It is not a number above 0.
    """
    if seconds is None:
        return None
    if type(seconds) not in (int, float) or not 0 < seconds < math.inf:
        raise OptionError(f"max_seconds {seconds!r} (allowed: numbers above 0)")
    return math.floor(seconds * config.sample_rate)
