"""Checks of finished graphs by running them: with the runtime's own code, on small bundles only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge_voice.errors import GraphMismatch
from edge_voice.seq2seq import Decoder

from .weights import Array

# Opening graphs takes about twice their size in memory, and an export's peak memory is a promise:
# larger bundles are left to the tests, which check the same code on small ones.
_LARGEST_BYTES = 150 << 20
# Two ways of computing the same logits differ by rounding, and at 8 bits by the rounding of
# activations, which depends on the rows that are quantized together.
_TOLERANCE = 0.15

STEPS = "largest relative difference of logits, cached steps against one pass"


def is_small(folder: Path) -> bool:
    """Whether the graphs in a folder may be opened during an export."""
    return sum(path.stat().st_size for path in folder.glob("*.data")) <= _LARGEST_BYTES


def compare_steps(new_decoder: Callable[[], Decoder], tokens: Array) -> tuple[Array, float]:
    """Feeds tokens in one pass and one by one, and compares the logits.

    Args:
        new_decoder: Makes a decoder of one row with an empty cache.
        tokens: (n,) int64.

    Returns:
        (n, vocabulary) logits of the pass, and the largest difference relative to the largest
        logit.

    Raises:
        GraphMismatch: The logits are not finite, or the two ways disagree.
    """
    at_once = new_decoder().prefill(tokens[None], np.arange(len(tokens)))[0]
    stepper = new_decoder()
    steps = np.stack([stepper.step(token[None])[0].copy() for token in tokens])
    if not np.isfinite(at_once).all() or not np.isfinite(steps).all():
        raise GraphMismatch("the exported decoder's logits are not finite")
    difference = float(np.abs(at_once - steps).max() / np.abs(at_once).max())
    if difference > _TOLERANCE:
        raise GraphMismatch(
            f"step by step, the decoder's logits differ by {difference:.1%} from those of one pass"
            f" (at most {_TOLERANCE:.0%} is rounding)"
        )
    return at_once, difference


def cosine(one: Array, other: Array) -> float:
    """Cosine of the angle between two arrays as vectors."""
    one, other = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
