"""Runs finished graphs once: the cache's promise, and what quantization did to the results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge_voice.models.cohere_transcribe import graphs
from edge_voice.models.cohere_transcribe.config import CohereConfig, positions_of
from edge_voice.seq2seq import Decoder, Encoded, Encoder
from edge_voice.session import Session

from ...numeric_check import against_exact, compare_steps
from ...package import Bundle
from ...quantize import Recipe
from ...weights import Array

_FRAMES = 400
_TOKENS = 48


def check(
    bundle: Bundle, config: CohereConfig, exact: Recipe, build: Callable[[Bundle], None]
) -> dict[str, float]:
    """Decodes random tokens over noise; see `against_exact`."""
    return against_exact(bundle, exact, build, lambda other: _run(other, config))


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
