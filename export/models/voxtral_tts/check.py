"""Runs finished graphs once: are the numbers finite, and do cache and codec state work?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_voice.errors import GraphMismatch
from edge_voice.models.voxtral_tts import graphs
from edge_voice.models.voxtral_tts.acoustic import AcousticTransformer
from edge_voice.models.voxtral_tts.backbone import Backbone
from edge_voice.models.voxtral_tts.codec import CodecStream
from edge_voice.models.voxtral_tts.config import VoxtralConfig
from edge_voice.session import Session

from ...numeric_check import is_small
from ...weights import Array

# Two ways of computing the same differ by rounding, and at 8 bits by the rounding of activations.
_TOLERANCE = 0.15
_POSITIONS = 9
_FRAMES = 7
_CHUNK = 3


def check(folder: Path, files: dict[str, str], config: VoxtralConfig) -> dict[str, float]:
    """Feeds noise in one pass and step by step, and compares.

    Returns:
        Name → value for the report; empty when the bundle is too large to be opened here.

    Raises:
        GraphMismatch: Numbers are not finite, or the two ways disagree.
    """
    if not is_small(folder):
        return {}
    random = np.random.default_rng(0)
    backbone = Backbone(
        Session(folder / files["backbone"], graphs.BACKBONE), config.max_positions
    )
    embeddings = random.normal(0, 1, (_POSITIONS, backbone.width)).astype(np.float32)
    backbone.reserve(_POSITIONS)
    at_once = backbone.states(embeddings, np.arange(_POSITIONS))
    backbone.truncate(0)
    stepped = np.stack([backbone.step(row)[0].copy() for row in embeddings])
    acoustic = AcousticTransformer(folder, files, config, threads=1)
    acoustic.listen(at_once[-1])
    noise = random.normal(0, 1, config.acoustic_codebooks).astype(np.float32)
    points = np.stack([x.copy() for x in acoustic.integrate(noise, config.steps, config.guidance)])
    _finite("velocity", points)
    return {
        "largest relative difference of hidden states, cached steps against one pass": _compare(
            "backbone", at_once, stepped
        ),
        "largest relative difference of samples, chunks against a whole": _check_codec(
            Session(folder / files["codec"], graphs.CODEC), config, random
        ),
    }


def _check_codec(session: Session, config: VoxtralConfig, random: np.random.Generator) -> float:
    limits = [config.semantic_codes, *[config.acoustic_levels] * config.acoustic_codebooks]
    codes = random.integers(0, limits, (_FRAMES, len(limits)))
    whole, chunks = CodecStream(session), CodecStream(session)
    parts = [chunks.decode(codes[i : i + _CHUNK]) for i in range(0, _FRAMES, _CHUNK)]
    return _compare("codec", whole.decode(codes), np.concatenate(parts))


def _compare(graph: str, one: Array, other: Array) -> float:
    _finite(graph, one)
    _finite(graph, other)
    difference = float(np.abs(one - other).max() / np.abs(one).max())
    if difference > _TOLERANCE:
        raise GraphMismatch(
            f"the exported {graph} differs by {difference:.1%} between one pass and several"
            f" (at most {_TOLERANCE:.0%} is rounding)"
        )
    return difference


def _finite(graph: str, values: Array) -> None:
    if not np.isfinite(values).all():
        raise GraphMismatch(f"what the exported {graph} computes is not finite")
