"""The text front end of every voice: from any written text to sentences in words.

`sentences` is the primitive and streams; `normalize` joins what it gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_voice.text.user_lexicon import UserLexicon

__all__ = ["clauses", "normalize", "sentences"]

_BLOCK = 1 << 16


def sentences(
    text: str | Iterable[str], language: str, lexicon: UserLexicon | None = None
) -> Iterator[str]:
    """Sentences in words, each with a mark at its end; memory does not grow with the text.

    Phonemes in `[[ ]]` are passed on as they are.

    Args:
        text: A text, or its lines or blocks with their line breaks; markup and lone surrogates
            are allowed.
        language: ISO 639 code, with or without a region. A language without rules of its own
            is cleaned and split, and keeps its digits.
        lexicon: Words of the user; they are replaced before any rule sees them.
    """
    from edge_voice.text.clean import plain_lines
    from edge_voice.text.engine import spoken
    from edge_voice.text.given import restored
    from edge_voice.text.languages import rules_for
    from edge_voice.text.split import split_sentences

    rules = rules_for(language)
    blocks = _blocks(text) if isinstance(text, str) else text
    for sentence in split_sentences(plain_lines(blocks), rules):
        if words := spoken(lexicon(sentence) if lexicon else sentence, language):
            yield restored(words)


def normalize(text: str, language: str) -> str:
    """The whole text as `sentences` gives it, on one line; empty if nothing can be spoken."""
    return " ".join(sentences(text, language))


def clauses(sentence: str, longest: int, *, first: int | None = None) -> list[str]:
    """Pieces of a sentence for a model that takes only so much, or should start early.

    Args:
        sentence: One of `sentences`.
        longest: Most characters of a piece; cut at marks where possible, else at blanks.
        first: Most characters of the first piece; it is cut at a mark or not at all.
    """
    from edge_voice.text.given import carried, restored
    from edge_voice.text.split import split_clauses

    return list(map(restored, split_clauses(carried(sentence), longest, first=first)))


def _blocks(text: str) -> Iterator[str]:
    for start in range(0, len(text), _BLOCK):
        yield text[start : start + _BLOCK]
