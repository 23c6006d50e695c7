"""Phonemes that a text brings along in `[[ ]]`: checked, and carried past the rules for letters.

Every character of them becomes one of a private plane of Unicode that no rule of the front end
touches, and is changed back at the end. Lengths stay, so limits in characters hold.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from edge_voice.errors import OptionError

# On one line; of at most as many phonemes as half a sentence may have characters.
GIVEN = r"\[\[[^\[\]\r\n\x0b\x0c\x85\u2028\u2029\U00020000-\U0010ffff]{1,500}\]\]"
_FIRST = 0xF0000
_PRIVATE = "[\U000f0000-\U0010ffff]+"
_GIVEN = re.compile(GIVEN)
_TO_CARRY = re.compile(f"{GIVEN}|{_PRIVATE}")
_CARRIED = re.compile(_PRIVATE)
_OPEN, _CLOSE = chr(_FIRST + ord("[")), chr(_FIRST + ord("]"))
SPAN = re.compile(f"{_OPEN * 2}[^{_OPEN}{_CLOSE}]+(?:{_CLOSE * 2}|$)")


def carried(text: str) -> str:
    """The text with its `[[ ]]` out of reach; other characters of the private plane go."""
    return _TO_CARRY.sub(_hidden, text)


def restored(text: str) -> str:
    """The other way: `[[ ]]` as they were written."""
    return _CARRIED.sub(lambda found: "".join(chr(ord(c) - _FIRST) for c in found[0]), text)


def is_carried(character: str) -> bool:
    """Whether it stands for another one."""
    return ord(character) >= _FIRST


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
    for found in _GIVEN.finditer(text):
        _check(found[0], symbols)


def _check(given: str, symbols: Collection[str]) -> None:
    if not symbols:
        raise OptionError(f"{given}: this model reads letters, it has no phonemes")
    if strange := next((symbol for symbol in given[2:-2] if symbol not in symbols), None):
        allowed = "".join(sorted(symbols)).strip()
        code = f"U+{ord(strange):04X}"  # the letter g looks like the phoneme
        raise OptionError(f"{given}: no phoneme {strange!r}, {code} (allowed: {allowed})")


def _hidden(found: re.Match[str]) -> str:
    if is_carried(found[0][0]):
        return ""
    return "".join(chr(_FIRST + ord(character)) for character in found[0])
