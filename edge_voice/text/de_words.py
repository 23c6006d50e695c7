"""German numbers in words, as spoken in Germany."""

from __future__ import annotations

from edge_voice.text.language import Form, word_list

_ONES = word_list(
    "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn "
    "fünfzehn sechzehn siebzehn achtzehn neunzehn"
)
_TENS = word_list("_ _ zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")
_SCALES = (
    (10**12, "Billion", "Billionen"),
    (10**9, "Milliarde", "Milliarden"),
    (10**6, "Million", "Millionen"),
)
_STEMS = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}
MONTHS = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
    "Oktober", "November", "Dezember",
)  # fmt: skip


def cardinal(number: int, form: Form = "") -> str:
    """0 to 10**15 - 1; a single 1 is `eins` alone, `ein` or `eine` in front of a noun."""
    if number == 0:
        return "null"
    if number == 1 and form:
        return "eine" if form == "f" else "ein"
    parts = []
    for size, one, many in _SCALES:
        count, number = divmod(number, size)
        if count:
            parts.append(f"eine {one}" if count == 1 else f"{cardinal(count, 'm')} {many}")
    thousands, below = divmod(number, 1000)
    word = f"{_below_thousand(thousands, 'm')}tausend" if thousands else ""
    word += _below_thousand(below, "") if below else ""
    return " ".join([*parts, word] if word else parts)


def _below_thousand(number: int, form: Form) -> str:
    """In one word; a last 1 is `eins` unless something follows it in the same word."""
    hundreds, rest = divmod(number, 100)
    word = f"{_ONES[hundreds]}hundert" if hundreds else ""
    if rest >= 20:
        tens, ones = divmod(rest, 10)
        return word + (f"{_ONES[ones]}und" if ones else "") + _TENS[tens]
    if rest == 1 and not form:
        return f"{word}eins"
    return word + (_ONES[rest] if rest else "")


def ordinal(number: int, form: Form = "e") -> str:
    """`dritte`, `dritter`, `dritten`: the form is the ending."""
    above, last = divmod(number, 100)
    end = form or "e"
    if 0 < last < 20:
        start = cardinal(above * 100) if above else ""
        return start + _STEMS.get(last, f"{_ONES[last]}t") + end
    if number % 10**6 == 0:
        count = number // 10**6
        return f"{cardinal(count, 'm') if count > 1 else ''}millionst{end}"
    return f"{cardinal(number)}st{end}"


def year(number: int) -> str:
    """`neunzehnhundertvierundachtzig`; from 2000 on as a number."""
    if not 1100 <= number < 2000:
        return cardinal(number)
    century, rest = divmod(number, 100)
    return f"{_ONES[century]}hundert{_below_thousand(rest, '') if rest else ''}"
