"""German, as spoken in Germany."""

from __future__ import annotations

import re

from edge_voice.text.de_words import MONTHS, cardinal, ordinal, year
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
    word_set,
)
from edge_voice.text.names import roman_value

_EN = word_set(
    "am dem den des vom zum zur beim im ab seit bis der nach vor unserem meinem deinem seinem "
    "ihrem einem diesem jenem jedem unseren meinen diesen jeden keinen"
)
_E = word_set("der die das diese dieser jene jede eine meine seine ihre unsere")


def _ending(before: str) -> Form:
    """Of an ordinal behind a word: am dritten, der dritte, ein dritter."""
    if before in _E:
        return "e"
    if before in _EN:
        return "en"
    return "er" if before in ("ein", "kein", "mein", "sein", "ihr", "unser") else ""


def date(date: Date) -> str:
    """`dritter März`, behind `am`: `dritten März`; the year as one."""
    spoken = f"{ordinal(date.day, _ending(date.before) or 'er')} {MONTHS[date.month - 1]}"
    return spoken if date.year is None else f"{spoken} {year(date.year)}"


def time(time: Time) -> str:
    """`fünfzehn Uhr dreißig`."""
    spoken = f"{cardinal(time.hour, 'm')} Uhr"
    if time.minute:
        spoken += f" {cardinal(time.minute)}"
    if time.second is not None:
        seconds = "Sekunde" if time.second == 1 else "Sekunden"
        spoken += f" und {cardinal(time.second, 'f')} {seconds}"
    return spoken


def fraction(numerator: int, denominator: int) -> str | None:
    """`drei Viertel`, `einhalb`."""
    if not 0 < numerator < denominator or (denominator > 20 and denominator not in (100, 1000)):
        return None
    if denominator == 2:
        return "einhalb"
    name = ordinal(denominator, "el")
    return f"{cardinal(numerator, 'm')} {name[:1].upper()}{name[1:]}"


_FEMININE = word_set(
    "Stunde Minute Sekunde Woche Tonne Frau Seite Person Katze Tür Stadt Straße Nacht Flasche "
    "Tasse Million Milliarde Art Uhr Mark Meile Portion Runde Stimme Zeile Stufe Etage Klasse "
    "Gruppe Familie Schule Idee Frage Sache Reise Karte Liste Hand Mutter Tochter Schwester "
    "Freundin Maus Bank"
)
_FEMININE_ENDS = re.compile(r"(?:ung|heit|keit|schaft|ion|tät|ik|ei|anz|enz|ur)$")
_NOT_FEMININE = word_set("Ei Abitur Stadion Spion Champion Mosaik")


def form_before(word: str) -> Form:
    """A noun has a capital; anything else leaves the number alone."""
    if not word[:1].isupper():
        return ""
    if word in _FEMININE or (_FEMININE_ENDS.search(word) and word not in _NOT_FEMININE):
        return "f"
    return "m"


def _ordinal_form(found: re.Match[str]) -> Form:
    return _ending((found.groupdict().get("before") or "").strip().lower()) or "e"


_REGNAL_CASES = {"s": "des", "des": "des", "von": "dem", "unter": "dem", "mit": "dem"}


def _regnal(found: re.Match[str]) -> str | None:
    """`Ludwig der Vierzehnte`, `Ludwigs des Vierzehnten`, `unter Karl dem Fünften`."""
    value = roman_value(found["r"])
    if value is None:
        return None
    before = found["before"] or ""
    article = _REGNAL_CASES.get(found["s"] or before.strip().lower(), "der")
    word = ordinal(value, "e" if article == "der" else "en")
    return f"{before}{found['name']}{found['s']} {article} {word[:1].upper()}{word[1:]}"


def _short_date(found: re.Match[str]) -> str | None:
    """`am 1.5.`"""
    day, month = int(found["d"]), int(found["m"])
    if not (0 < day <= 31 and 0 < month <= 12):
        return None
    before = found["before"] or ""
    return before + date(Date(day, month, None, before.strip().lower()))


def _following(found: re.Match[str]) -> str:
    return f"{found['page']} {'folgende' if found['end'] == 'f' else 'fortfolgende'}"


def _half_of(found: re.Match[str]) -> str | None:
    """`eine halbe Stunde`; other genders depend on the case, which nothing here tells."""
    return f"eine halbe {found['noun']}" if form_before(found["noun"]) == "f" else None


