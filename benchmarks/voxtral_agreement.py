"""How far two precisions of one Voxtral model are apart when both are told the same frames.

Left alone, two runs part for good at the first code that differs; under teacher forcing every
frame of both sees the same past, so differences do not add up.
"""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.manifest import SourceEntry
from edge_voice.models.voxtral_tts.model import VoxtralModel, load
from edge_voice_export.models.voxtral_tts import recipe
from edge_voice_export.pipeline import export_checkpoint
from edge_voice_export.quantize import Recipe

Array = np.ndarray[Any, np.dtype[Any]]


TEXTS = (
    "It was a bright cold day in April, and the clocks were striking thirteen.",
    "Quite a fine day, is it not?",
    "All happy families are alike; every unhappy family is unhappy in its own way.",
)
_MOST_TRIES = 200  # a small model may end at once; others never do


@dataclass(frozen=True)
class Told:
    """One text, and the frames that every model is told to have spoken.

    Attributes:
        text: What is said.
        voice: Whose voice.
        codes: (frames, 1 + codebooks) with the special offset.
        noise: (frames, codebooks).
    """

    text: str
    voice: str
    codes: Array
    noise: Array


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


def tell(model: Any, frames: int) -> list[Told]:
    """So many frames that a model makes by itself, of several texts and voices."""
    books, found, left = model.config.acoustic_codebooks, [], frames
    for seed in range(_MOST_TRIES):
        text, voice = TEXTS[seed % len(TEXTS)], model.voices[seed % len(model.voices)]
        noise = np.random.default_rng(seed).standard_normal((min(left, 40), books))
        codes = told_frames(model, text, voice, noise.astype(np.float32))
        if len(codes):
            found.append(Told(text, voice, codes, noise[: len(codes)].astype(np.float32)))
            left -= len(codes)
        if not left:
            break
    return found


def forced_all(model: Any, told: Iterable[Told], **sampling: Any) -> Forced:
    """What a model makes of several texts, one behind the other; see `forced`."""
    parts = [forced(model, t.text, t.voice, t.codes, t.noise, **sampling) for t in told]
    return Forced(
        *(np.concatenate([getattr(p, key) for p in parts]) for key in ("states", "codes", "points"))
    )


@contextmanager
def exported(checkpoint: Any, plan: Recipe, folder: Path) -> Iterator[VoxtralModel]:
    """A checkpoint as a model in some precision, for a moment."""
    presets = recipe.PRESETS
    recipe.PRESETS = {plan.name: plan}
    try:
        manifest = export_checkpoint(
            checkpoint, folder, precision=plan.name, name="scan", licence="",
            provenance=SourceEntry(file="none"),
        )  # fmt: skip
    finally:
        recipe.PRESETS = presets
    try:
        yield load(folder, manifest, threads=len(os.sched_getaffinity(0)))
    finally:
        gc.collect()
        shutil.rmtree(folder)


def forced(
    model: Any,
    text: str,
    voice: str,
    told: Array,
    noise: Array,
    *,
    steps: int | None = None,
    solver: str = "euler",
) -> Forced:
    """Runs a model over a prompt and told frames.

    Args:
        model: A `VoxtralModel`.
        text: What it is to say.
        voice: Whose voice.
        told: (frames, 1 + codebooks) with the special offset.
        noise: (frames, codebooks).
        steps: Steps of the solver; the checkpoint's own by default.
        solver: Which one.
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
        frame = model.acoustic.frame(
            state, row, steps=steps or config.steps, guidance=config.guidance, solver=solver
        )
        codes.append(frame)
        points.append(model.acoustic.x.copy())
    return Forced(states, np.array(codes), np.array(points))


def waveforms(model: Any, told: Iterable[Told]) -> Array:
    """What a model's codec makes of told frames, joined: (samples,) float32."""
    return np.concatenate([model.decode_codes(each.codes) for each in told])


def relative_error(one: Array, other: Array) -> float:
    """‖difference‖ ÷ ‖one‖."""
    return float(np.linalg.norm(one - other) / np.linalg.norm(one))


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
        point_error=relative_error(one.points, other.points),
    )
