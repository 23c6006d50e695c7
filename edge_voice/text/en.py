"""English: American unless a region says otherwise."""

from __future__ import annotations

import re

from edge_voice.text.en_words import (
    DECADES,
    MONTHS,
    ONES,
    cardinal,
    date,
    fraction,
    ordinal,
    plural,
    time,
    year,
)
from edge_voice.text.language import (
    Language,
    Noun,
    Rule,
    Words,
    currencies,
    nouns,
    pairs,
    word_set,
)
from edge_voice.text.names import roman_value


def _decade(found: re.Match[str]) -> str | None:
    century, decade = int(found["century"] or 0), int(found["decade"])
    if decade == 10 and not century:
        return None
    named = DECADES.get(decade) or {0: "hundreds", 10: "tens"}[decade]
    if century == 20 and decade == 0:
        return "two thousands"
    return f"{cardinal(century)} {named}" if century else named


def _century(found: re.Match[str]) -> str | None:
    value = roman_value(found["r"])
    return ordinal(value) if value else None


def _to(found: re.Match[str]) -> str:
    return f"{found['end']} to "


def _digits(text: str) -> str:
    return " ".join(ONES[int(digit)] for digit in text)


def _feet(found: re.Match[str]) -> str:
    feet, inches = int(found["feet"]), int(found["inches"])
    names = ("foot" if feet == 1 else "feet", "inch" if inches == 1 else "inches")
    return f"{cardinal(feet)} {names[0]} {cardinal(inches)} {names[1]}"


def _day_first(found: re.Match[str]) -> str:
    """`the fifth of March`, as it is written."""
    article = found["the"] or "the "
    spoken = f"{article}{ordinal(int(found['d']))} of {found['month']}"
    return f"{spoken}, {year(int(found['y']))}" if found["y"] else spoken


_MONTH = "(?P<month>" + "|".join(MONTHS) + ")"
_RULES = (
    Rule(r"\bAT&T\b", lambda found: "A T and T"),
    Rule(r"\b50/50\b", lambda found: "fifty-fifty"),
    Rule(r"\bC\+\+", lambda found: "C plus plus"),
    Rule(r"\bC#(?!\w)", lambda found: "C sharp"),
    Rule(r"(?<![\w.])\.NET\b", lambda found: "dot net"),
    Rule(r"(?<=\bcall\s)\d{3}\b(?!-)", lambda found: _digits(found[0]), ignore_case=True),
    Rule(
        r"(?P<before>\b(?:call|dial|phone|text|fax|number)(?:\sis|\sme\sat|\sus\sat|\sat)?:?\s)"
        r"(?P<n>\d{3}-\d{4})(?![\w-])",
        lambda found: f"{found['before']}{_digits(found['n'][:3])}, {_digits(found['n'][4:])}",
        ignore_case=True,
    ),
    Rule(r"\b9/11\b", lambda found: "nine eleven"),
    Rule(r"§\s?(?=\d)", lambda found: "section "),
    Rule(r"(?<=\d)(?P<end>st|nd|rd|th)[-–](?=\d{1,3}(?:st|nd|rd|th)\b)", _to),
    Rule(r"\b(?P<r>[IVX]{1,6})(?:th)?(?=[\s-][Cc]entur)", _century),
    Rule(r"\b24/7\b", lambda found: "twenty-four seven"),
    Rule(r"(?<![\w/])w/o(?!\w)", lambda found: "without"),
    Rule(r"(?<![\w/])w/(?=\s)", lambda found: "with"),
    Rule(r"(?<![\w'.,])'?(?P<century>1\d|20)?(?P<decade>\d0)'?s\b", _decade),
    Rule(r"(?<!\w)(?P<feet>\d{1,2})'\s?(?P<inches>\d{1,2})(?:\"|'')", _feet),
    # St. behind the name of a street, else a saint; Dr. likewise.
    Rule(
        r"\b(?!(?:In|At|Near|To|From|On|And|But|For|Of|By|Visit)\s)(?P<name>[A-Z][a-z]{1,20}\s)St\.",
        lambda found: f"{found['name']}Street",
    ),
    Rule(r"(?<!\w)Dr\.(?=\s[A-Z])", lambda found: "Doctor"),
    Rule(r"(?<=[a-z]\s)Dr\.(?!\w)", lambda found: "Drive"),
    Rule(
        rf"(?P<the>\bthe\s)?\b(?P<d>[12]?\d|3[01])(?:st|nd|rd|th)?(?:\sof)?\s{_MONTH}\b"
        r"(?:,?\s(?P<y>\d{4})\b)?",
        _day_first,
    ),
)

