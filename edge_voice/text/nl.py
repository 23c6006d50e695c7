"""Dutch."""

from __future__ import annotations

import re

from edge_voice.text.language import (
    Date,
    Form,
    Language,
    Noun,
    Rule,
    Time,
    Words,
    currencies,
    nouns,
    pairs,
    word_list,
    word_set,
)
from edge_voice.text.names import roman_value

_ONES = word_list(
    "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien "
    "zestien zeventien achttien negentien"
)
_TENS = word_list("_ _ twintig dertig veertig vijftig zestig zeventig tachtig negentig")
_SCALES = ((10**12, "biljoen"), (10**9, "miljard"), (10**6, "miljoen"))
MONTHS = (
    "januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september",
    "oktober", "november", "december",
)  # fmt: skip


def cardinal(number: int, form: Form = "") -> str:
    """0 to 10**15 - 1; a blank behind duizend, as it is written."""
    if number < 2:  # accents tell the number from the article
        return "één" if number else "nul"
    parts = []
    for size, name in _SCALES:
        count, number = divmod(number, size)
        if count:
            parts.append(f"{cardinal(count) if count > 1 else 'een'} {name}")
    thousands, rest = divmod(number, 1000)
    if thousands:
        parts.append(f"{_below_thousand(thousands) if thousands > 1 else ''}duizend")
    if rest:
        parts.append(_below_thousand(rest))
    return " ".join(parts)


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    word = f"{_ONES[hundreds] if hundreds > 1 else ''}honderd" if hundreds else ""
    if rest < 20:
        return word + (_ONES[rest] if rest else "")
    tens, ones = divmod(rest, 10)
    if not ones:
        return word + _TENS[tens]
    # Two e's that meet are kept apart: tweeëntwintig.
    return f"{word}{_ONES[ones]}{'ën' if _ONES[ones].endswith('e') else 'en'}{_TENS[tens]}"


def ordinal(number: int, form: Form = "") -> str:
    """`eerste`, `derde`, `achtste`, `twintigste`."""
    irregular = {1: "eerste", 3: "derde", 8: "achtste"}
    if number in irregular:
        return irregular[number]
    words = cardinal(number)
    last = number % 100
    if last in (1, 3) and number > 100:
        return words.removesuffix(_ONES[last]) + irregular[last]
    return f"{words}de" if 1 < last < 20 and last != 8 else f"{words}ste"


def year(number: int) -> str:
    """`negentienhonderdvierentachtig`; from 2000 on as a number."""
    if not 1100 <= number < 2000:
        return cardinal(number)
    century, rest = divmod(number, 100)
    return f"{_ONES[century]}honderd{_below_thousand(rest) if rest else ''}"


def date(date: Date) -> str:
    """`vijf maart tweeduizend vierentwintig`."""
    spoken = f"{cardinal(date.day)} {MONTHS[date.month - 1]}"
    return spoken if date.year is None else f"{spoken} {year(date.year)}"


def time(time: Time) -> str:
    """`vijftien uur dertig`."""
    spoken = f"{cardinal(time.hour)} uur"
    if time.minute:
        spoken += f" {cardinal(time.minute)}"
    if time.second is not None:
        seconds = "seconde" if time.second == 1 else "seconden"
        spoken += f" en {cardinal(time.second)} {seconds}"
    return spoken


def fraction(numerator: int, denominator: int) -> str | None:
    """`drie kwart`, `twee derde`, `een half`."""
    if not 0 < numerator < denominator or (denominator > 20 and denominator not in (100, 1000)):
        return None
    names = {2: "half", 4: "kwart"}
    start = "een" if numerator == 1 else cardinal(numerator)
    return f"{start} {names.get(denominator) or ordinal(denominator)}"


def _ordinal_form(found: re.Match[str]) -> Form:
    return ""


def _century(found: re.Match[str]) -> str | None:
    value = roman_value(found["r"])
    return ordinal(value) if value else None


def _decade(found: re.Match[str]) -> str:
    return f"jaren {cardinal(int(found['n']))}"


