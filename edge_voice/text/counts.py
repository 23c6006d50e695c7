"""Numbers without a unit: fractions, telephone numbers, ordinals, ranges, years, cardinals."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from edge_voice.text.language import Form, Language, Rule
from edge_voice.text.numbers import Number, number_pattern, parse, say_digits, say_number

_VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"
_TELEPHONES = (
    r"(?<![\w+])\+\d{1,3}(?:[\s./-]?\(?\d{1,4}\)?){2,6}(?!\w)",
    r"(?<![\w+.,])(?<!\d\s)\(?0\d{1,4}\)?(?:[\s./-]\d{2,8}){1,5}(?![\w])",
    r"(?<![\w+.,])(?:1[\s.-])?(?:\(\d{3}\)\s?|\d{3}[\s.-])\d{3}[.-]\d{4}(?!\w)",
)
_YEARS = range(1100, 2100)


def rules(language: Language) -> list[Rule]:
    """From the most particular to what is left of the digits."""
    words = language.words

    def version(found: re.Match[str]) -> str | None:
        if "." in language.group_marks and re.fullmatch(r"\d{1,3}(?:\.\d{3})+", found[0]):
            return None
        return _joined(re.split(r"\.", found[0]), words.point, language)

    def ordinal(found: re.Match[str]) -> str | None:
        value = int(found["n"])
        if not 0 < value < 10**9:
            return None
        spoken = language.ordinal(value, language.ordinal_form(found))
        return f"{found.groupdict().get('before') or ''}{spoken}"

    return [
        *(Rule(pattern, lambda f: _telephone(f[0], language)) for pattern in _TELEPHONES),
        *_short_years(language),
        *_fractions(language),
        Rule(r"(?<![\w.])\d{1,4}(?:\.\d{1,4}){2,6}(?![\w]|[.,]\d)", version),
        *(Rule(pattern, ordinal) for pattern in language.ordinals),
        *_cardinals(language),
        *_beside_letters(language),
    ]


def _cardinals(language: Language) -> list[Rule]:
    """Ranges, sums and ratios, and plain numbers."""
    number, words = number_pattern(language), language.words
    before_noun = r"(?=\s(?:mil\s)?(?P<noun>[^\W\d_]{2,30})|)"
    ratio = f" {words.ratio or words.to} "

    def span(found: re.Match[str]) -> str:
        ends = (parse(found[name], language) for name in ("n", "to"))
        return f" {words.to} ".join(_plain(end, language, _form(found, language)) for end in ends)

    def plain(found: re.Match[str]) -> str:
        sign = {"-": words.minus, "+": words.plus}.get(found["sign"] or "", "")
        form = _form(found, language)
        return f"{sign} {_plain(parse(found['n'], language), language, form)}".strip()

    def between(sign: str, word: str) -> Rule:
        return Rule(rf"(?<=[\d)])\s?{sign}\s?(?=[\d(])", lambda found: f" {word} ")

    return [
        Rule(
            rf"(?<!\w)(?<!\w[.,-])(?P<n>{number})\s?[-–]\s?(?P<to>{number})(?![\w-]){before_noun}",
            span,
        ),
        between(r"\+", words.plus),
        between("=", words.equals),
        between("[x×]", words.times),
        between("÷", words.divided),
        Rule(r"(?<!\d)(\d{1,2}):(\d{1,2})(?!\d)", lambda found: ratio.join(found.groups())),
        Rule(r"\s=\s", lambda found: f" {words.equals} "),
        Rule(
            rf"(?:(?<![^\s(])(?P<sign>[-+±]))?(?<!\w)(?<!\d[.,])(?P<n>{number})(?!\w){before_noun}",
            plain,
        ),
    ]


def _short_years(language: Language) -> list[Rule]:
    """'99, and the years of a season or school year: 1914/15."""

    def season(found: re.Match[str]) -> str | None:
        year, following = int(found["y"]), found["next"]
        if int(following) != (year + 1) % 100:
            return None
        return f"{language.year(year)} {say_number(Number(following, '', False), language)}"

    return [
        Rule(r"(?<![\w'])'(?=\d{2}(?!\d))", lambda found: ""),
        Rule(r"(?<![\w./])(?P<y>1[1-9]\d\d|20\d\d)/(?P<next>\d{2})(?![\w/])", season),
    ]