_UNITS = nouns("""
    % | percent
    ‰ | per mille
    °C ℃ | degree Celsius | degrees Celsius
    °F ℉ | degree Fahrenheit | degrees Fahrenheit
    ° | degree | degrees
    km | kilometer | kilometers
    m | meter | meters
    cm | centimeter | centimeters
    mm | millimeter | millimeters
    µm μm | micrometer | micrometers
    nm | nanometer | nanometers
    mi | mile | miles
    ft | foot | feet
    yd yds | yard | yards
    km² | square kilometer | square kilometers
    m² | square meter | square meters
    m³ | cubic meter | cubic meters
    sqft | square foot | square feet
    ha | hectare | hectares
    l L | liter | liters
    ml mL | milliliter | milliliters
    gal | gallon | gallons
    kg | kilogram | kilograms
    g | gram | grams
    mg | milligram | milligrams
    µg μg | microgram | micrograms
    lb lbs | pound | pounds
    oz | ounce | ounces
    km/h kph | kilometer per hour | kilometers per hour
    m/s | meter per second | meters per second
    mph | mile per hour | miles per hour
    h hr hrs | hour | hours
    min mins | minute | minutes
    s sec secs | second | seconds
    ms | millisecond | milliseconds
    Hz | hertz
    kHz | kilohertz
    MHz | megahertz
    GHz | gigahertz
    kB KB | kilobyte | kilobytes
    MB | megabyte | megabytes
    GB | gigabyte | gigabytes
    TB | terabyte | terabytes
    Mbps Mbit/s | megabit per second | megabits per second
    Gbps Gbit/s | gigabit per second | gigabits per second
    W | watt | watts
    kW | kilowatt | kilowatts
    MW | megawatt | megawatts
    kWh | kilowatt hour | kilowatt hours
    V | volt | volts
    mA | milliampere | milliamperes
    mAh | milliampere hour | milliampere hours
    dB | decibel | decibels
    hPa | hectopascal | hectopascals
    psi | pound per square inch | pounds per square inch
    px | pixel | pixels
    rpm | revolution per minute | revolutions per minute
""")
_CURRENCIES = currencies("""
    $ USD US$ | dollar | dollars | m | cent | cents | m
    CA$ CAD | Canadian dollar | Canadian dollars | m | cent | cents | m
    A$ AUD | Australian dollar | Australian dollars | m | cent | cents | m
    € EUR | euro | euros | m | cent | cents | m
    £ GBP | pound | pounds | m | penny | pence | m
    ¥ JPY | yen | yen | m
    ₹ INR | rupee | rupees | m | paisa | paise | m
    CHF | Swiss franc | Swiss francs | m | centime | centimes | m
    R$ BRL | real | reais | m | centavo | centavos | m
    ¢ | cent | cents | m
""")
_ABBREVIATIONS = pairs("""
    Mr. = Mister
    Mrs. = Missus
    Ms. = Miz
    Mr = Mister
    Mrs = Missus
    Dr. = Doctor
    Prof. = Professor
    Sr. = Senior
    Jr. = Junior
    St. = Saint
    Mt. = Mount
    Ave. = Avenue
    Blvd. = Boulevard
    Rd. = Road
    Gen. = General
    Col. = Colonel
    Capt. = Captain
    Lt. = Lieutenant
    Sgt. = Sergeant
    Sen. = Senator
    Rep. = Representative
    Gov. = Governor
    Rev. = Reverend
    Hon. = Honorable
    Inc. = Incorporated
    Ltd. = Limited
    Corp. = Corporation
    Co. = Company
    Bros. = Brothers
    Dept. = Department
    etc. = et cetera
    e.g. = for example
    i.e. = that is
    vs. = versus
    vs = versus
    approx. = approximately
    est. = established
    misc. = miscellaneous
    incl. = including
    a.k.a. = also known as
    aka = also known as
    Ph.D. = P H D
    PhD = P H D
    PhDs = P H Ds
    Jan. = January
    Feb. = February
    Apr. = April
    Aug. = August
    Sept. = September
    Sep. = September
    Oct. = October
    Nov. = November
    Dec. = December
""")
_BEFORE_NUMBER = pairs("""
    No. = number
    no. = number
    Nos. = numbers
    № = number
    p. = page
    pp. = pages
    Fig. = figure
    fig. = figure
    vol. = volume
    Vol. = Volume
    ch. = chapter
    Ch. = Chapter
    sec. = section
    ca. = about
    c. = about
    Mar. = March
    Jun. = June
    Jul. = July
""")

