"""Runs finished graphs once: the cache's promise, and what quantization did to the results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge_voice import merged
from edge_voice.listener import biased_decoders
from edge_voice.models.moonshine import graphs
from edge_voice.models.moonshine.config import SAMPLE_RATE, MoonshineConfig, positions_of
from edge_voice.seq2seq import Decoder, Encoder
from edge_voice.session import Session

from ...numeric_check import STEPS, against_exact, checked_difference, compare_steps
from ...package import Bundle
from ...quantize import Recipe
from ...weights import Array
from .published import FEATURES

_TOKENS = 48
_LEVEL = 0.05  # of a quiet voice


def check(
    bundle: Bundle, config: MoonshineConfig, exact: Recipe, build: Callable[[Bundle], None]
) -> dict[str, float]:
    """Decodes random tokens over noise; see `against_exact`."""
    return against_exact(bundle, exact, build, lambda other: _run(other, config))


def check_published(bundle: Bundle, config: MoonshineConfig) -> dict[str, float]:
    """Feeds two tokens over noise at once and one by one to graphs that are run as published.

    Raises:
        GraphMismatch: The logits are not finite, or the two ways disagree.
    """
    encoder = Session(
        bundle.folder / bundle.graphs[merged.ENCODER_ROLE], merged.encoder_spec(FEATURES)
    )
    decoder = Session(bundle.folder / bundle.graphs[merged.DECODER_ROLE], merged.DECODER)
    encoded = merged.merged_encoder(encoder, FEATURES)([_noise()])
    tokens = np.array([[config.start_of_text, config.end_of_text]])
    at_once = merged.MergedDecoder(decoder, encoded).prefill(tokens, np.array([1]))[0, 0]
    stepper = merged.MergedDecoder(decoder, encoded)
    stepper.prefill(tokens[:, :1], np.array([0]))
    step = stepper.step(tokens[:, 1])[0]
    return {STEPS: checked_difference(at_once, step)}


def _run(bundle: Bundle, config: MoonshineConfig) -> tuple[Array, Array, float]:
    """Encoder output and logits for the same noise and tokens; see `compare_steps`."""
    encoder = Session(bundle.folder / bundle.graphs["encoder"], graphs.ENCODER)
    encoded = Encoder(encoder, positions_of)([_noise()], hidden_states=True)
    count = min(_TOKENS, config.text_positions)
    tokens = np.random.default_rng(1).integers(0, config.vocabulary, count)
    session = Session(bundle.folder / bundle.graphs["decoder"], graphs.DECODER)
    new_decoder = biased_decoders(session, config.text_positions)

    def decoder() -> Decoder:
        return new_decoder(encoded, 1, count)

    logits, difference = compare_steps(decoder, tokens)
    return np.asarray(encoded.hidden_states), logits, difference


def _noise() -> Array:
    return np.random.default_rng(0).normal(0, _LEVEL, 4 * SAMPLE_RATE).astype(np.float32)
