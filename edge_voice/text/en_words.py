"""English numbers, dates and times in words: American unless a region says otherwise."""

from __future__ import annotations

import re
from functools import partial

from edge_voice.text.language import Date, Form, Time, word_list
from edge_voice.text.numbers import by_thousands

ONES = word_list(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS = word_list("_ _ twenty thirty forty fifty sixty seventy eighty ninety")
_ORDINAL_ENDS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"))
DECADES = {10 * i: f"{tens[:-1]}ies" for i, tens in enumerate(_TENS) if i > 1}
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def cardinal(number: int, form: Form = "") -> str:
    """0 to 10**15 - 1."""
    parts = by_thousands(
        number,
        lambda part, form: _below_thousand(part),
        lambda count: f"{_below_thousand(count)} thousand",
        [(size, partial(_scaled, name)) for size, name in _SCALES],
        form,
    )
    return " ".join(parts) or "zero"


def _scaled(name: str, count: int) -> str:
    return f"{cardinal(count)} {name}"


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{ONES[hundreds]} hundred"] if hundreds else []
    if rest >= 20:
        tens, ones = divmod(rest, 10)
        words.append(f"{_TENS[tens]}-{ONES[ones]}" if ones else _TENS[tens])
    elif rest:
        words.append(ONES[rest])
    return " ".join(words)


def ordinal(number: int, form: Form = "") -> str:
    """`twenty-first`."""
    found = re.fullmatch(r"(.*?)([a-z]+)", cardinal(number))
    assert found
    start, last = found[1], found[2]
    if last in _ORDINAL_ENDS:
        return start + _ORDINAL_ENDS[last]
    return start + (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")


def year(number: int) -> str:
    """In pairs: `nineteen eighty-four`, `twenty twenty-four`; 2000 to 2009 as a number."""
    century, rest = divmod(number, 100)
    if 2000 <= number < 2010 or number < 1000 or (century % 10 == 0 and not rest):
        return cardinal(number)
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def date(date: Date) -> str:
    """`March fifth, twenty twenty-four`."""
    spoken = f"{MONTHS[date.month - 1]} {ordinal(date.day)}"
    return spoken if date.year is None else f"{spoken}, {year(date.year)}"


def time(time: Time) -> str:
    """`three forty-five P M`, `three o'clock`, `fifteen hundred` is not said."""
    hour, minute = cardinal(time.hour), time.minute
    if minute:
        spoken = f"{hour} {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    elif time.half:
        spoken = hour
    else:
        spoken = f"{hour} o'clock" if 0 < time.hour <= 12 else f"{hour} hundred"
    if time.second is not None:
        seconds = "second" if time.second == 1 else "seconds"
        spoken += f" and {cardinal(time.second)} {seconds}"
    return f"{spoken} {' '.join(time.half.upper())}".strip()


def fraction(numerator: int, denominator: int) -> str | None:
    """`three quarters`."""
    if not 0 < numerator < denominator or (denominator > 20 and denominator not in (100, 1000)):
        return None
    names = {2: ("half", "halves"), 4: ("quarter", "quarters")}
    one, many = names.get(denominator) or (ordinal(denominator), f"{ordinal(denominator)}s")
    return f"{cardinal(numerator)} {one if numerator == 1 else many}"


def plural(words: str) -> str:
    """Several of a number: `seven hundred forty-sevens`, `sixes`, `twenties`."""
    if words in ("one hundred", "one thousand"):
        return f"{words.removeprefix('one ')}s"
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith("x") else f"{words}s"
