"""Whisper's outputs from PyTorch and from the finished graphs, for the same noise and tokens."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_voice.models.whisper import graphs
from edge_voice.models.whisper.config import FRAMES_PER_POSITION, WhisperConfig, positions_of
from edge_voice.seq2seq import Decoder, Encoder
from edge_voice.session import Session

from ...package import Bundle
from ...pytorch_check import run
from ...weights import Array


def outputs(model: Any, bundle: Bundle) -> dict[str, tuple[Array, Array]]:
    """Name → what transformers' model says, what the graphs say."""
    config = WhisperConfig(**bundle.facts["config"])
    random = np.random.default_rng(0)
    shape = (1, config.mels, config.audio_positions * FRAMES_PER_POSITION)
    features = random.normal(0, 0.5, shape).astype(np.float32)
    tokens = np.array([[config.start_of_transcript, config.no_timestamps, 11, 12, 13]], np.int64)
    reference = run(model, {"input_features": features, "decoder_input_ids": tokens})
    encoder = Session(bundle.folder / bundle.graphs["encoder"], graphs.ENCODER)
    encoded = Encoder(encoder, positions_of)(features, hidden_states=True)
    session = Session(bundle.folder / bundle.graphs["decoder"], graphs.DECODER)
    decoder = Decoder(session, encoded, text_positions=config.text_positions)
    logits = decoder.prefill(tokens, np.arange(tokens.shape[1]))
    return {
        "encoder": (reference["encoder_last_hidden_state"], np.asarray(encoded.hidden_states)),
        "logits": (reference["logits"], logits),
    }