_REGNAL = (
    "Ludwig|Heinrich|Karl|Friedrich|Wilhelm|Otto|Georg|Eduard|Elisabeth|Katharina|Peter|Paul|"
    "Johannes|Pius|Benedikt|Gregor|Leo|Philipp|Franz|Ferdinand|Napoleon|Leopold|Maximilian|Josef|"
    "Joseph|Nikolaus|Alexander|Konrad|Rudolf|August|Richard|Jakob|Clemens|Innozenz"
)
_RULES = (
    Rule(
        rf"(?P<before>\b(?:des|von|unter|mit)\s)?\b(?P<name>{_REGNAL})(?P<s>s?)\s(?P<r>[IVX]{{1,6}})\b\.?",
        _regnal,
    ),
    Rule(
        r"(?P<before>\b[A-Za-z]{2,5}\s)?(?<![\w.,])(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.(?!\s?\d)",
        _short_date,
    ),
    Rule(r"(?P<page>(?:S\.|§|Art\.)\s?\d{1,4})\s?(?P<end>ff?)\b\.?", _following),
    Rule(r"(?<![\w.,/])(?<!\d\s)(?:1/2|½)\s(?P<noun>[A-ZÄÖÜ]\w{2,20})", _half_of),
    Rule(r"\b24/7\b", lambda found: "vierundzwanzig sieben"),
    Rule(r"(?<=\d)\s?-?%ig", lambda found: "prozentig"),
    Rule(r"(?<=[a-zäöü])str\.", lambda found: "straße"),
    Rule(r"(?<!\w)(?P<n>\d{4})er(?!\w)", lambda found: f"{year(int(found['n']))}er"),
    Rule(r"(?<!\w)'?(?P<n>\d{1,3})er(?!\w)", lambda found: f"{cardinal(int(found['n']))}er"),
    Rule(
        r"(?<!\w)(?P<n>\d{1,3})-?(?=jährig|fach\b|malig|stündig|minütig|tägig|köpfig|teilig|prozentig)",
        lambda found: cardinal(int(found["n"]), "m"),
    ),
)

_UNITS = nouns("""
    % | Prozent
    °C ℃ | Grad Celsius
    °F ℉ | Grad Fahrenheit
    ° | Grad
    km | Kilometer
    m | Meter
    cm | Zentimeter
    mm | Millimeter
    km² qkm | Quadratkilometer
    m² qm | Quadratmeter
    m³ cbm | Kubikmeter
    ha | Hektar
    l L | Liter
    ml | Milliliter
    t | Tonne | Tonnen | f
    kg | Kilogramm
    g | Gramm
    mg | Milligramm
    km/h | Kilometer pro Stunde
    m/s | Meter pro Sekunde
    h Std. | Stunde | Stunden | f
    min Min. | Minute | Minuten | f
    s Sek. | Sekunde | Sekunden | f
    Hz | Hertz
    kHz | Kilohertz
    MHz | Megahertz
    GHz | Gigahertz
    kB KB | Kilobyte
    MB | Megabyte
    GB | Gigabyte
    TB | Terabyte
    Mbit/s | Megabit pro Sekunde
    W | Watt
    kW | Kilowatt
    MW | Megawatt
    kWh | Kilowattstunde | Kilowattstunden | f
    V | Volt
    mA | Milliampere
    mAh | Milliamperestunde | Milliamperestunden | f
    dB | Dezibel
    PS | P S
    Mio. | Million | Millionen | f
    Mrd. | Milliarde | Milliarden | f
    Tsd. | Tausend | Tausend
    Uhr | Uhr
""")
_CURRENCIES = currencies("""
    € EUR | Euro | Euro | m | Cent | Cent | m
    $ USD US$ | Dollar | Dollar | m | Cent | Cent | m
    £ GBP | Pfund | Pfund | m | Penny | Pence | m
    CHF Fr. | Franken | Franken | m | Rappen | Rappen | m
    ¥ JPY | Yen | Yen | m
    DM | Mark | Mark | f | Pfennig | Pfennig | m
    ct | Cent | Cent | m
""")
_ABBREVIATIONS = pairs("""
    z. B. = zum Beispiel
    z.B. = zum Beispiel
    d. h. = das heißt
    d.h. = das heißt
    u. a. = unter anderem
    u.a. = unter anderem
    usw. = und so weiter
    etc. = et cetera
    bzw. = beziehungsweise
    ca. = circa
    vgl. = vergleiche
    evtl. = eventuell
    ggf. = gegebenenfalls
    inkl. = inklusive
    i. d. R. = in der Regel
    i.d.R. = in der Regel
    o. Ä. = oder Ähnliches
    s. o. = siehe oben
    u. U. = unter Umständen
    v. a. = vor allem
    v.a. = vor allem
    v. Chr. = vor Christus
    n. Chr. = nach Christus
    sog. = sogenannte
    zzgl. = zuzüglich
    MwSt. = Mehrwertsteuer
    MwSt = Mehrwertsteuer
    Co. = Co
    max. = maximal
    mind. = mindestens
    Mio. = Millionen
    Mrd. = Milliarden
    min. = minimal
    Dr. = Doktor
    Prof. = Professor
    Hr. = Herr
    Fr. = Frau
    St. = Sankt
    Str. = Straße
    str. = straße
    Tel. = Telefon
    geb. = geboren
    Jh. = Jahrhundert
    Jan. = Januar
    Feb. = Februar
    Apr. = April
    Aug. = August
    Sept. = September
    Okt. = Oktober
    Nov. = November
    Dez. = Dezember
""")
_BEFORE_NUMBER = pairs("""
    Nr. = Nummer
    S. = Seite
    Art. = Artikel
    Abs. = Absatz
    Kap. = Kapitel
    Bd. = Band
    Abb. = Abbildung
    § = Paragraf
""")
_BEFORE_ORDINAL = (
    "am|der|die|das|den|dem|des|im|vom|zum|zur|beim|seit|bis|ab|ein|eine|einem|einen|einer|kein|"
    "mein|meinem|meinen|sein|seinem|seinen|ihr|ihrem|ihren|unser|unserem|unseren|diesem|diesen|"
    "jeden|jedem|jede|und|oder"
)
_AFTER_ORDINAL = (
    "Jahrhunderts?|Jh\\.|Mal|Platz|Stock|Etage|Weltkriegs?|Geburtstag|Klasse|Kapitel|Liga|Tag|"
    "Runde|Lebensjahr|Reihe|Akt|Teil|Stunde|Minute|Spieltag|" + "|".join(MONTHS)
)

