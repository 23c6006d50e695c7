"""Punctuation as the voices' alphabet has it."""

from __future__ import annotations

PAUSES = frozenset(";:,.!?—…")
MARKS = PAUSES | frozenset("()")


def directed_quotes(phonemes: str) -> str:
    """Straight quotation marks become opening and closing ones in turn."""
    first, *others = phonemes.split('"')
    pairs = (("“", "”")[index % 2] + part for index, part in enumerate(others))
    return first + "".join(pairs)
