"""Prefix beam search over rows of log-probabilities, with words that are known or favoured.

Hannun et al. 2014 (arXiv:1408.2873): a prefix gathers the probability of all paths that say it, in
two parts, those that end in a blank and those that do not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edge_voice.hotwords import Hotwords
from edge_voice.models.ctc.ngrams import NGrams
from edge_voice.models.ctc.vocabulary import Vocabulary

Array = np.ndarray[Any, np.dtype[Any]]

# pyctcdecode 0.5.0 takes these numbers where nothing else is known of a model: weight of the
# language model, what a word gains by being one, what an unknown one loses, and the
# log-probabilities below which tokens and prefixes (against the best) are not followed.
_LANGUAGE_WEIGHT, _WORD_BONUS, _UNKNOWN_PENALTY = 0.5, 1.5, -10.0
_LEAST_TOKEN, _LEAST_PREFIX = -5.0, -10.0
_LOG_10 = math.log(10)
# A boost is meant for a token of several letters, as encoder-decoder models have them.
_SHARE_OF_A_LETTER = 0.25
_NEVER = -math.inf


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known about the words that are to be expected.

    Attributes:
        vocabulary: Of the model.
        hotwords: Favoured phrases.
        language_model: Which words follow which.
        words: The only words there are, as a tree of tokens; a word ends where None is a key.
    """

    vocabulary: Vocabulary
    hotwords: Hotwords | None = None
    language_model: NGrams | None = None
    words: Mapping[int | None, Any] | None = None

    def is_empty(self) -> bool:
        """Whether the sound alone decides."""
        return not (self.hotwords or self.language_model or self.words is not None)


def word_tree(words: Iterable[str], vocabulary: Vocabulary) -> dict[int | None, Any]:
    """A tree of tokens for `Knowledge.words`; words that the model cannot spell are left out."""
    root: dict[int | None, Any] = {}
    for word in words:
        if vocabulary.spells(word):
            node = root
            for token in vocabulary.encode(word):
                node = node.setdefault(token, {})
            node[None] = {}
    return root


def prefix_beam_search(
    logprobs: Array, blank: int, *, width: int, knowledge: Knowledge
) -> tuple[int, ...]:
    """The likeliest tokens.

    Args:
        logprobs: (rows, vocabulary) natural-log probabilities.
        blank: Token that says nothing.
        width: Prefixes that are kept after each row.
        knowledge: What is known about the words.

    Returns:
        Tokens without blanks. If a list of words is given and none fits, what sounds likeliest.
    """
    beams = [_Beam(_Prefix.root(knowledge), 0.0, _NEVER)]
    for row in logprobs:
        beams = _advanced(beams, row, blank, width, knowledge)
    best = max(beams, key=lambda beam: beam.mass + beam.prefix.final_extra(knowledge))
    return best.prefix.tokens


@dataclass(slots=True)
class _Beam:
    """A prefix, with the log-probabilities of its paths with and without a blank at the end."""

    prefix: _Prefix
    with_blank: float
    without: float

    @property
    def mass(self) -> float:
        """Log-probability of all its paths."""
        return _log_add(self.with_blank, self.without)


