"""Token ids ↔ text of a CTC model: letters, most often, and a sign for the blank between words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from edge_voice.errors import ManifestError
from edge_voice.models.ctc.config import CtcConfig


class Vocabulary:
    """What each token writes.

    Attributes:
        size: Number of token ids.
        delimiter: Token between words; None if there is none.
    """

    def __init__(self, path: Path, config: CtcConfig) -> None:
        """Reads the tokens, a JSON list in order of their ids.

        Raises:
            ManifestError: It cannot be read, or the config names tokens that are not in it.
        """
        self._tokens = _read(path)
        self.size = len(self._tokens)
        self.delimiter = config.delimiter
        silent = {config.blank, *config.special}
        named = silent if config.delimiter is None else silent | {config.delimiter}
        if wrong := [token for token in named if not 0 <= token < self.size]:
            raise ManifestError(
                f"manifest.json: config: token {wrong[0]} (allowed: 0 to {self.size - 1})"
            )
        written = [token.lower() if config.lower_case else token for token in self._tokens]
        self._pieces = [
            b"" if i in silent else b" " if i == config.delimiter else text.encode()
            for i, text in enumerate(written)
        ]
        self._ids = {text: i for i, text in enumerate(self._tokens) if i not in named and text}
        self._longest = max(map(len, self._ids), default=1)
        letters = "".join(self._ids)
        self._fold = str.upper if letters.upper() == letters != letters.lower() else str
        if letters.lower() == letters != letters.upper():
            self._fold = str.lower

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """UTF-8 of each token; a blank for the delimiter."""
        return [self._pieces[token] for token in tokens]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens, without blanks around it."""
        text = b"".join(self.pieces(tokens)).decode("utf-8", errors="replace")
        return " ".join(text.split())

    def encode(self, text: str) -> list[int]:
        """Tokens that spell a text in the model's own case; what they cannot spell is left out.

        Blanks become delimiters, one for a run of them; a blank in front counts.
        """
        words = self._fold(text).split()
        spelled = [self._spell(word) for word in words]
        joint = [] if self.delimiter is None else [self.delimiter]
        tokens = [token for word in spelled for token in (*joint, *word)]
        return tokens if text[:1].isspace() else tokens[len(joint) :]

    def spells(self, word: str) -> bool:
        """Whether every character of a word is among the tokens'."""
        folded = self._fold(word)
        return sum(len(self._tokens[token]) for token in self._spell(folded)) == len(folded)

    def _spell(self, word: str) -> list[int]:
        """Tokens of a word, each as long as possible."""
        tokens, at = [], 0
        while at < len(word):
            longest = min(self._longest, len(word) - at)
            parts = (word[at : at + length] for length in range(longest, 0, -1))
            part = next((part for part in parts if part in self._ids), None)
            if part is not None:
                tokens.append(self._ids[part])
            at += len(part or " ")
        return tokens


def _read(path: Path) -> list[str]:
    try:
        tokens = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path.name}: cannot be read: {error}") from None
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise ManifestError(f"{path.name}: expected a list of tokens")
    return tokens
