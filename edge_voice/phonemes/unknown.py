"""Phonemes of words that no lexicon has, by a small network that reads letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from edge_voice.graph import GraphSpec
from edge_voice.session import Session

GRAPH = GraphSpec(
    inputs=("chars",),  # (1, letters) int64, counted from 1
    outputs=("ids",),  # (1, positions) int64: phonemes counted from 1, 0 between them
)


@dataclass(frozen=True, slots=True)
class Alphabet:
    """What such a network reads and writes, as a manifest has it.

    Attributes:
        letters: Letter of each input, from 1 on.
        phonemes: Phoneme of each output, from 1 on.
        longest: Most letters that the network was trained on; longer words are read in parts.
    """

    letters: tuple[str, ...]
    phonemes: tuple[str, ...]
    longest: int


class UnknownWords:
    """A network trained with connectionist temporal classification (Graves et al., ICML 2006)."""

    def __init__(self, session: Session, alphabet: Alphabet) -> None:
        """Takes an open graph, as `GRAPH` says."""
        self._session = session
        self._ids: Mapping[str, int] = {letter: i for i, letter in enumerate(alphabet.letters, 1)}
        self._phonemes = dict(enumerate(alphabet.phonemes, 1))
        self._longest = alphabet.longest

    def __call__(self, word: str) -> str:
        """Phonemes of a word; empty if the network knows none of its letters."""
        ids = [self._ids[letter] for letter in word if letter in self._ids]
        parts = (ids[i : i + self._longest] for i in range(0, len(ids), self._longest))
        return "".join(map(self._read, parts))

    def _read(self, ids: list[int]) -> str:
        output = self._session.run({"chars": np.array([ids], np.int64)})["ids"][0]
        # Repeats are one phoneme, zeros none.
        return "".join(self._phonemes.get(int(i), "") for i, _ in groupby(output))
