"""The options of one call, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_voice.errors import OptionError
from edge_voice.models.voxtral_tts.config import VoxtralConfig
from edge_voice.models.voxtral_tts.voices import NO_CLONING

MOST_STEPS = 64
_MOST_GUIDANCE = 10.0
SOLVERS = ("euler", "ab2")
"""Euler's method, as published, and the Adams–Bashforth method of second order."""
_CLONING_KEYS = (
    *("clone", "clone_from", "reference_audio", "ref_audio", "audio_prompt", "prompt_audio"),
    *("speaker_wav", "voice_sample"),
)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How frames are drawn.

    Attributes:
        steps: Steps of the solver.
        guidance: Strength of classifier-free guidance.
        seed: First word of the seed of all noise.
        solver: One of `SOLVERS`.
    """

    steps: int
    guidance: float
    seed: int = 0
    solver: str = SOLVERS[0]


def refuse_cloning(options: Mapping[str, Any]) -> None:
    """Refuses options that other programs have for cloned voices.

    Raises:
        OptionError: One of them is there; says why it cannot be followed.
    """
    if asked := [key for key in _CLONING_KEYS if key in options]:
        raise OptionError(f"{asked[0]}: {NO_CLONING}")


def checked_noise(noise: Any, codebooks: int) -> np.ndarray[Any, np.dtype[Any]]:
    """Noise for frames, (frames, codebooks) float32.

    Raises:
        OptionError: It has another shape, or is not finite.
    """
    rows = np.asarray(noise)
    if rows.ndim != 2 or rows.shape[1] != codebooks or rows.dtype.kind not in "fiu":
        raise OptionError(
            f"noise of type {rows.dtype} and shape {list(rows.shape)}"
            f" (expected numbers of shape [frames, {codebooks}])"
        )
    if not np.isfinite(rows).all():
        raise OptionError("noise that is not finite")
    return rows.astype(np.float32)


def read_sampling(
    config: VoxtralConfig,
    *,
    steps: int | None = None,
    guidance: float | None = None,
    seed: int = 0,
    solver: str = SOLVERS[0],
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
    if solver not in SOLVERS:
        raise OptionError(f"unknown solver {solver!r} (known: {', '.join(SOLVERS)})")
    return Sampling(steps, float(guidance), seed, solver)