_UNITS = nouns("""
    % | procent
    ‰ | promille
    °C ℃ | graad Celsius | graden Celsius
    °F ℉ | graad Fahrenheit | graden Fahrenheit
    ° | graad | graden
    km | kilometer
    m | meter
    cm | centimeter
    mm | millimeter
    µm μm | micrometer
    nm | nanometer
    km² | vierkante kilometer
    m² | vierkante meter
    m³ | kubieke meter
    ha | hectare
    l L | liter
    cl | centiliter
    ml | milliliter
    t | ton
    kg | kilogram
    g | gram
    mg | milligram
    km/h km/u | kilometer per uur
    m/s | meter per seconde
    u h | uur
    min | minuut | minuten
    s sec | seconde | seconden
    ms | milliseconde | milliseconden
    Hz | hertz
    kHz | kilohertz
    MHz | megahertz
    GHz | gigahertz
    kB KB | kilobyte
    MB | megabyte
    GB | gigabyte
    TB | terabyte
    Mbps Mbit/s | megabit per seconde
    W | watt
    kW | kilowatt
    MW | megawatt
    kWh | kilowattuur
    V | volt
    mA | milliampère
    mAh | milliampère-uur
    dB | decibel
    hPa | hectopascal
    pk | paardenkracht
    px | pixel | pixels
    mln. mln | miljoen
    mld. mld | miljard
""")
_CURRENCIES = currencies("""
    € EUR | euro | euro | m | cent | cent | m
    $ USD US$ | dollar | dollar | m | cent | cent | m
    £ GBP | pond | pond | m | penny | pence | m
    CHF | frank | frank | m | rappen | rappen | m
    ¥ JPY | yen | yen | m
    ₹ INR | roepie | roepies | m
""")
_ABBREVIATIONS = pairs("""
    dhr. = de heer
    dhr = de heer
    mevr. = mevrouw
    mw. = mevrouw
    mr. = meester
    dr. = doctor
    drs. = doctorandus
    prof. = professor
    ir. = ingenieur
    ing. = ingenieur
    bijv. = bijvoorbeeld
    bv. = bijvoorbeeld
    b.v. = bijvoorbeeld
    d.w.z. = dat wil zeggen
    o.a. = onder andere
    m.a.w. = met andere woorden
    t.o.v. = ten opzichte van
    i.v.m. = in verband met
    m.b.t. = met betrekking tot
    a.u.b. = alstublieft
    s.v.p. = alstublieft
    enz. = enzovoort
    etc. = et cetera
    ca. = circa
    vgl. = vergelijk
    incl. = inclusief
    excl. = exclusief
    max. = maximaal
    min. = minimaal
    gem. = gemiddeld
    tel. = telefoon
    v.Chr. = voor Christus
    n.Chr. = na Christus
    v. Chr. = voor Christus
    n. Chr. = na Christus
    St. = Sint
    jan. = januari
    feb. = februari
    mrt. = maart
    apr. = april
    aug. = augustus
    sept. = september
    okt. = oktober
    nov. = november
    dec. = december
""")
_BEFORE_NUMBER = pairs("""
    nr. = nummer
    nrs. = nummers
    № = nummer
    no. = nummer
    p. = pagina
    blz. = bladzijde
    pag. = pagina
    art. = artikel
    hfst. = hoofdstuk
    afb. = afbeelding
    § = paragraaf
""")

LANGUAGE = Language(
    code="nl",
    cardinal=cardinal,
    ordinal=ordinal,
    year=year,
    date=date,
    time=time,
    fraction=fraction,
    decimal_mark=",",
    group_marks=". ",
    words=Words(
        point="komma",
        minus="min",
        to="tot",
        over="gedeeld door",
        per="per",
        and_="en",
        plus="plus",
        equals="is",
        times="keer",
        at="apenstaartje",
        dot="punt",
        slash="schuine streep",
        dash="streepje",
        underscore="liggend streepje",
        hash="nummer",
        half="{n} en een half",
        divided="gedeeld door",
        ratio="bij",
    ),
    months=MONTHS,
    fold=Noun("keer", "keer"),
    number_plural=lambda words: f"{words}ën" if words.endswith(("ie", "ee")) else f"{words}s",
    ordinals=(r"(?<![\w.,])(?P<n>\d{1,6})(?:e|ste|de)\b",),
    ordinal_form=_ordinal_form,
    times=(
        r"(?<![\w:.,])(?P<h>\d{1,2})[:.](?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?\s?(?:uur|u|h)\b",
        r"(?<![\w:.,])(?P<h>\d{1,2})u(?P<m>[0-5]\d)\b",
        r"(?<![\w:.,])(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?![\w:])",
    ),
    dates=(r"(?<![\w.,])(?P<d>[12]?\d|3[01])\sMONTH\b(?:\s(?P<y>\d{4})(?!\w))?",),
    units=_UNITS,
    currencies=_CURRENCIES,
    abbreviations=_ABBREVIATIONS,
    cents=" {n}",
    few_cents=" en {n} {unit}",
    scales={
        **dict.fromkeys(("miljoen", "mln.", "mln"), Noun("miljoen", "miljoen")),
        **dict.fromkeys(("miljard", "mld.", "mld"), Noun("miljard", "miljard")),
    },
    before_number=_BEFORE_NUMBER,
    no_break=word_set("mln. mld."),
    may_end=word_set("enz. etc. a.u.b. s.v.p. chr."),
    starters=word_set(
        "het een hij zij ze ik wij we jij dit dat deze maar en dan toen daarna wat wanneer waar"
    ),
    spelled=word_set("CO EU USA AI FBI CIA AOW OV ANWB"),
    regnal=word_set(
        "willem lodewijk hendrik karel filips frederik george eduard elizabeth jan johannes "
        "paulus pius benedictus gregorius leo napoleon peter nicolaas alexander catharina "
        "clemens leopold albert boudewijn"
    ),
    regnal_word=lambda number: f"de {ordinal(number).capitalize()}",
    numbered=word_set("hoofdstuk deel akte scène artikel bijlage type fase klasse niveau"),
    rules=(
        Rule(r"(?<!\w)(?P<r>[IVX]{2,6})e(?=\seeuw)", _century),
        Rule(r"\b24/7\b", lambda found: "vierentwintig zeven"),
        Rule(r"\bjaren\s'(?P<n>\d0)\b", _decade),
    ),
)