@dataclass(slots=True, eq=False)
class _Prefix:
    """Tokens, and what knowledge of words says about them.

    Attributes:
        tokens: Without blanks.
        settled: Score of the words that are complete.
        gained: What hotwords have added so far.
        context: Complete words, the last ones.
        word: First token of the word that is being said.
        node: Where that word stands in the tree of words.
        children: Token → longer prefix; None where knowledge forbids it.
        gains: Token → what hotwords add for it; made when first asked for.
    """

    tokens: tuple[int, ...]
    settled: float = 0.0
    gained: float = 0.0
    context: tuple[str, ...] = ("<s>",)
    word: int = 0
    node: Mapping[int | None, Any] | None = None
    children: dict[int, _Prefix | None] = field(default_factory=dict)
    gains: Array | None = None

    @classmethod
    def root(cls, knowledge: Knowledge) -> _Prefix:
        return cls((), node=knowledge.words)

    @property
    def extra(self) -> float:
        return self.settled + self.gained

    def child(self, token: int, knowledge: Knowledge) -> _Prefix | None:
        """The prefix that goes on with a token."""
        if token not in self.children:
            self.children[token] = self._grown(token, knowledge)
        return self.children[token]

    def final_extra(self, knowledge: Knowledge) -> float:
        """Score of words and phrases if the prefix ends here."""
        gained = 0.0
        if knowledge.hotwords:
            gained = _SHARE_OF_A_LETTER * knowledge.hotwords.bonus(self._said(knowledge))
        if self.node is not None and self.word < len(self.tokens) and None not in self.node:
            return self.settled + gained + _UNKNOWN_PENALTY
        return self._with_word(knowledge)[0] + gained

    def _grown(self, token: int, knowledge: Knowledge) -> _Prefix | None:
        gained = self.gained + self._gain(token, knowledge)
        tokens = (*self.tokens, token)
        if token == knowledge.vocabulary.delimiter:
            if self.word < len(self.tokens) and self.node is not None and None not in self.node:
                return None
            settled, context = self._with_word(knowledge)
            return _Prefix(tokens, settled, gained, context, len(tokens), knowledge.words)
        node = None if self.node is None else self.node.get(token)
        if self.node is not None and node is None:
            return None
        return _Prefix(tokens, self.settled, gained, self.context, self.word, node)

    def _with_word(self, knowledge: Knowledge) -> tuple[float, tuple[str, ...]]:
        """Score and context when the word that is being said ends."""
        model = knowledge.language_model
        if model is None or self.word == len(self.tokens):
            return self.settled, self.context
        word = knowledge.vocabulary.decode(self.tokens[self.word :])
        spelled = next((form for form in (word, word.lower()) if model.knows(form)), word)
        log = _LANGUAGE_WEIGHT * _LOG_10 * model.log10(self.context, spelled) + _WORD_BONUS
        if not model.knows(spelled):
            log += _UNKNOWN_PENALTY
        return self.settled + log, (*self.context, spelled)[-max(1, model.order - 1) :]

    def _gain(self, token: int, knowledge: Knowledge) -> float:
        if knowledge.hotwords is None:
            return 0.0
        if self.gains is None:
            gains = np.zeros(knowledge.vocabulary.size, np.float32)
            base = knowledge.hotwords.add_gains(gains, self._said(knowledge))
            # What breaks off is given back by every token but those that go on.
            self.gains = _SHARE_OF_A_LETTER * (gains + np.float32(base))
        return float(self.gains[token])

    def _said(self, knowledge: Knowledge) -> Sequence[int]:
        """The tokens as phrases see them: with a blank in front."""
        delimiter = knowledge.vocabulary.delimiter
        return self.tokens if delimiter is None else (delimiter, *self.tokens)


def _advanced(
    beams: list[_Beam], row: Array, blank: int, width: int, knowledge: Knowledge
) -> list[_Beam]:
    """The best prefixes after one more row."""
    likely = np.flatnonzero(row >= min(_LEAST_TOKEN, float(row.max()))).tolist()
    logs = row.tolist()
    grown: dict[int, _Beam] = {}

    def at(prefix: _Prefix) -> _Beam:
        return grown.setdefault(id(prefix), _Beam(prefix, _NEVER, _NEVER))

    for beam in beams:
        stay, mass = at(beam.prefix), beam.mass
        stay.with_blank = _log_add(stay.with_blank, mass + logs[blank])
        last = beam.prefix.tokens[-1] if beam.prefix.tokens else None
        if last is not None:
            stay.without = _log_add(stay.without, beam.without + logs[last])
        for token in likely:
            # The same token again is a new one only behind a blank.
            before = beam.with_blank if token == last else mass
            if token == blank or before == _NEVER:
                continue
            if (child := beam.prefix.child(token, knowledge)) is not None:
                longer = at(child)
                longer.without = _log_add(longer.without, before + logs[token])
    return _pruned(grown.values(), width)


def _pruned(beams: Iterable[_Beam], width: int) -> list[_Beam]:
    scored = [(beam.mass + beam.prefix.extra, beam) for beam in beams]
    scored.sort(key=lambda item: item[0], reverse=True)
    least = scored[0][0] + _LEAST_PREFIX
    return [beam for score, beam in scored[:width] if score >= least]


def _log_add(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    if a < b:
        a, b = b, a
    return a if b == _NEVER else a + math.log1p(math.exp(b - a))
