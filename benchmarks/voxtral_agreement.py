"""How far two precisions of one Voxtral model are apart when both are told the same frames.

Left alone, two runs part for good at the first code that differs; under teacher forcing every
frame of both sees the same past, so differences do not add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Forced:
    """What a model makes of frames that it is told.

    Attributes:
        states: (frames, width) hidden states.
        codes: (frames, 1 + codebooks), each from its own state.
        points: (frames, codebooks): where flow matching ends, before rounding to levels; zeros
            where speech ends.
    """

    states: Array
    codes: Array
    points: Array


@dataclass(frozen=True)
class Agreement:
    """How alike two such results are.

    Attributes:
        cosine: Of all hidden states together.
        worst_cosine: Of the least alike hidden state.
        semantic: Share of equal semantic codes.
        acoustic: Share of equal acoustic codes.
        levels: Mean distance of acoustic codes.
        point_error: ‖difference‖ ÷ ‖points‖.
    """

    cosine: float
    worst_cosine: float
    semantic: float
    acoustic: float
    levels: float
    point_error: float


def told_frames(model: Any, text: str, voice: str, noise: Array) -> Array:
    """Frames that the model makes by itself: (frames, 1 + codebooks)."""
    frames = model.frames(text, voice, noise=noise, max_frames=len(noise), normalize=False)
    return np.array(list(frames))


def forced(model: Any, text: str, voice: str, told: Array, noise: Array) -> Forced:
    """Runs a model over a prompt and told frames.

    Args:
        model: A `VoxtralModel`.
        text: What it is to say.
        voice: Whose voice.
        told: (frames, 1 + codebooks) with the special offset.
        noise: (frames, codebooks).
    """
    prompts, config = model.prompts, model.config
    embeddings = np.concatenate(
        [
            prompts.prefix(prompts.voice(voice)),
            prompts.embed(prompts.text_ids(text)),
            *(prompts.frame(codes)[None] for codes in told[:-1]),
        ]
    )
    model.forget()
    model.backbone.reserve(len(embeddings))
    wanted = np.arange(len(embeddings) - len(told), len(embeddings))
    states = model.backbone.states(embeddings, wanted)
    model.forget()
    codes, points = [], []
    for state, row in zip(states, noise, strict=False):
        model.acoustic.x[:] = 0
        frame = model.acoustic.frame(state, row, steps=config.steps, guidance=config.guidance)
        codes.append(frame)
        points.append(model.acoustic.x.copy())
    return Forced(states, np.array(codes), np.array(points))


def compare(one: Forced, other: Forced) -> Agreement:
    """How alike two results over the same frames are."""
    a, b = (result.states.astype(np.float64) for result in (one, other))
    each = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
    acoustic = np.abs(one.codes[:, 1:] - other.codes[:, 1:])
    return Agreement(
        cosine=float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())),
        worst_cosine=float(each.min()),
        semantic=float((one.codes[:, 0] == other.codes[:, 0]).mean()),
        acoustic=float((acoustic == 0).mean()),
        levels=float(acoustic.mean()),
        point_error=float(
            np.linalg.norm(one.points - other.points) / np.linalg.norm(one.points)
        ),
    )
