"""Breaks subtitle text into lines of even width, for scripts with and without blanks."""

from __future__ import annotations

import unicodedata

# Closing marks, sentence marks and repetition marks may not begin a line, opening marks not end
# one: the core of the Japanese and Chinese rules, by Unicode category.
_NEVER_FIRST = ("Pe", "Pf", "Po", "Lm")
_NEVER_LAST = ("Ps", "Pi")


def wrap(text: str, max_columns: int) -> list[str]:
    """Breaks `text` into as few lines as fit, then evens them out.

    Args:
        text: One line, single blanks.
        max_columns: Columns of a line. Wide (East Asian) characters take two, combining marks
            none. A single longer word stands alone on a line that is too long.

    Returns:
        At least one line; joined again they give `text`, but for blanks at the breaks.
    """
    pieces = _pieces(text)
    best = _fill(pieces, max_columns)
    narrow, wide = 1, max_columns
    while narrow < wide:  # the narrowest width that needs no more lines
        middle = (narrow + wide) // 2
        lines = _fill(pieces, middle)
        if len(lines) <= len(best):
            best, wide = lines, middle
        else:
            narrow = middle + 1
    return best


def columns(text: str) -> int:
    """Columns that `text` takes on a terminal or screen."""
    return sum(_character_columns(character) for character in text)


def _character_columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fill(pieces: list[str], width: int) -> list[str]:
    lines = [""]
    used = 0
    for piece in pieces:
        needed = columns(piece.rstrip())
        if lines[-1] and used + needed > width:
            lines.append("")
            used = 0
        lines[-1] += piece
        used += columns(piece)
    return [line.strip() for line in lines]


def _pieces(text: str) -> list[str]:
    """Splits where a line may break: after blanks and around wide characters."""
    pieces: list[str] = []
    for character in text:
        if pieces and not _may_break(pieces[-1][-1], character):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def _may_break(before: str, after: str) -> bool:
    if after == " " or _character_columns(after) == 0:
        return False
    category = unicodedata.category
    if category(after) in _NEVER_FIRST or category(before) in _NEVER_LAST:
        return before == " "
    return before == " " or 2 in (_character_columns(before), _character_columns(after))
