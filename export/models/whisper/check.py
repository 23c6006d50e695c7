"""Runs finished graphs once: are the numbers finite, and does the cache do what it promises?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_voice.errors import GraphMismatch
from edge_voice.models.whisper import graphs
from edge_voice.models.whisper.config import FRAMES_PER_POSITION, WhisperConfig, positions_of
from edge_voice.seq2seq import Decoder, Encoder
from edge_voice.session import Session

# Opening graphs takes about twice their size in memory, and an export's peak memory is a promise:
# larger bundles are left to the tests, which check the same code on small ones.
_LARGEST_BYTES = 150 << 20
# Two ways of computing the same logits differ by rounding, and at 8 bits by the rounding of
# activations, which depends on the rows that are quantized together.
_TOLERANCE = 0.15
_FRAMES = 200


def check(folder: Path, graph_files: dict[str, str], config: WhisperConfig) -> dict[str, float]:
    """Decodes a few tokens of noise in one pass and step by step, and compares the logits.

    Returns:
        Name → value for the report; empty when the bundle is too large to be opened here.

    Raises:
        GraphMismatch: The logits are not finite, or the two ways disagree.
    """
    if sum(path.stat().st_size for path in folder.glob("*.data")) > _LARGEST_BYTES:
        return {}
    encoder = Encoder(Session(folder / graph_files["encoder"], graphs.ENCODER), positions_of)
    random = np.random.default_rng(0)
    frames = min(_FRAMES, config.audio_positions * FRAMES_PER_POSITION)
    encoded = encoder(random.normal(0, 0.5, (1, config.mels, frames)).astype(np.float32))
    session = Session(folder / graph_files["decoder"], graphs.DECODER)
    first = config.start_of_transcript
    tokens = np.array([[first, config.no_timestamps, 11, 12, 13]], np.int64)
    whole, stepper = (
        Decoder(session, encoded, text_positions=config.text_positions) for _ in range(2)
    )
    at_once = whole.prefill(tokens, np.arange(tokens.shape[1]))[0]
    steps = np.stack([stepper.step(column)[0].copy() for column in tokens.T])
    if not np.isfinite(at_once).all() or not np.isfinite(steps).all():
        raise GraphMismatch("the exported decoder's logits are not finite")
    difference = float(np.abs(at_once - steps).max() / np.abs(at_once).max())
    if difference > _TOLERANCE:
        raise GraphMismatch(
            f"step by step, the decoder's logits differ by {difference:.1%} from those of one pass"
            f" (at most {_TOLERANCE:.0%} is rounding)"
        )
    return {"largest relative difference of logits, cached steps against one pass": difference}
