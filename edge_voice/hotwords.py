"""A user's vocabulary: phrases that a decoder is nudged towards, token by token."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from edge_voice.errors import OptionError

Array = np.ndarray[Any, np.dtype[Any]]

MOST_PHRASES = 5000
MOST_CHARACTERS = 100
HIGHEST_BOOST = 20.0
# Of 23 rare words in 45 English clips (chosen after reading the errors), with about 70 wrong ones
# in the list, tiny.en wrote 6 without help and 12 at a boost of 2, base 9 and 14, and neither wrote
# a wrong one. From 4 on, greedy decoding makes more errors than it mends; beams of 5 get better.
DEFAULT_BOOST = 2.0
_MOST_BYTES = 4_000_000


class Hotwords:
    """Phrases as token ids, each with a boost that is added to logits; a `LogitsRule` for `decode`.

    Where a match stands is read off the last tokens, so that one object serves all hypotheses.

    Greedy decoding (a call) adds the boost of a phrase to each token that begins or continues it.
    What a prefix has gained stays gained when the phrase breaks off: there is only one hypothesis,
    and taking the gain back would but push it the harder to finish what it has begun.

    Beam search (`add_gains`, `bonus`) compares hypotheses by what they have gained in all, so what
    leads nowhere is given back. Every token counts once: if it lies in a phrase that was said in
    full, or in one that the last tokens may still become, it has the boost of that phrase, the
    highest where there are several.
    """

    def __init__(self, phrases: Sequence[tuple[Sequence[int], float]]) -> None:
        """Takes token ids (at least one) and boost of each phrase."""
        self._root = _Node()
        for tokens, boost in phrases:
            self._root.add(tokens, boost)
        self._longest = max((len(tokens) for tokens, _ in phrases), default=0)
        first = self._root.children
        self._first_tokens = np.fromiter(first, np.intp, len(first))
        self._first_boosts = np.array([node.boost for node in first.values()], np.float32)

    @classmethod
    def build(
        cls, phrases: Sequence[str], encode: Callable[[str], Sequence[int]], boost: float
    ) -> Hotwords:
        """Looks for phrases at the start of words, as they are and with a capital first letter.

        A model that spells a phrase with other tokens than `encode` does is not helped.

        Args:
            phrases: Each may carry a boost of its own behind a tab.
            encode: Token ids of a text that begins with a blank, without special tokens.
            boost: Added to the logits of the phrases that have no own.

        Raises:
            OptionError: A phrase is empty, too long, or its boost not allowed; or too many.
        """
        check_boost(boost, "hotword_boost")
        _check_count(len(phrases), "hotwords")
        entries = []
        for number, line in enumerate(phrases, 1):
            phrase, own = parse_phrase(line, f"hotword {number}")
            for form in dict.fromkeys((phrase, phrase[0].upper() + phrase[1:])):
                if tokens := encode(f" {form}"):
                    entries.append((tokens, boost if own is None else own))
        return cls(entries)

    def __call__(self, logits: Array, tokens: Sequence[int]) -> None:
        """See `LogitsRule`."""
        gains: dict[int, float] = {}
        for _, node in self._open(tokens):
            for token, child in node.children.items():
                first = self._root.children.get(token)
                boost = max(child.boost, first.boost if first else 0.0)
                gains[token] = max(gains.get(token, 0.0), boost)
        self._add(logits, gains)

    def add_gains(self, logits: Array, tokens: Sequence[int]) -> float:
        """Adds to one hypothesis' logits what each next token would change about its bonus.

        Args:
            logits: (vocabulary,) of the hypothesis, changed in place.
            tokens: Those of the hypothesis so far.

        Returns:
            What every token changes besides: 0, or less where an open match breaks off.
        """
        tail = tokens[-max(2 * self._longest - 2, 1) :]
        whole = self._whole(tail)
        matches = list(self._open(tail))
        settled = sum(whole)
        gains = {}
        for token in {token for _, node in matches for token in node.children}:
            longer = [
                (start, node.children[token])
                for start, node in (*matches, (len(tail), self._root))
                if token in node.children
            ]
            gains[token] = sum(_covered([*whole, 0.0], longer)) - settled
        self._add(logits, gains)
        return settled - sum(_covered(whole, matches))

    def bonus(self, tokens: Sequence[int]) -> float:
        """What phrases add to the score of a hypothesis that has ended: no match is open."""
        return sum(self._whole(tokens))

    def _add(self, logits: Array, gains: Mapping[int, float]) -> None:
        """Adds the given gains, and to other tokens the boost of the phrases they begin."""
        before = {token: logits[token] for token in gains}
        logits[self._first_tokens] += self._first_boosts
        for token, gain in gains.items():
            logits[token] = before[token] + np.float32(gain)

    def _whole(self, tokens: Sequence[int]) -> list[float]:
        """The boost that each token has from phrases which were said in full."""
        earned = [0.0] * len(tokens)
        for start in range(len(tokens)):
            for stop, node in self._walk(tokens, start):
                if node.own is not None:
                    for place in range(start, stop):
                        earned[place] = max(earned[place], node.own)
        return earned

    def _open(self, tokens: Sequence[int]) -> Iterator[tuple[int, _Node]]:
        """Where a match begins that reaches the end and may go on, and how far in the trie it is;
        longest first.
        """
        for start in range(max(len(tokens) - self._longest + 1, 0), len(tokens)):
            for stop, node in self._walk(tokens, start):
                if stop == len(tokens) and node.children:
                    yield start, node

    def _walk(self, tokens: Sequence[int], start: int) -> Iterator[tuple[int, _Node]]:
        """Each place up to which the tokens from `start` on are in the trie, and its node."""
        node: _Node | None = self._root
        for place in range(start, len(tokens)):
            node = node.children.get(tokens[place]) if node else None
            if node is None:
                return
            yield place + 1, node


class _Node:
    """A prefix of phrases.

    Attributes:
        children: Next token → longer prefix.
        boost: The highest of all phrases that begin like this.
        own: The boost of the phrase that ends here, if one does.
    """

    __slots__ = ("boost", "children", "own")

    def __init__(self) -> None:
        self.children: dict[int, _Node] = {}
        self.boost = 0.0
        self.own: float | None = None

    def add(self, tokens: Sequence[int], boost: float) -> None:
        node = self
        for token in tokens:
            node = node.children.setdefault(token, _Node())
            node.boost = max(node.boost, boost)
        node.own = max(node.own or 0.0, boost)


def _covered(whole: Sequence[float], matches: Sequence[tuple[int, _Node]]) -> list[float]:
    """The boosts of tokens when matches, from their place to the end, count in advance."""
    earned = [*whole]
    for start, node in matches:
        for place in range(start, len(earned)):
            earned[place] = max(earned[place], node.boost)
    return earned


def read_phrases(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Reads a file of phrases: UTF-8, one a line, with an own boost behind a tab if wanted.

    Blank lines and lines that begin with # are left out.

    Raises:
        OptionError: Names the file, and the line where there is one.
    """
    name = os.fspath(path)
    phrases = []
    for number, line in enumerate(_read_text(name).split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            parse_phrase(line, f"{name}:{number}")
            phrases.append(line.rstrip("\r"))
    _check_count(len(phrases), name)
    return tuple(phrases)


def _read_text(name: str) -> str:
    try:
        with open(name, "rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise OptionError(f"{name}: cannot be read: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise OptionError(f"{name}: larger than a list of phrases (allowed: {_MOST_BYTES} bytes)")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise OptionError(f"{name}:{line}: is not UTF-8 text") from None


def parse_phrase(line: str, place: str) -> tuple[str, float | None]:
    """Splits `phrase` or `phrase<tab>boost`.

    Args:
        line: What to split; runs of blanks become one.
        place: Opens the message of an error.

    Raises:
        OptionError: Says what is wrong with it.
    """
    text, tab, number = line.partition("\t")
    phrase = " ".join(text.split())
    if not phrase:
        raise OptionError(f"{place}: no phrase in {line!r}")
    if len(phrase) > MOST_CHARACTERS:
        raise OptionError(
            f"{place}: a phrase of {len(phrase)} characters (allowed: up to {MOST_CHARACTERS})"
        )
    if not tab:
        return phrase, None
    try:
        boost = float(number)
    except ValueError:
        boost = math.nan
    if math.isnan(boost):
        raise OptionError(f"{place}: boost {number.strip()!r} is not a number")
    return phrase, check_boost(boost, f"{place}: boost")


def check_boost(boost: float, name: str) -> float:
    """Returns the boost if it can be used.

    Raises:
        OptionError: Opens with `name`.
    """
    if not 0 <= boost <= HIGHEST_BOOST:
        raise OptionError(f"{name} {boost} (allowed: 0 to {HIGHEST_BOOST:g})")
    return float(boost)


def _check_count(count: int, name: str) -> None:
    if count > MOST_PHRASES:
        raise OptionError(f"{name}: {count} phrases (allowed: up to {MOST_PHRASES})")
