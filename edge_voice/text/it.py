"""Italian."""

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
    "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici "
    "quindici sedici diciassette diciotto diciannove"
)
_TENS = word_list("_ _ venti trenta quaranta cinquanta sessanta settanta ottanta novanta")
_SCALES = (
    (10**12, "bilione", "bilioni"),
    (10**9, "miliardo", "miliardi"),
    (10**6, "milione", "milioni"),
)
_ORDINALS = word_list("_ primo secondo terzo quarto quinto sesto settimo ottavo nono decimo")
MONTHS = (
    "gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto",
    "settembre", "ottobre", "novembre", "dicembre",
)  # fmt: skip


def cardinal(number: int, form: Form = "") -> str:
    """0 to 10**15 - 1; below a million one word. A single 1: `un`, `una`, `uno` as the form."""
    if number == 0:
        return "zero"
    if number == 1:
        return {"m": "un", "f": "una"}.get(form, "uno")
    parts = []
    for size, one, many in _SCALES:
        count, number = divmod(number, size)
        if count:
            parts.append(f"un {one}" if count == 1 else f"{cardinal(count)} {many}")
    if number:
        parts.append(_below_million(number))
    return " ".join(parts)


def _below_million(number: int) -> str:
    thousands, rest = divmod(number, 1000)
    word = ""
    if thousands:
        word = "mille" if thousands == 1 else f"{_below_thousand(thousands)}mila"
    word += _below_thousand(rest)
    # A last tre carries an accent in longer words.
    return f"{word[:-1]}é" if word.endswith("tre") and word != "tre" else word


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    word = ("" if hundreds == 1 else _ONES[hundreds]) + "cento" if hundreds else ""
    if rest < 20:
        return word + (_ONES[rest] if rest else "")
    tens, ones = divmod(rest, 10)
    name = _TENS[tens][:-1] if ones in (1, 8) else _TENS[tens]
    return word + name + (_ONES[ones] if ones else "")


def ordinal(number: int, form: Form = "m") -> str:
    """`primo`, `ventitreesimo`; `f` ends in a."""
    if number <= 10:
        words = _ORDINALS[number]
    else:
        words = cardinal(number)
        if words.endswith("é"):
            words = f"{words[:-1]}e"
        elif not words.endswith("sei"):
            words = words.removesuffix("mille") + "mill" if words.endswith("mille") else words[:-1]
        words = f"{words}esimo".replace(" ", "")
    return f"{words[:-1]}a" if form == "f" else words


def date(date: Date) -> str:
    """`primo marzo duemilaventiquattro`."""
    day = "primo" if date.day == 1 else cardinal(date.day)
    spoken = f"{day} {MONTHS[date.month - 1]}"
    return spoken if date.year is None else f"{spoken} {cardinal(date.year)}"


def time(time: Time) -> str:
    """`quindici e trenta`."""
    hour = cardinal(time.hour, "f" if time.hour == 1 else "")
    spoken = f"{hour} e {cardinal(time.minute)}" if time.minute else hour
    if time.second is not None:
        seconds = "secondo" if time.second == 1 else "secondi"
        spoken += f" e {cardinal(time.second, 'm')} {seconds}"
    return f"{spoken} {_half(time)}".strip()


def _half(time: Time) -> str:
    if not time.half:
        return ""
    if time.half == "am":
        return "di mattina"
    return "del pomeriggio" if time.hour == 12 or time.hour < 6 else "di sera"


def fraction(numerator: int, denominator: int) -> str | None:
    """`tre quarti`."""
    if not 0 < numerator < denominator or (denominator > 20 and denominator not in (100, 1000)):
        return None
    name = "mezzo" if denominator == 2 else ordinal(denominator)
    return f"{cardinal(numerator, 'm')} {name if numerator == 1 else f'{name[:-1]}i'}"


_FEMININE = word_set(
    "volta ora persona pagina casa donna ragazza settimana parte notte chiave classe mano voce "
    "luce legge nave stazione"
)
_FEMININE_ENDS = re.compile(r"(?:a|zione|sione|tà|tù|trice)$")
_NOT_FEMININE = word_set(
    "problema programma sistema tema clima poema pianeta kilogramma grammo da a la alla dalla "
    "nella sulla era ma una sopra contra chilogramma cinema papa"
)
_FUNCTION_WORDS = word_set(
    "a ad al alla con contro da dal dalla del della di e è ed i il in la le lo gli ma nel nella o "
    "per più meno che si su sul tra fra sono era poi"
)
_UNO = re.compile(r"(?:s[^aeiouh]|z|gn|ps|x|y)")


