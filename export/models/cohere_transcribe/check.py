"""Runs finished graphs once: the cache's promise, and what quantization did to the results."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge_voice.models.cohere_transcribe import graphs
from edge_voice.models.cohere_transcribe.config import CohereConfig, positions_of
from edge_voice.seq2seq import Decoder, Encoded, Encoder
from edge_voice.session import Session

from ...numeric_check import STEPS, compare_steps, cosine, is_small
from ...package import Bundle
from ...quantize import Recipe
from ...report import Report
from ...weights import Array

_FRAMES = 400
_TOKENS = 48

Build = Callable[[Bundle], None]


def check(
    bundle: Bundle, config: CohereConfig, exact: Recipe, build: Build
) -> dict[str, float]:
    """Decodes random tokens over noise, and compares a quantized bundle with an exact one.

    Args:
        bundle: With its graphs.
        config: Its numbers.
        exact: The recipe to compare with.
        build: Emits the graphs into another bundle.

    Returns:
        Name → value for the report; empty when the bundle is too large to be opened here.

    Raises:
        GraphMismatch: The logits are not finite, or steps and a single pass disagree.
    """
    if not is_small(bundle.folder):
        return {}
    hidden, logits, difference = _run(bundle, config)
    found = {STEPS: difference}
    if bundle.recipe.name == exact.name:
        return found
    with tempfile.TemporaryDirectory(dir=bundle.folder.parent) as folder:
        other = Bundle(Path(folder), exact, Report("", exact.name), lambda line: None)
        build(other)
        expected_hidden, expected_logits, _ = _run(other, config)
    same = logits.argmax(axis=-1) == expected_logits.argmax(axis=-1)
    return {
        **found,
        "cosine of encoder output against fp32": cosine(hidden, expected_hidden),
        "cosine of logits against fp32": cosine(logits, expected_logits),
        "likeliest token as with fp32, teacher-forced": float(same.mean()),
    }


def _run(bundle: Bundle, config: CohereConfig) -> tuple[Array, Array, float]:
    """Encoder output and logits for the same noise and tokens; see `compare_steps`."""
    random = np.random.default_rng(0)
    features = random.standard_normal((_FRAMES, config.mels)).astype(np.float32)
    count = min(_TOKENS, config.text_positions)
    tokens = random.integers(0, config.vocabulary, count)
    encoder = Session(bundle.folder / bundle.graphs["encoder"], graphs.ENCODER)
    encoded = Encoder(encoder, positions_of)([features], hidden_states=True)
    decoder = Session(bundle.folder / bundle.graphs["decoder"], graphs.DECODER)
    logits, difference = compare_steps(lambda: _decoder(decoder, encoded, config), tokens)
    return np.asarray(encoded.hidden_states), logits, difference


def _decoder(session: Session, encoded: Encoded, config: CohereConfig) -> Decoder:
    return Decoder(
        session,
        encoded,
        text_positions=config.text_positions,
        extra={"encoder_attention_bias": encoded.attention_bias()},
    )
