"""Languages whose words nothing here can read: their texts bring phonemes along."""

from __future__ import annotations

import re
from collections.abc import Callable

from edge_voice.errors import OptionError
from edge_voice.phonemes.marks import directed_quotes, kept_mark
from edge_voice.text.given import GIVEN

_PARTS = re.compile(rf"({GIVEN})")


def only_given(language: str) -> Callable[[str], str]:
    """A phonemizer for a language whose words nothing here can read.

    Args:
        language: Its name for people.
    """

    def phonemize(sentence: str) -> str:
        """Phonemes in `[[ ]]`, with the marks between them.

        Raises:
            OptionError: There are words.
        """
        parts = _PARTS.split(sentence)
        if any(character.isalnum() for part in parts[::2] for character in part):
            raise OptionError(f"{language} needs phonemes: write [[phonemes]] in place of words")
        kept = "".join(part[2:-2] if i % 2 else _marks(part) for i, part in enumerate(parts))
        return " ".join(directed_quotes(kept).split())

    return phonemize


def _marks(text: str) -> str:
    return "".join(" " if c.isspace() else kept_mark(c) for c in text)
