"""What a language has to say about its written signs: the shape of `en.py`, `de.py` and so on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# Form of a number word: "" when it stands alone (counting), else the gender of the noun that
# follows; German ordinals use their endings ("e", "en", "er") in its place.
Form = str
NumberWords = Callable[[int, Form], str]


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun that is counted: a unit of measure or of money.

    Attributes:
        one: Singular.
        many: Plural.
        gender: `m` or `f`; the form that its number takes. Neuter counts as `m`.
    """

    one: str
    many: str
    gender: Form = "m"


@dataclass(frozen=True, slots=True)
class Currency:
    """Money and its hundredth.

    Attributes:
        unit: The coin itself.
        cent: Its hundredth part; None where nobody speaks of one.
    """

    unit: Noun
    cent: Noun | None


@dataclass(frozen=True, slots=True)
class Date:
    """A day of the calendar; `year` is None where none was written.

    Attributes:
        before: The word in front of the date, lower case, on which case endings depend.
    """

    day: int
    month: int
    year: int | None
    before: str = ""


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day.

    Attributes:
        second: None where none was written.
        half: `am`, `pm` or nothing.
    """

    hour: int
    minute: int
    second: int | None = None
    half: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of one language: what it finds, and what is said in its place.

    Attributes:
        pattern: A regular expression in the syntax of `re`, compiled with `re.VERBOSE` off.
            Repeats must have an upper bound.
        say: From the match to words; None leaves the text as it is.
        ignore_case: Whether capitals do not matter.
    """

    pattern: str
    say: Callable[[re.Match[str]], str | None]
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Small words that several rules use."""

    point: str
    minus: str
    to: str
    over: str
    per: str
    and_: str
    plus: str
    equals: str
    times: str
    at: str
    dot: str
    slash: str
    dash: str
    underscore: str
    hash: str
    half: str
    """A whole number `{n}` and a half."""
    divided: str
    ratio: str = ""
    """Between the numbers of 16:9; `to` where it is the same."""


@dataclass(frozen=True, slots=True)
class Language:
    """Tables and functions of one language; docs/text.md explains how to add to them.

    Attributes:
        code: ISO 639-1 code.
        cardinal: A number from 0 to 10**15 - 1 in words.
        ordinal: A number from 1 in words, as an ordinal.
        year: A year in words.
        date: A date in words.
        time: A time of day in words.
        fraction: Numerator and denominator in words, None where it would not be said as one.
        decimal_mark: One character.
        group_marks: Characters that may stand between groups of three digits.
        digits_after_point: Say decimals digit by digit; else as a number where they are short.
        day_first: Whether 3/5 is the third of May.
        one_below_two: Whether what is below two counts as singular (1.5 litre).
        million_of: What stands between a round million and its noun (`de`), if anything.
        cents: How cents follow, with `{n}`, `{unit}`.
        few_cents: The same for less than ten, where it differs.
        words: Small words.
        months: Names from January on.
        ordinals: Regular expressions of written ordinals, with the group `n`; what one matches
            in a group `before` is kept.
        ordinal_form: From such a match to the form.
        times: Regular expressions of a time of day, with groups h, m, s and half.
        scales: Words and signs such as `million`, `M` that may follow a number of money.
        units: Sign to noun.
        currencies: Sign or code to currency.
        abbreviations: With their full stop, to what is said.
        before_number: Abbreviations that are such only in front of a number.
        no_break: Lower-case words with a full stop that does not end a sentence, besides
            `abbreviations`; `*` stands for any beginning.
        roman_ordinals: Names behind which a Roman numeral has a full stop of its own.
        may_end: Abbreviations that may end a sentence all the same.
        starters: Lower-case words that begin a sentence, and that no abbreviation has behind it.
        spelled: Words in capitals that are spelled though they have vowels.
        regnal: Lower-case names that take an ordinal after them (Louis XIV).
        regnal_word: From the number of a king or pope to the words for it.
        numbered: Lower-case words that take a Roman numeral as a plain number.
        fold: What is counted in 3×.
        number_plural: From the words of a number to several of it (747s); the same by default.
        form_before: The form that a number takes in front of a word, as far as the word shows.
        phone_pairs: Say telephone numbers as pairs of digits.
        dates: Regular expressions of a date with the month's name, with groups d, m and y.
        rules: Rules of this language alone, applied before the shared ones.
        after: Likewise, applied to the words at the end.
    """

    code: str
    cardinal: NumberWords
    ordinal: NumberWords
    year: Callable[[int], str]
    date: Callable[[Date], str]
    time: Callable[[Time], str]
    fraction: Callable[[int, int], str | None]
    decimal_mark: str
    group_marks: str
    words: Words
    months: tuple[str, ...]
    ordinals: tuple[str, ...]
    ordinal_form: Callable[[re.Match[str]], Form]
    times: tuple[str, ...]
    dates: tuple[str, ...]
    units: Mapping[str, Noun]
    currencies: Mapping[str, Currency]
    abbreviations: Mapping[str, str]
    cents: str
    few_cents: str = ""
    digits_after_point: bool = False
    day_first: bool = True
    one_below_two: bool = False
    million_of: str = ""
    scales: Mapping[str, Noun] = field(default_factory=dict)
    before_number: Mapping[str, str] = field(default_factory=dict)
    no_break: frozenset[str] = frozenset()
    roman_ordinals: frozenset[str] = frozenset()
    may_end: frozenset[str] = frozenset()
    starters: frozenset[str] = frozenset()
    spelled: frozenset[str] = frozenset()
    regnal: frozenset[str] = frozenset()
    regnal_word: Callable[[int], str] = str
    numbered: frozenset[str] = frozenset()
    fold: Noun = Noun("×", "×")
    number_plural: Callable[[str], str] = str
    form_before: Callable[[str], Form] = lambda word: ""
    phone_pairs: bool = False
    rules: tuple[Rule, ...] = ()
    after: tuple[Rule, ...] = ()

    def counted(self, number: int, noun: Noun, *, decimals: str = "") -> str:
        """The noun in the number that a quantity asks for, with `million_of` in front."""
        below = number < 2 if self.one_below_two else number == 1 and not decimals.strip("0")
        name = noun.one if below else noun.many
        if self.million_of and number >= 10**6 and number % 10**6 == 0 and not decimals:
            return of(self.million_of, name)
        return name


def of(preposition: str, name: str) -> str:
    """`de euros`, `d'euros`: a preposition ending in an apostrophe is for vowels only."""
    full, _, short = preposition.partition("|")
    if short and name[:1].lower() in "aeiouéèêyhœ":
        return f"{short}{name}"
    return f"{full} {name}"


def nouns(table: str) -> dict[str, Noun]:
    """Reads a table with one `sign | singular | plural | gender` a line; the last two may lack.

    A missing plural is the singular, a missing gender is `m`. Several signs are separated by
    blanks.
    """
    found: dict[str, Noun] = {}
    for line in filter(None, map(str.strip, table.splitlines())):
        signs, one, *rest = (cell.strip() for cell in line.split("|"))
        many = rest[0] if rest and rest[0] else one
        noun = Noun(one, many, rest[1] if len(rest) > 1 else "m")
        found.update(dict.fromkeys(signs.split(), noun))
    return found


def currencies(table: str) -> dict[str, Currency]:
    """Reads a table with `signs | one | many | gender | cent | cents | gender` on each line."""
    found: dict[str, Currency] = {}
    for line in filter(None, map(str.strip, table.splitlines())):
        signs, *cells = (cell.strip() for cell in line.split("|"))
        unit = Noun(*cells[:3])
        cent = Noun(*cells[3:6]) if len(cells) > 3 else None
        found.update(dict.fromkeys(signs.split(), Currency(unit, cent)))
    return found


def pairs(table: str) -> dict[str, str]:
    """Reads a table with one `short = long` a line."""
    rows = (line.split(" = ") for line in map(str.strip, table.splitlines()) if line)
    return {short.strip(): long.strip() for short, long in rows}


def word_list(text: str) -> list[str]:
    """Words separated by blanks."""
    return text.split()


def word_set(text: str) -> frozenset[str]:
    """The same, to look words up in."""
    return frozenset(text.split())
