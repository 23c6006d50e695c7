"""Connectionist temporal classification: from rows of logits to tokens, and when each was said.

Graves et al. 2006 (ICML): a path says one token a row, blank or not; the text is what is left when
repetitions are joined and blanks dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Path:
    """Tokens of a text and the rows in which each is said.

    Attributes:
        tokens: Without blanks.
        starts: First row of each.
        stops: Row behind the last of each.
        logprobs: Natural-log probability of each, in the row where it is highest.
    """

    tokens: tuple[int, ...]
    starts: tuple[int, ...]
    stops: tuple[int, ...]
    logprobs: tuple[float, ...]


def log_softmax(logits: Array) -> Array:
    """(rows, vocabulary) logits to natural-log probabilities."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def greedy(logprobs: Array, blank: int) -> Path:
    """The text of the likeliest path.

    Args:
        logprobs: (rows, vocabulary).
        blank: Token that says nothing.
    """
    best = logprobs.argmax(axis=1)
    edges = np.flatnonzero(np.diff(best, prepend=-1, append=-1))
    runs = [
        (int(best[start]), int(start), int(stop))
        for start, stop in pairwise(edges)
        if best[start] != blank
    ]
    return _path(logprobs, runs)


def align(logprobs: Array, tokens: Sequence[int], blank: int) -> Path:
    """The likeliest path that says the given tokens (Viterbi).

    Args:
        logprobs: (rows, vocabulary); at least as many rows as the tokens need.
        tokens: Without blanks.
        blank: Token that says nothing.
    """
    if not tokens:
        return Path((), (), (), ())
    # States: a blank before each token, the token, and a blank at the end.
    states = np.full(2 * len(tokens) + 1, blank)
    states[1::2] = tokens
    rows = logprobs[:, states]
    jumps = np.zeros(len(states), bool)
    jumps[3::2] = states[3::2] != states[1:-2:2]  # the same token again needs a blank between
    score = np.full(len(states), -np.inf)
    score[:2] = rows[0, :2]
    steps = np.zeros(rows.shape, np.int8)
    for row in range(1, len(rows)):
        ways = np.full((3, len(states)), -np.inf)
        ways[0] = score
        ways[1, 1:] = score[:-1]
        ways[2, 2:] = np.where(jumps[2:], score[:-2], -np.inf)
        steps[row] = ways.argmax(axis=0)
        score = ways.max(axis=0) + rows[row]
    return _path(logprobs, _runs(steps, score, tokens))


def _runs(steps: Array, score: Array, tokens: Sequence[int]) -> list[tuple[int, int, int]]:
    """Token, first row and row behind the last of each token, going back from the end."""
    state = len(score) - 1 if score[-1] >= score[-2] else len(score) - 2
    firsts, lasts = [0] * len(tokens), [-1] * len(tokens)
    for row in range(len(steps) - 1, -1, -1):
        if state % 2:
            firsts[state // 2] = row
            lasts[state // 2] = max(lasts[state // 2], row)
        state -= int(steps[row, state])
    return [
        (token, first, last + 1) for token, first, last in zip(tokens, firsts, lasts, strict=True)
    ]


def _path(logprobs: Array, runs: Sequence[tuple[int, int, int]]) -> Path:
    return Path(
        tuple(token for token, _, _ in runs),
        tuple(start for _, start, _ in runs),
        tuple(stop for _, _, stop in runs),
        tuple(float(logprobs[start:stop, token].max()) for token, start, stop in runs),
    )
