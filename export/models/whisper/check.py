"""Runs finished graphs once: are the numbers finite, and does the cache do what it promises?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_voice.models.whisper import graphs
from edge_voice.models.whisper.config import FRAMES_PER_POSITION, WhisperConfig, positions_of
from edge_voice.seq2seq import Decoder, Encoder
from edge_voice.session import Session

from ...numeric_check import STEPS, compare_steps, is_small

_FRAMES = 200


def check(folder: Path, graph_files: dict[str, str], config: WhisperConfig) -> dict[str, float]:
    """Decodes a few tokens of noise in one pass and step by step, and compares the logits.

    Returns:
        Name → value for the report; empty when the bundle is too large to be opened here.

    Raises:
        GraphMismatch: The logits are not finite, or the two ways disagree.
    """
    if not is_small(folder):
        return {}
    encoder = Encoder(Session(folder / graph_files["encoder"], graphs.ENCODER), positions_of)
    random = np.random.default_rng(0)
    frames = min(_FRAMES, config.audio_positions * FRAMES_PER_POSITION)
    encoded = encoder(random.normal(0, 0.5, (1, config.mels, frames)).astype(np.float32))
    session = Session(folder / graph_files["decoder"], graphs.DECODER)
    tokens = np.array([config.start_of_transcript, config.no_timestamps, 11, 12, 13], np.int64)
    _, difference = compare_steps(
        lambda: Decoder(session, encoded, text_positions=config.text_positions), tokens
    )
    return {STEPS: difference}