def form_before(word: str) -> Form:
    """`uno` stays in front of zio, studente, gnomo."""
    if word in _FUNCTION_WORDS or word[:1].isupper():
        return ""
    if word in _FEMININE or (_FEMININE_ENDS.search(word) and word not in _NOT_FEMININE):
        return "f"
    return "" if _UNO.match(word) else "m"


def _ordinal_form(found: re.Match[str]) -> Form:
    return "f" if found["end"] in ("ª", "a") else "m"


def _century(found: re.Match[str]) -> str | None:
    value = roman_value(found["r"])
    return ordinal(value) if value else None


# 3° in front of a noun is an ordinal, elsewhere an angle or a temperature.
_DEGREE_ORDINAL = (
    r"(?<![\w.,])(?P<n>[1-9]\d?)°(?=\s(?!nord|sud|est|ovest|sotto|sopra|alle)[a-zà-ú]{4,})"
)

_UNITS = nouns("""
    % | per cento
    ‰ | per mille
    °C ℃ | grado Celsius | gradi Celsius
    °F ℉ | grado Fahrenheit | gradi Fahrenheit
    ° | grado | gradi
    km | chilometro | chilometri
    m | metro | metri
    cm | centimetro | centimetri
    mm | millimetro | millimetri
    µm μm | micrometro | micrometri
    nm | nanometro | nanometri
    km² kmq | chilometro quadrato | chilometri quadrati
    m² mq | metro quadrato | metri quadrati
    m³ mc | metro cubo | metri cubi
    ha | ettaro | ettari
    l L | litro | litri
    cl | centilitro | centilitri
    ml | millilitro | millilitri
    t | tonnellata | tonnellate | f
    q | quintale | quintali
    kg Kg | chilogrammo | chilogrammi
    hg | etto | etti
    g gr | grammo | grammi
    mg | milligrammo | milligrammi
    km/h | chilometro orario | chilometri orari
    m/s | metro al secondo | metri al secondo
    h | ora | ore | f
    min | minuto | minuti
    s sec | secondo | secondi
    ms | millisecondo | millisecondi
    Hz | hertz
    kHz | chilohertz
    MHz | megahertz
    GHz | gigahertz
    kB KB | kilobyte
    MB | megabyte
    GB | gigabyte
    TB | terabyte
    Mbps Mbit/s | megabit al secondo
    W | watt
    kW | chilowatt
    MW | megawatt
    kWh | chilowattora
    V | volt
    mA | milliampere
    mAh | milliamperora
    dB | decibel
    hPa | ettopascal
    px | pixel
""")
_CURRENCIES = currencies("""
    € EUR | euro | euro | m | centesimo | centesimi | m
    $ USD US$ | dollaro | dollari | m | centesimo | centesimi | m
    £ GBP | sterlina | sterline | f | penny | pence | m
    CHF | franco svizzero | franchi svizzeri | m | centesimo | centesimi | m
    ¥ JPY | yen | yen | m
    ₹ INR | rupia | rupie | f
""")
_ABBREVIATIONS = pairs("""
    Sig. = signor
    Sig.ra = signora
    Sig.na = signorina
    Sigg. = signori
    sig. = signor
    Dott. = dottor
    dott. = dottor
    Dott.ssa = dottoressa
    Dr. = dottor
    Prof. = professor
    prof. = professor
    Prof.ssa = professoressa
    Ing. = ingegner
    ing. = ingegner
    Avv. = avvocato
    avv. = avvocato
    Geom. = geometra
    On. = onorevole
    S. = San
    Spett. = spettabile
    ecc. = eccetera
    etc. = eccetera
    es. = esempio
    p. es. = per esempio
    p.es. = per esempio
    ca. = circa
    a.C. = avanti Cristo
    a. C. = avanti Cristo
    d.C. = dopo Cristo
    d. C. = dopo Cristo
    tel. = telefono
    cfr. = confronta
    min. = minimo
    max. = massimo
    P.zza = piazza
    C.so = corso
    V.le = viale
    S.p.A. = società per azioni
    S.r.l. = società a responsabilità limitata
    c.a. = corrente anno
    gen. = gennaio
    feb. = febbraio
    ott. = ottobre
    nov. = novembre
    dic. = dicembre
""")
_BEFORE_NUMBER = pairs("""
    n. = numero
    N. = numero
    n° = numero
    N° = numero
    nº = numero
    № = numero
    pag. = pagina
    pagg. = pagine
    p. = pagina
    pp. = pagine
    art. = articolo
    cap. = capitolo
    vol. = volume
    fig. = figura
    § = paragrafo
""")


