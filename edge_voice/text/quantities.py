"""Numbers with a unit: money, percentages, measures."""

from __future__ import annotations

import re

from edge_voice.text.language import Currency, Language, Noun, Rule, of
from edge_voice.text.numbers import LIMIT, Number, number_pattern, parse, say_number

_SIGN = r"(?:(?<![^\s(])(?P<sign>[-+±]))?"
_ALONE = r"(?<!\w)(?<!\d[.,])"
_PER = r"(?P<per>/(?=[^\W\d_]))?"


def rules(language: Language) -> list[Rule]:
    """Money with its sign before or behind, percentages, units; ranges of them too; 3×, 747s."""
    number = number_pattern(language)
    coins = _any_of(language.currencies)
    scales = rf"(?:\s?(?P<scale>{_any_of(language.scales)})(?!\w))?" if language.scales else ""
    amount = rf"(?P<n>{number})(?:\s?[-–]\s?(?P<to>{number}))?{scales}"

    def money(found: re.Match[str]) -> str | None:
        currency = language.currencies[found["coin"]]
        scale = language.scales.get(found.groupdict().get("scale") or "")
        return _signed(found, language, _money(found, currency, scale, language))

    def measure(found: re.Match[str]) -> str | None:
        return _signed(found, language, _measure(found, language.units[found["unit"]], language))

    def fold(found: re.Match[str]) -> str | None:
        return _signed(found, language, _measure(found, language.fold, language))

    to = f" {language.words.to} "
    return [
        *_several(language),
        Rule(rf"(?<=\d)\s?[-–]\s?(?=(?:{coins})\s?\d)", lambda found: to),
        Rule(r"(?<=[%‰°€£])[-–](?=\d)", lambda found: to),
        Rule(
            rf"{_SIGN}{_ALONE}(?P<n>{number})(?:\s?[-–]\s?(?P<to>{number}))?"
            r"(?:[xX]|\s?×)(?!\w|\s?[\d(])" + _PER,
            fold,
        ),
        Rule(r"°\s(?=[CF]\b)", lambda found: "°"),
        Rule(rf"{_SIGN}(?<!\w)(?P<coin>{coins})\s?{amount}(?![\w]){_PER}", money),
        Rule(rf"{_SIGN}{_ALONE}{amount}(?:\s?|-)(?P<coin>{coins})(?!\w){_PER}", money),
        Rule(
            rf"{_SIGN}{_ALONE}(?P<n>{number})(?:\s?[-–]\s?(?P<to>{number}))?"
            rf"\s?(?P<unit>{_any_of(language.units)})(?![\w²³])(?:\.(?=\s+\S))?{_PER}",
            measure,
        ),
    ]


def _several(language: Language) -> list[Rule]:
    """747s, F-16s, MP3s, 1s and 0s: several of a number. 20s, 120s and the like are seconds."""

    def many(digits: str) -> str:
        return language.number_plural(language.cardinal(int(digits), ""))

    def two(found: re.Match[str]) -> str:
        return f"{many(found['n'])}{found['between']}{many(found['m'])}"

    return [
        # 2h5m, 1m30s: no metres, and no several of a number.
        Rule(
            r"(?<![\w.,])(\d{1,3}h)\s?(\d{1,2})m(?:in)?(?![^\W\d_])",
            lambda found: f"{found[1]} {found[2]}min ",
        ),
        Rule(
            r"(?<![\w.,])(\d{1,3})m(?:in)?\s?(\d{1,2}s)(?!\w)",
            lambda found: f"{found[1]}min {found[2]}",
        ),
        Rule(r"(?<=[^\W\d_])(?P<n>\d{1,4})'?s(?!\w)", lambda found: f" {many(found['n'])}"),
        Rule(r"(?<=[^\W\d_]-)(?P<n>\d{1,4})'?s(?!\w)", lambda found: many(found["n"])),
        Rule(r"(?<![\w.,-])(?P<n>\d{2,5}[1-9])'?s(?!\w)", lambda found: many(found["n"])),
        Rule(r"(?<![\w.,-])(?P<n>[1-9]\d?00?0?)'?s(?=\sof\b)", lambda found: many(found["n"])),
        Rule(r"(?<![\w.,-])(?P<n>[01])'?s(?P<between>\s\w{1,4}\s)(?P<m>[01])'?s(?!\w)", two),
    ]


def _any_of(signs: object) -> str:
    ordered = sorted(map(str, signs), key=len, reverse=True)  # type: ignore[call-overload]
    return "|".join(map(re.escape, ordered))


def _signed(found: re.Match[str], language: Language, words: str | None) -> str | None:
    if words is None:
        return None
    if found["per"]:
        words += f" {language.words.per} "
    if not found["sign"]:
        return words
    sign = language.words.minus if found["sign"] == "-" else language.words.plus
    return f"{sign} {words}"


def _numbers(found: re.Match[str], language: Language) -> list[Number] | None:
    """One number or the two of a range; None if one is too large to be said as a quantity."""
    numbers = [parse(text, language) for text in (found["n"], found["to"]) if text]
    return None if any(number.value >= LIMIT for number in numbers) else numbers


def _say(numbers: list[Number], language: Language, noun: Noun) -> str:
    spoken = [say_number(number, language, noun.gender) for number in numbers]
    return f" {language.words.to} ".join(spoken)


def _measure(found: re.Match[str], unit: Noun, language: Language) -> str | None:
    numbers = _numbers(found, language)
    if numbers is None:
        return None
    last = numbers[-1]
    noun = language.counted(last.value, unit, decimals=last.decimals)
    return f"{_say(numbers, language, unit)} {noun}"


def _money(
    found: re.Match[str], currency: Currency, scale: Noun | None, language: Language
) -> str | None:
    numbers = _numbers(found, language)
    if numbers is None:
        return None
    last = numbers[-1]
    if scale is not None:
        large = language.counted(last.value, scale, decimals=last.decimals)
        coin = currency.unit.many
        coin = of(language.million_of, coin) if language.million_of else coin
        return f"{_say(numbers, language, scale)} {large} {coin}"
    if len(numbers) == 1 and len(last.decimals) == 2 and currency.cent:
        return _with_cents(last, currency.unit, currency.cent, language)
    noun = language.counted(last.value, currency.unit, decimals=last.decimals)
    return f"{_say(numbers, language, currency.unit)} {noun}"


def _with_cents(number: Number, unit: Noun, cent: Noun, language: Language) -> str:
    whole, cents = number.value, int(number.decimals)
    coins = f"{language.cardinal(whole, unit.gender)} {language.counted(whole, unit)}"
    if not cents:
        return coins
    words, noun = language.cardinal(cents, cent.gender), language.counted(cents, cent)
    if not whole:
        return f"{words} {noun}"
    template = language.cents if cents >= 10 else language.few_cents or language.cents
    return coins + template.format(n=words, unit=noun)