LANGUAGE = Language(
    code="de",
    cardinal=cardinal,
    ordinal=ordinal,
    year=year,
    date=date,
    time=time,
    fraction=fraction,
    decimal_mark=",",
    group_marks=". ",
    words=Words(
        point="Komma",
        minus="minus",
        to="bis",
        over="durch",
        per="pro",
        and_="und",
        plus="plus",
        equals="gleich",
        times="mal",
        at="at",
        dot="Punkt",
        slash="Schrägstrich",
        dash="Bindestrich",
        underscore="Unterstrich",
        hash="Nummer",
        half="{n}einhalb",
        divided="geteilt durch",
        ratio="zu",
    ),
    months=MONTHS,
    fold=Noun("mal", "mal"),
    number_plural=lambda words: f"{words}s",
    ordinals=(
        rf"(?<![\w.,])(?P<before>(?i:{_BEFORE_ORDINAL})\s)(?P<n>\d{{1,3}})\.(?=\s[^\W\d_])",
        rf"(?<![\w.,])(?P<n>\d{{1,3}})\.(?=\s(?:[a-zäöü]|(?:{_AFTER_ORDINAL})\b))",
    ),
    ordinal_form=_ordinal_form,
    times=(
        r"(?<![\w:.,])(?P<h>\d{1,2})[:.](?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?\s?(?:Uhr|h)\b",
        r"(?<![\w:.,])(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?![\w:])",
    ),
    dates=(r"(?<![\w.,])(?P<d>[12]?\d|3[01])\.\s?MONTH\b(?:\s(?P<y>\d{4})(?!\w))?",),
    units=_UNITS,
    currencies=_CURRENCIES,
    abbreviations=_ABBREVIATIONS,
    cents=" {n}",
    few_cents=" und {n} {unit}",
    digits_after_point=True,
    scales={
        **dict.fromkeys(("Million", "Millionen", "Mio.", "Mio"), Noun("Million", "Millionen", "f")),
        **dict.fromkeys(
            ("Milliarde", "Milliarden", "Mrd.", "Mrd"), Noun("Milliarde", "Milliarden", "f")
        ),
    },
    before_number=_BEFORE_NUMBER,
    no_break=word_set("mio. mrd. tsd. std. min. sek. *str."),
    roman_ordinals=frozenset(_REGNAL.split("|")),
    may_end=word_set("etc. usw. jh. chr. mwst."),
    starters=word_set(
        "ein eine "
        "er sie es wir ihr ich du dann aber und doch dies das der die was wann wo warum wie "
        "siehe danach dort hier heute morgen gestern jetzt nun auch wenn weil dabei daher darum "
        "deshalb denn nicht noch man alle viele diese dieser dieses bitte zuerst bis nach"
    ),
    spelled=word_set("CO USA EU ARD IT KI UKW AG OECD FDP EZB ICE IBM"),
    numbered=word_set("kapitel teil band akt szene abschnitt artikel stufe typ phase klasse"),
    form_before=form_before,
    rules=_RULES,
)
