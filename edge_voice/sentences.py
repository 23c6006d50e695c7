"""From the tokens of a chunk to segments as people read them: sentences, with times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge_voice.listener import Heard
from edge_voice.pieces import PieceTokenizer
from edge_voice.results import Word
from edge_voice.words import (
    CLOSING,
    Span,
    ends_sentence,
    sentence_spans,
    spell,
    timed_words,
)

_UNSPACED_ENDS = ("。", "！", "？")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A part of a chunk.

    Attributes:
        start: Seconds from the start of the chunk.
        end: Seconds from the start of the chunk.
        text: What is said.
        tokens: The same as ids.
        logprobs: Natural-log probability of each token.
        words: With times in seconds from the start of the chunk.
    """

    start: float
    end: float
    text: str
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    words: tuple[Word, ...]


def is_several(text: str) -> bool:
    """Whether the text goes on after the end of a sentence."""
    return any(ends_sentence(word) for word in text.split()[:-1]) or any(
        mark in text.rstrip(CLOSING)[:-1] for mark in _UNSPACED_ENDS
    )


def whole(heard: Heard, tokenizer: PieceTokenizer, speech: Sequence[Span]) -> list[Sentence]:
    """A chunk as one sentence, from its first sound to its last; none if nothing is said."""
    text = tokenizer.decode(heard.tokens).strip()
    if not text:
        return []
    start, end = speech[0][0], speech[-1][1]
    return [Sentence(start, end, text, heard.tokens, heard.logprobs, ())]


def split(
    heard: Heard, tokenizer: PieceTokenizer, speech: Sequence[Span], *, listened: bool
) -> list[Sentence]:
    """A chunk as sentences.

    Args:
        heard: With times of its tokens.
        tokenizer: Knows what tokens spell.
        speech: Where in the chunk speech was heard, in seconds.
        listened: Whether voice activity found that, or `speech` is just all of the chunk.
    """
    pieces = tokenizer.pieces(heard.tokens)
    spellings = spell(pieces)
    chances = [math.exp(logprob) for logprob in heard.logprobs]
    words = timed_words(spellings, heard.starts, chances, speech if listened else None)
    found = []
    for first, last in sentence_spans(words):
        tokens = slice(spellings[first].first, spellings[last - 1].last)
        text = tokenizer.decode(heard.tokens[tokens]).strip()
        inside = tuple(words[first:last])
        start, end = inside[0].start, inside[-1].end
        found.append(
            Sentence(start, end, text, heard.tokens[tokens], heard.logprobs[tokens], inside)
        )
    return [sentence for sentence in found if sentence.text]
