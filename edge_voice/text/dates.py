"""Dates and times of day."""

from __future__ import annotations

import re
from calendar import monthrange

from edge_voice.text.language import Date, Language, Rule, Time

_ISO = (
    r"(?<![\w-])(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})"
    r"(?:[T ](?P<h>\d{2}):(?P<min>\d{2})(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?"
    r"(?:Z|[+-]\d{2}:?\d{2})?)?(?![\w-])"
)
_NUMERIC = (
    r"(?<![\w./-])(?P<a>\d{1,2})(?P<sep>[./-])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4}|\d{2})(?![\w/-])"
)
_WORD_BEFORE = re.compile(r"([^\W\d_]{1,30}),?\s$")


def rules(language: Language) -> list[Rule]:
    """ISO dates, dates in figures, dates with the month's name, times of day."""
    months = {name.lower(): number for number, name in enumerate(language.months, 1)}
    month_names = "|".join(sorted(map(re.escape, language.months), key=len, reverse=True))

    def iso(found: re.Match[str]) -> str | None:
        date = _date(found, int(found["d"]), int(found["m"]), int(found["y"]))
        if date is None:
            return None
        spoken = language.date(date)
        if found["h"]:
            second = int(found["s"] or 0)
            time = Time(int(found["h"]), int(found["min"]), second or None)
            spoken += f", {language.time(time)}"
        return spoken

    def numeric(found: re.Match[str]) -> str | None:
        day, month = int(found["a"]), int(found["b"])
        if (not language.day_first and not (day > 12 >= month)) or (
            language.day_first and month > 12 >= day
        ):
            day, month = month, day
        date = _date(found, day, month, _full_year(found["y"]))
        return language.date(date) if date else None

    def named(found: re.Match[str]) -> str | None:
        year = int(found["y"]) if found["y"] else None
        date = _date(found, int(found["d"]), months[found["m"].lower()], year)
        return language.date(date) if date else None

    def time(found: re.Match[str]) -> str | None:
        groups = found.groupdict()
        hour, minute = int(groups["h"]), int(groups.get("m") or 0)
        half = (groups.get("half") or "").lower().replace(".", "").replace(" ", "")
        if hour > (12 if half else 24) or minute > 59:
            return None
        second = groups.get("s")
        return language.time(Time(hour, minute, int(second) if second else None, half))

    with_month = [pattern.replace("MONTH", f"(?P<m>{month_names})") for pattern in language.dates]
    return [
        Rule(_ISO, iso),
        Rule(_NUMERIC, numeric),
        *(Rule(pattern, named, ignore_case=True) for pattern in with_month),
        *(Rule(pattern, time, ignore_case=True) for pattern in language.times),
    ]


def _date(found: re.Match[str], day: int, month: int, year: int | None) -> Date | None:
    """The date, None if there is no such day."""
    if not 1 <= month <= 12 or not 1 <= day <= monthrange(year or 2000, month)[1]:
        return None
    before = _WORD_BEFORE.search(found.string, max(0, found.start() - 33), found.start())
    return Date(day, month, year, before[1].lower() if before else "")


def _full_year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if year < 50 else 1900)