LANGUAGE = Language(
    code="en",
    cardinal=cardinal,
    ordinal=ordinal,
    year=year,
    date=date,
    time=time,
    fraction=fraction,
    decimal_mark=".",
    group_marks=",\u00a0",
    words=Words(
        point="point",
        minus="minus",
        to="to",
        over="over",
        per="per",
        and_="and",
        plus="plus",
        equals="equals",
        times="times",
        at="at",
        dot="dot",
        slash="slash",
        dash="dash",
        underscore="underscore",
        hash="number",
        half="{n} and a half",
        divided="divided by",
    ),
    months=MONTHS,
    fold=Noun("time", "times"),
    number_plural=plural,
    ordinals=(r"(?<![\w.,])(?P<n>\d{1,9})(?:st|nd|rd|th)\b",),
    ordinal_form=lambda found: "",
    times=(
        r"(?<![\w:.])(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?"
        r"(?:\s?(?P<half>[ap]\.?m\b\.?))?(?![\w:])",
        r"(?<![\w:.])(?P<h>\d{1,2})\s?(?P<half>[ap]\.?m\b\.?)(?!\w)",
    ),
    dates=(r"\bMONTH\s(?P<d>[12]?\d|3[01])(?:st|nd|rd|th)?(?![\w:])(?:,?\s(?P<y>\d{4})(?!\w))?",),
    units=_UNITS,
    currencies=_CURRENCIES,
    abbreviations=_ABBREVIATIONS,
    cents=" and {n} {unit}",
    digits_after_point=True,
    day_first=False,
    scales={
        **dict.fromkeys(("thousand", "K", "k"), Noun("thousand", "thousand")),
        **dict.fromkeys(("million", "M", "m", "mn"), Noun("million", "million")),
        **dict.fromkeys(("billion", "B", "b", "bn"), Noun("billion", "billion")),
        **dict.fromkeys(("trillion", "T", "tn"), Noun("trillion", "trillion")),
    },
    before_number=_BEFORE_NUMBER,
    may_end=word_set("etc. inc. ltd. corp. co. jr. sr. a.m. p.m. ave. rd. blvd. ph.d. bros."),
    starters=word_set(
        "a an in on at "
        "he she it they we i you this that these "
        "those there then but and so what when where why how"
    ),
    spelled=word_set(
        "CO USA US UK EU UN UAE FBI CIA IBM AI API CEO CFO CTO IT ID IP ISO OS PC TV DIY FAQ GDP "
        "GPU CPU USB URL UI UX ATM IQ IRS MIT NBA NFL AC DC EV VIP ISBN IOU LED BBC AM PM"
    ),
    regnal=word_set(
        "louis henry charles george edward elizabeth william james mary richard john paul pius "
        "benedict gregory leo philip frederick ferdinand napoleon catherine peter nicholas "
        "alexander ramesses ptolemy clement innocent boniface harald olaf gustav"
    ),
    regnal_word=lambda number: f"the {ordinal(number)}",
    numbered=word_set(
        "chapter part volume book act scene section article appendix war type phase stage class "
        "grade level round title"
    ),
    rules=_RULES,
)
