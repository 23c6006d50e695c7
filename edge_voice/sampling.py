"""Choosing the next token from logits."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Sampler:
    """Greedy at temperature 0, else random in proportion to exp(logit ÷ temperature).

    Args:
        temperature: 0 or more.
        seed: Makes the draws repeatable.
    """

    def __init__(self, temperature: float = 0.0, *, seed: int = 0) -> None:
        self.temperature = temperature
        self._random = np.random.default_rng(seed)

    def pick(self, logits: Array, biased: Array | None = None) -> tuple[Array, Array]:
        """Picks one token per row.

        Args:
            logits: (rows, vocabulary) float32; -inf marks what may not be picked.
            biased: (rows, vocabulary) float32 to choose by; `logits` themselves by default.

        Returns:
            (rows,) int64 tokens and their (rows,) natural-log probabilities, at temperature 1 and
            without the bias.
        """
        scores = logits if biased is None else biased
        if self.temperature == 0:
            tokens = scores.argmax(axis=1)
        else:
            # Gumbel's trick: the largest of logit/T + noise is a draw from the softmax.
            noise = np.asarray(self._random.gumbel(size=scores.shape), np.float32)
            tokens = (scores / np.float32(self.temperature) + noise).argmax(axis=1)
        chosen = np.take_along_axis(logits, tokens[:, None], axis=1)[:, 0]
        return tokens, chosen - log_sum_exp(logits)


def log_sum_exp(logits: Array) -> Array:
    """Log Σ exp over the last axis; -inf where every entry is -inf."""
    highest = logits.max(axis=-1, keepdims=True)
    highest = np.where(np.isfinite(highest), highest, 0)
    with np.errstate(divide="ignore"):
        total = np.log(np.exp(logits - highest).sum(axis=-1))
    return np.asarray(total + highest[..., 0])
