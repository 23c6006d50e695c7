"""Punctuation as the voices' alphabet has it."""

from __future__ import annotations

PAUSES = frozenset(";:,.!?—…")
MARKS = PAUSES | frozenset("()")
# Phonemes that a text brings along, as `edge_voice.text` passes them through.
GIVEN = r"\[\[[^\[\]]{1,998}\]\]"


def directed_quotes(phonemes: str) -> str:
    """Straight quotation marks become opening and closing ones in turn."""
    first, *others = phonemes.split('"')
    pairs = (("“", "”")[index % 2] + part for index, part in enumerate(others))
    return first + "".join(pairs)
