"""A model that is a table: the logits behind each sequence of tokens are random, but its own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np


class Table:
    """Rows of clips; what each row has said is its state, and moves as a cache would.

    Attributes:
        said: Clip and tokens of each row.
        moves: Source rows of each time that rows were moved.
        steps: How often logits were asked for behind the prompt.
    """

    def __init__(
        self, clips: Sequence[int], *, width: int, vocabulary: int, peak: float = 2
    ) -> None:
        self._vocabulary = vocabulary
        self._peak = peak
        self.said: list[tuple[int, ...]] = [(clip,) for clip in clips for _ in range(width)]
        self.moves: list[list[int]] = []
        self.steps = 0

    def logits(self) -> np.ndarray:
        return np.array([self.behind(said) for said in self.said], np.float32)

    def behind(self, said: tuple[int, ...]) -> np.ndarray:
        """(vocabulary,) behind a clip's number and tokens."""
        random = np.random.default_rng([7, *said])
        return (self._peak * random.standard_normal(self._vocabulary)).astype(np.float32)

    def reorder(self, sources: np.ndarray) -> None:
        self.moves.append(sources.tolist())
        self.said = [self.said[source] for source in sources]

    def step(self, tokens: np.ndarray) -> np.ndarray:
        self.steps += 1
        self.said = [(*said, token) for said, token in zip(self.said, tokens.tolist(), strict=True)]
        return self.logits()

    def logprobs(self, clip: int, tokens: Sequence[int]) -> list[float]:
        """Of each of the tokens behind those before it."""
        said, found = (clip,), []
        for token in tokens:
            logits = self.behind(said).astype(np.float64)
            found.append(float(logits[token] - np.log(np.exp(logits).sum())))
            said = (*said, token)
        return found


def sequences(words: Sequence[int], end: int, longest: int) -> list[list[int]]:
    """All that can be said: ended within `longest` tokens, or cut there."""
    found = []
    for length in range(longest + 1):
        tail = [end] if length < longest else []
        found += [[*said, *tail] for said in itertools.product(words, repeat=length)]
    return found