def _beside_letters(language: Language) -> list[Rule]:
    """Digits within a word, which no other rule has taken: v2.0, H2O."""
    words = language.words

    def decimal(found: re.Match[str]) -> str:
        mark = words.point if found["mark"] == language.decimal_mark else words.dot
        return f" {_joined(re.split('[.,]', found[0]), mark, language)} "

    def rest(found: re.Match[str]) -> str:
        return f" {_plain(Number(found[0], '', False), language, '')} "

    return [
        Rule(r"(?<!\d[.,])\d{1,9}(?P<mark>[.,])\d{1,9}(?!\d|[.,]\d)", decimal),
        Rule(r"\d{1,15}", rest),
    ]


def _joined(numbers: Iterable[str], mark: str, language: Language) -> str:
    return f" {mark} ".join(say_number(Number(n, "", False), language) for n in numbers)


def _form(found: re.Match[str], language: Language) -> Form:
    return language.form_before(found["noun"]) if found["noun"] else ""


def _plain(number: Number, language: Language, form: Form) -> str:
    is_year = len(number.whole) == 4 and not number.grouped and not number.decimals
    if is_year and form != "f" and number.value in _YEARS:
        return language.year(number.value)
    return say_number(number, language, form)


def _telephone(text: str, language: Language) -> str:
    """Groups with a short pause between them."""
    groups = re.findall(r"\d+", text)
    start = f"{language.words.plus} " if "+" in text else ""
    if language.phone_pairs:
        groups = [group for whole in groups for group in _in_pairs(whole)]
        return start + ", ".join(_pair(group, language) for group in groups)
    return start + ", ".join(say_digits(group, language) for group in groups)


def _in_pairs(digits: str) -> list[str]:
    odd = len(digits) % 2
    return [
        *([digits[:1]] if odd else []),
        *(digits[i : i + 2] for i in range(odd, len(digits), 2)),
    ]


def _pair(digits: str, language: Language) -> str:
    if digits[0] == "0":
        return say_digits(digits, language)
    return language.cardinal(int(digits), "")


def _fractions(language: Language) -> list[Rule]:
    def vulgar(found: re.Match[str]) -> str | None:
        numerator, denominator = _parts(found["sign"])
        return _with_whole(found["whole"], numerator, denominator, language)

    def written(found: re.Match[str]) -> str | None:
        numerator, denominator = int(found["a"]), int(found["b"])
        spoken = _with_whole(found["whole"], numerator, denominator, language)
        if spoken is None and not found["whole"]:
            over = f" {language.words.over} "
            return over.join(language.cardinal(part, "") for part in (numerator, denominator))
        return spoken

    return [
        Rule(rf"(?<![\w.,])(?:(?P<whole>\d{{1,9}})\s?)?(?P<sign>[{_VULGAR}])(?!\d)", vulgar),
        Rule(
            r"(?<![\w.,/])(?:(?P<whole>\d{1,4})\s)?(?P<a>\d{1,3})/(?P<b>\d{1,3})(?![\w/])", written
        ),
        Rule(r"(?<=\d)/(?=\d)", lambda found: f" {language.words.over} "),
    ]


def _parts(sign: str) -> tuple[int, int]:
    numerator, denominator = unicodedata.normalize("NFKD", sign).split("\u2044")
    return int(numerator), int(denominator)


def _with_whole(
    whole: str | None, numerator: int, denominator: int, language: Language
) -> str | None:
    spoken = language.fraction(numerator, denominator)
    if spoken is None or not whole:
        return spoken
    words = language.words
    before = language.cardinal(int(whole), "")
    if (numerator, denominator) == (1, 2):
        return words.half.format(n=before)
    return f"{before} {words.and_} {spoken}"