def _half_of(found: re.Match[str]) -> str | None:
    name = {"f": "mezza", "m": "mezzo"}.get(form_before(found["noun"]))
    return f"{name} {found['noun']}" if name else None


LANGUAGE = Language(
    code="it",
    cardinal=cardinal,
    ordinal=ordinal,
    year=cardinal,
    date=date,
    time=time,
    fraction=fraction,
    decimal_mark=",",
    group_marks=". ",
    words=Words(
        point="virgola",
        minus="meno",
        to="a",
        over="su",
        per="al",
        and_="e",
        plus="più",
        equals="uguale",
        times="per",
        at="chiocciola",
        dot="punto",
        slash="barra",
        dash="trattino",
        underscore="trattino basso",
        hash="numero",
        half="{n} e mezzo",
        divided="diviso",
    ),
    months=MONTHS,
    fold=Noun("volta", "volte", "f"),
    ordinals=(r"(?<![\w.,])(?P<n>\d{1,6})\.?(?P<end>[ºª])",),
    ordinal_form=_ordinal_form,
    times=(
        r"(?<![\w:.,])(?<=\b[oO]re\s)(?P<h>\d{1,2})[:.,](?P<m>[0-5]\d)(?![\w:])",
        r"(?<![\w:.,])(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?:\s?h\b)?(?![\w:])",
        r"(?<![\w:.,])(?P<h>\d{1,2}):(?P<m>[0-5]\d)\s(?P<half>[ap]\.?m\b\.?)",
    ),
    dates=(r"(?<![\w.,])(?P<d>[12]?\d|3[01])[º°]?\sMONTH\b(?:\s(?P<y>\d{4})(?!\w))?",),
    units=_UNITS,
    currencies=_CURRENCIES,
    abbreviations=_ABBREVIATIONS,
    cents=" e {n}",
    few_cents=" e {n} {unit}",
    million_of="di",
    scales={
        "mila": Noun("mila", "mila"),
        **dict.fromkeys(("milione", "milioni", "mln", "M"), Noun("milione", "milioni")),
        **dict.fromkeys(("miliardo", "miliardi", "mld"), Noun("miliardo", "miliardi")),
    },
    before_number=_BEFORE_NUMBER,
    may_end=word_set("ecc. etc. s.p.a. s.r.l. c."),
    starters=word_set(
        "egli lui lei loro io noi voi questo questa ma e poi allora quando che il i gli un una"
    ),
    spelled=word_set("CO UE USA IA CIA FBI"),
    regnal=word_set(
        "luigi enrico carlo federico guglielmo ottone giorgio edoardo elisabetta vittorio umberto "
        "emanuele paolo giovanni pio benedetto gregorio leone filippo ferdinando napoleone "
        "caterina pietro nicola alessandro clemente innocenzo bonifacio francesco"
    ),
    regnal_word=ordinal,
    numbered=word_set(
        "capitolo parte tomo volume libro atto scena sezione articolo allegato tipo fase livello "
        "titolo"
    ),
    form_before=form_before,
    rules=(
        Rule(r"(?<![\w.,/])(?<!\d\s)(?:1/2|½)\s(?P<noun>[^\W\d_]{2,20})", _half_of),
        Rule(r"(?<!\w)'(?P<n>[1-9]00)\b", lambda found: cardinal(int(found["n"])).capitalize()),
        Rule(_DEGREE_ORDINAL, lambda found: ordinal(int(found["n"]))),
        Rule(r"\b(?P<r>[IVX]{1,6})(?=\ssecol[oi]\b)", _century),
        Rule(r"(?<=\bsecolo\s)(?P<r>[IVX]{1,6})\b", _century),
    ),
    after=(Rule(r"\buna\s(?=[aeiou])", lambda found: "un'"),),
)
