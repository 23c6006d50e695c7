"""Moonshine's outputs from PyTorch and from the finished graphs, for the same noise and tokens."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_voice.listener import biased_decoders
from edge_voice.models.moonshine import graphs
from edge_voice.models.moonshine.config import SAMPLE_RATE, MoonshineConfig, positions_of
from edge_voice.seq2seq import Encoder
from edge_voice.session import Session

from ...package import Bundle
from ...pytorch_check import run
from ...weights import Array


def outputs(model: Any, bundle: Bundle) -> dict[str, tuple[Array, Array]]:
    """Name → what transformers' model says, what the graphs say."""
    config = MoonshineConfig(**bundle.facts["config"])
    random = np.random.default_rng(0)
    noise = random.normal(0, 0.1, 2 * SAMPLE_RATE).astype(np.float32)
    tokens = random.integers(0, config.vocabulary, (1, 8))
    feeds: dict[str, Array] = {
        "input_values": noise[None],
        "attention_mask": np.ones((1, len(noise)), np.int64),
        "decoder_input_ids": tokens,
    }
    expected = run(model, feeds)
    encoder = Session(bundle.folder / bundle.graphs["encoder"], graphs.ENCODER)
    encoded = Encoder(encoder, positions_of)([noise], hidden_states=True)
    session = Session(bundle.folder / bundle.graphs["decoder"], graphs.DECODER)
    decoder = biased_decoders(session, config.text_positions)(encoded, 1, tokens.shape[1])
    logits = decoder.prefill(tokens, np.arange(tokens.shape[1]))
    return {
        "encoder": (expected["encoder_last_hidden_state"], np.asarray(encoded.hidden_states)),
        "logits": (expected["logits"], logits),
    }
