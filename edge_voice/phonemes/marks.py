"""Punctuation as the voices' alphabet has it."""

from __future__ import annotations

PAUSES = frozenset(";:,.!?—…")
MARKS = PAUSES | frozenset("()")
# Marks of other scripts, and those that the alphabet writes differently.
_SPELLED = {"।": ".", "॥": ".", "。": ".", "、": ",", "«": "“", "»": "”"}


def kept_mark(character: str) -> str:
    """A mark as the alphabet writes it; empty if it has none."""
    mark = _SPELLED.get(character, character)
    return mark if mark in MARKS or mark in '"“”' else ""


def directed_quotes(phonemes: str) -> str:
    """Straight quotation marks become opening and closing ones in turn."""
    first, *others = phonemes.split('"')
    pairs = (("“", "”")[index % 2] + part for index, part in enumerate(others))
    return first + "".join(pairs)
