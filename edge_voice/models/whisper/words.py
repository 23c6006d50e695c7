"""Words of a window's segments, timed by the attention of the decoder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from edge_voice.models.whisper.segments import Stretch
from edge_voice.models.whisper.window import WindowResult
from edge_voice.tokenizer import BytePairTokenizer
from edge_voice.words import Span, spell, timed_words


def with_words(
    stretches: Sequence[Stretch],
    result: WindowResult,
    tokenizer: BytePairTokenizer,
    *,
    done: float,
    speech: Sequence[Span] | None,
) -> list[Stretch]:
    """Gives stretches their words; they start and end with them.

    Args:
        stretches: Of the window, in order, from its first token on.
        result: What was heard in the window, with the start of each token.
        tokenizer: Knows what tokens spell.
        done: Seconds of the window that are done with: the next one starts there, so that no
            word may end later.
        speech: Where speech was heard, in seconds from the start of the window; None if nobody
            listened.
    """
    if speech is not None:
        speech = [(max(start, 0.0), min(end, done)) for start, end in speech if start < done]
    starts = [min(start, done) for start in result.starts]
    chances = [
        math.exp(logprob)
        for token, logprob in zip(result.tokens, result.logprobs, strict=True)
        if token < len(tokenizer)
    ]
    found, first = [], 0
    for stretch in stretches:
        pieces = tokenizer.pieces(stretch.tokens)
        last = first + len(pieces)
        words = timed_words(spell(pieces), starts[first : last + 1], chances[first:last], speech)
        first = last
        if words:
            start, end = words[0].start, words[-1].end
            stretch = replace(stretch, start=start, end=end, words=tuple(words))
        found.append(stretch)
    return found
