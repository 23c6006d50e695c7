"""Phonemes that a text brings along in `[[ ]]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from edge_voice.errors import OptionError
from edge_voice.phonemes.marks import GIVEN, MARKS, directed_quotes

_PARTS = re.compile(rf"({GIVEN})")


def check_given(text: str, symbols: Collection[str]) -> None:
    """Looks through a text before any of it is spoken.

    Args:
        text: Any; what stands in `[[ ]]` must be phonemes.
        symbols: The voice's alphabet; empty if it reads letters.

    Raises:
        OptionError: Names a symbol that the voice does not have.
    """
    if "[[" not in text:
        return
    for found in re.finditer(GIVEN, text):
        check_phonemes(found[0][2:-2], symbols)


def check_phonemes(phonemes: str, symbols: Collection[str]) -> None:
    """The same for one string of phonemes.

    Raises:
        OptionError: Names a symbol that the voice does not have.
    """
    if not symbols:
        raise OptionError(f"[[{phonemes}]]: this voice reads letters, it has no phonemes")
    if strange := next((symbol for symbol in phonemes if symbol not in symbols), None):
        allowed = "".join(sorted(symbols)).strip()
        raise OptionError(f"[[{phonemes}]]: no phoneme {strange!r} (allowed: {allowed})")


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
    return "".join(c for c in text if c in MARKS or c.isspace() or c in '"“”')
