"""Checks of finished graphs by running them: with the runtime's own code, on small bundles only."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge_voice.errors import GraphMismatch
from edge_voice.seq2seq import Decoder

from .package import Bundle
from .quantize import Recipe
from .report import Report
from .weights import Array

# Opening graphs takes about twice their size in memory, and an export's peak memory is a promise:
# larger bundles are left to the tests, which check the same code on small ones.
_LARGEST_BYTES = 150 << 20
# Two ways of computing the same logits differ by rounding, and at 8 bits by the rounding of
# activations, which depends on the rows that are quantized together.
_TOLERANCE = 0.15

# What the order of additions can do in float32, relative to the largest value.
_ROUNDING = 1e-3

STEPS = "largest relative difference of logits, cached steps against one pass"


def is_small(folder: Path) -> bool:
    """Whether the graphs in a folder may be opened during an export."""
    files = (*folder.glob("*.data"), *folder.glob("*.onnx"))
    return sum(path.stat().st_size for path in files) <= _LARGEST_BYTES


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
    return at_once, checked_difference(at_once, steps)


def checked_difference(at_once: Array, steps: Array) -> float:
    """The largest difference of logits of one pass and of steps, relative to the largest logit.

    Raises:
        GraphMismatch: The logits are not finite, or differ by more than rounding.
    """
    if not np.isfinite(at_once).all() or not np.isfinite(steps).all():
        raise GraphMismatch("the exported decoder's logits are not finite")
    difference = float(np.abs(at_once - steps).max() / np.abs(at_once).max())
    if difference > _TOLERANCE:
        raise GraphMismatch(
            f"step by step, the decoder's logits differ by {difference:.1%} from those of one pass"
            f" (at most {_TOLERANCE:.0%} is rounding)"
        )
    return difference


def against_exact(
    bundle: Bundle,
    exact: Recipe,
    build: Callable[[Bundle], None],
    run: Callable[[Bundle], tuple[Array, Array, float]],
) -> dict[str, float]:
    """Compares a quantized bundle with an exact one of the same weights.

    Args:
        bundle: With its graphs.
        exact: The recipe to compare with.
        build: Emits the graphs into another bundle.
        run: Hidden states, logits and the difference that `compare_steps` finds.

    Returns:
        Name → value for the report; empty when the bundle is too large to be opened here.

    Raises:
        GraphMismatch: The logits are not finite, or steps and a single pass disagree.
    """
    if not is_small(bundle.folder):
        return {}
    hidden, logits, difference = run(bundle)
    found = {STEPS: difference}
    if bundle.recipe.name == exact.name:
        return found
    with tempfile.TemporaryDirectory(dir=bundle.folder.parent) as folder:
        other = Bundle(Path(folder), exact, Report("", exact.name), lambda line: None)
        build(other)
        expected_hidden, expected_logits, _ = run(other)
    same = logits.argmax(axis=-1) == expected_logits.argmax(axis=-1)
    return {
        **found,
        "cosine of encoder output against fp32": cosine(hidden, expected_hidden),
        "cosine of logits against fp32": cosine(logits, expected_logits),
        "likeliest token as with fp32, teacher-forced": float(same.mean()),
    }


def cosine(one: Array, other: Array) -> float:
    """Cosine of the angle between two arrays as vectors."""
    one, other = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def check_alike(
    found: Array, expected: Array, what: str, *, exact: bool, least_cosine: float
) -> tuple[float, float]:
    """Compares what a graph gives with what it should give.

    Args:
        found: From the graph.
        expected: From what it was made of; of the same shape, finite.
        what: Both, for messages.
        exact: Whether nothing was rounded, so that single values must agree.
        least_cosine: What rounding leaves of the cosine; a wrong graph is near 0.

    Returns:
        The largest difference, relative to the largest expected value, and the cosine.

    Raises:
        GraphMismatch: They differ by more than rounding.
    """
    difference = float(np.abs(found - expected).max() / max(float(np.abs(expected).max()), 1e-9))
    likeness = cosine(found, expected)
    if (exact and difference > _ROUNDING) or likeness < least_cosine:
        raise GraphMismatch(
            f"{what} differ by {difference:.1%} of the largest value (their cosine is"
            f" {likeness:.3f})"
        )
    return difference, likeness


def check_speech(normal: Array, fast: Array, sample_rate: int, what: str) -> dict[str, float]:
    """Looks at two words spoken at normal and at twice the speed.

    Args:
        normal: (n,) samples.
        fast: (m,) samples.
        sample_rate: Samples per second.
        what: What spoke, for messages.

    Raises:
        GraphMismatch: It is not finite, silent, or not shorter when faster.
    """
    loudest = float(np.abs(normal).max())
    if not np.isfinite(normal).all() or not 0.01 < loudest < 10:
        raise GraphMismatch(f"{what}: two words have the amplitude {loudest:g} (0.01 to 10)")
    ratio = len(fast) / len(normal)
    if not 0.35 < ratio < 0.75:
        raise GraphMismatch(f"{what}: twice as fast is {ratio:.2f} as long (0.35 to 0.75)")
    seconds = len(normal) / sample_rate
    return {"seconds of two words": seconds, "their length at twice the speed": ratio}
