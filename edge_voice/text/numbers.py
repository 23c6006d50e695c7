"""Numbers as they are written, and the words for them, whatever the language."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_voice.text.language import Form, Language

LIMIT = 10**15
_MOST_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Number:
    """A written number.

    Attributes:
        whole: Digits in front of the decimal mark, without separators.
        decimals: Digits behind it; empty if there are none.
        grouped: Whether there were separators, so that it cannot be a year.
    """

    whole: str
    decimals: str
    grouped: bool

    @property
    def value(self) -> int:
        """The whole part."""
        return int(self.whole)

    @property
    def is_code(self) -> bool:
        """Whether it is read digit by digit: a leading zero, or too long to be a quantity."""
        return len(self.whole) > _MOST_DIGITS or (len(self.whole) > 1 and self.whole[0] == "0")


def number_pattern(language: Language) -> str:
    """Regular expression of a number without sign, without groups; up to 40 digits of each part."""
    marks = re.escape(language.group_marks)
    decimal = re.escape(language.decimal_mark)
    grouped = rf"\d{{1,3}}(?:[{marks}]\d{{3}}){{1,12}}(?![{marks}]?\d)(?:{decimal}\d{{1,40}})?"
    return rf"(?:{grouped}|\d{{1,40}}(?:[.,]\d{{1,40}})?)"


def parse(text: str, language: Language) -> Number:
    """Reads what `number_pattern` found."""
    marks = re.escape(language.group_marks)
    decimal = re.escape(language.decimal_mark)
    if re.fullmatch(rf"\d{{1,3}}(?:[{marks}]\d{{3}})+(?:{decimal}\d+)?", text):
        whole, _, decimals = text.partition(language.decimal_mark)
        return Number(re.sub(r"\D", "", whole), decimals, grouped=True)
    whole, *rest = re.split(r"[.,]", text)
    return Number(whole, rest[0] if rest else "", grouped=False)


def say_digits(digits: str, language: Language) -> str:
    """Digits one by one; anything else between them is a blank."""
    return " ".join(language.cardinal(int(d), "") for d in digits if d.isdigit())


def say_number(number: Number, language: Language, form: Form = "") -> str:
    """A number in words; the form is that of the noun behind it."""
    if number.decimals:
        whole = say_digits(number.whole, language) if number.is_code else None
        whole = whole or language.cardinal(number.value, "")
        return f"{whole} {language.words.point} {_say_decimals(number.decimals, language)}"
    if number.is_code:
        return say_digits(number.whole, language)
    return language.cardinal(number.value, form)


def _say_decimals(digits: str, language: Language) -> str:
    value = digits.lstrip("0")
    if language.digits_after_point or not value or len(value) > 2:
        return say_digits(digits, language)
    zeros = say_digits("0" * (len(digits) - len(value)), language)
    return f"{zeros} {language.cardinal(int(value), '')}".strip()


def by_thousands(
    number: int,
    below: Callable[[int, Form], str],
    thousand: Callable[[int], str],
    scales: Sequence[tuple[int, Callable[[int], str]]],
    form: Form,
) -> list[str]:
    """The parts of a number, largest first, as words; each language joins them in its own way.

    Args:
        number: 0 <= number < 10**15.
        below: Words for 1 to 999.
        thousand: Words for so many thousands, 1 to 999.
        scales: Size and words for so many of it, largest size first.
        form: Form of the last part.
    """
    parts: list[str] = []
    for size, say in scales:
        count, number = divmod(number, size)
        if count:
            parts.append(say(count))
    thousands, rest = divmod(number, 1000)
    if thousands:
        parts.append(thousand(thousands))
    if rest:
        parts.append(below(rest, form))
    return parts
