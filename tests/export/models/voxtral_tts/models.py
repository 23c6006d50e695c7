"""Tiny Voxtral bundles with random weights, and the same weights in numpy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.synthetic_voxtral import SyntheticVoxtral, write_companions
from benchmarks.voxtral_sizes import StackSize, VoxtralSize
from edge_voice.manifest import Manifest, SourceEntry
from edge_voice.models.voxtral_tts.model import VoxtralModel, load
from edge_voice_export.pipeline import export_checkpoint
from tests.export.matrices import DrawnOnce

from .reference import ReferenceVoxtral

Array = np.ndarray[Any, np.dtype[Any]]

SMALL = {
    "width": 64,
    "backbone": StackSize(2, 4, 2, 16, 96),
    "acoustic": StackSize(3, 4, 2, 16, 96),
    "vocab": 1400,
    "semantic_codes": 50,
    "semantic_size": 8,
    "codec_heads": 4,
    "codec_head_size": 8,
    "codec_inner": 64,
    "voices": {"calm": 7, "fr_loud": 5},
}


class _DrawnCheckpoint(DrawnOnce, SyntheticVoxtral):
    """Random weights that stay the same."""


@dataclass(frozen=True)
class TinyVoxtral:
    """Where random weights go to become a bundle, and the same weights in numpy."""

    checkpoint: SyntheticVoxtral
    reference: ReferenceVoxtral

    def export(self, output: Path, precision: str) -> Manifest:
        return export_checkpoint(
            self.checkpoint,
            output,
            precision=precision,
            name="tiny",
            licence="",
            provenance=SourceEntry(file="none"),
        )

    def model(self, output: Path, precision: str) -> VoxtralModel:
        return load(output, self.export(output, precision), threads=1)


def tiny_voxtral(
    folder: Path, *, seed: int = 0, dtype: Any = "bfloat16", **sizes: Any
) -> TinyVoxtral:
    """Random weights of the size `SMALL` but for what is said."""
    size = VoxtralSize(**{**SMALL, **sizes})
    write_companions(size, folder)
    checkpoint = _DrawnCheckpoint(size, folder, dtype=dtype, seed=seed)
    return TinyVoxtral(checkpoint, ReferenceVoxtral(checkpoint.read, checkpoint.config))


def published_voices(size: VoxtralSize) -> dict[str, Array]:
    """What `write_companions` wrote, computed again."""
    random = np.random.default_rng(0)
    voices = {}
    for name, rows in size.voices.items():
        values = random.standard_normal((rows, size.width)).astype(np.float32)
        voices[name] = (values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    return voices


def random_codes(size: VoxtralSize, frames: int, seed: int = 0) -> Array:
    """(frames, codebooks) as the model emits them, with the special offset."""
    random = np.random.default_rng(seed)
    limits = [size.semantic_codes, *[size.levels] * size.codebooks]
    return random.integers(0, limits, (frames, len(limits))) + 2
