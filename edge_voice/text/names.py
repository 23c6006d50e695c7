"""Words that are written shorter than they are said: abbreviations, Roman numerals, acronyms."""

from __future__ import annotations

import re
from collections.abc import Mapping

from edge_voice.text.language import Language, Rule

_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_VALID_ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_VOWELS = re.compile(r"[AEIOUÀ-ÖØ-Ý]")


def abbreviations(language: Language) -> list[Rule]:
    """Those of the tables, with a capital at the beginning of a sentence too; `&`; initials."""
    table = _with_capitals(language.abbreviations)
    numbers = _with_capitals(language.before_number)
    units = {short for short in table if {short, short.rstrip(".")} & set(language.units)}

    def say(found: re.Match[str]) -> str | None:
        before = found.string[max(0, found.start() - 2) : found.start()]
        if found[0] in units and before.rstrip()[-1:].isdigit():
            return None  # 5 min. are no minimum
        return table[found[0]]

    return [
        Rule(
            rf"(?<![\w.])(?:{_any_of(numbers)})\s?(?=\d|(?:[IVXLC]{{2,7}}|[VX])\b)",
            lambda found: f"{numbers[found[0].strip()]} ",
        ),
        Rule(rf"(?<![\w.])(?:{_any_of(table)})(?!\w)", say),
        Rule(r"\s?&\s?(?=\w)", lambda found: f" {language.words.and_} "),
        Rule(r"(?<![\w.])[^\W\d_](?:\.[^\W\d_]){1,6}\.?(?!\w)", _dotted),
        Rule(r"(?<![\w.-])(?P<initial>[^\W\d_])\.(?=\s?[^\W\d_])", _initial),
    ]


def roman_numerals(language: Language) -> list[Rule]:
    """Numbers of kings, popes, chapters, wars and sequels; not of words that look like one."""

    def say(found: re.Match[str]) -> str | None:
        value = roman_value(found["roman"])
        word = found["word"]
        if value is None:
            return None
        if word.lower() in language.regnal:
            return f"{word} {language.regnal_word(value)}"
        is_title = word[:1].isupper() and len(found["roman"]) > 1
        if word.lower() in language.numbered or (is_title and set(found["roman"]) <= set("IVX")):
            return f"{word} {language.cardinal(value, '')}"
        return None

    return [
        Rule(r"(?<!\w)(?P<word>[^\W\d_]{2,30})\s(?P<roman>[IVXLCDM]{1,9})(?!\w|'(?!s\b))\.?", say)
    ]


def roman_value(text: str) -> int | None:
    """The number, None if it is not a well-formed one."""
    if not text or not _VALID_ROMAN.fullmatch(text):
        return None
    values = [_ROMAN[letter] for letter in text]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < following else value for value, following in pairs)


def acronyms(language: Language) -> list[Rule]:
    """Spelled if nobody could read them as a word, or the language says so; dots within words."""

    def say(found: re.Match[str]) -> str | None:
        word = found["word"]
        if word in language.spelled or not _VOWELS.search(word):
            return " ".join(word) + (found["plural"] and f"{found['plural']}")
        return None

    dot = f" {language.words.dot} "
    return [
        Rule(r"(?<!\w)(?P<word>[A-ZÀ-ÖØ-Þ]{2,6})(?P<plural>s?)(?!\w)", say),
        Rule(r"(?<=[^\W\d_])\.(?=[a-zß-öø-ÿ])", lambda found: dot),  # node.js
        Rule(r"(?<=[a-zß-öø-ÿ])\.(?=[A-ZÀ-ÖØ-Þ])", lambda found: ". "),  # a blank is missing
    ]


def _dotted(found: re.Match[str]) -> str | None:
    letters = found[0].split(".")
    return " ".join(letters).strip() if found[0].upper() == found[0] else None


def _initial(found: re.Match[str]) -> str | None:
    return f"{found['initial']} " if found["initial"].isupper() else None


def _with_capitals(table: Mapping[str, str]) -> dict[str, str]:
    capital = {_capital(short): _capital(long) for short, long in table.items()}
    return {**capital, **table}


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _any_of(table: Mapping[str, str]) -> str:
    return "|".join(map(re.escape, sorted(table, key=len, reverse=True))) or r"(?!)"
