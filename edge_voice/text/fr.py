"""French, as spoken in France."""

from __future__ import annotations

import re
from functools import partial

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
from edge_voice.text.numbers import by_thousands

_ONES = word_list(
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze "
    "seize dix-sept dix-huit dix-neuf"
)
_TENS = word_list("_ _ vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt")
_SCALES = ((10**12, "billion"), (10**9, "milliard"), (10**6, "million"))
MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
    "octobre", "novembre", "décembre",
)  # fmt: skip


def cardinal(number: int, form: Form = "") -> str:
    """0 to 10**15 - 1; `f` changes a last `un` to `une`."""
    parts = by_thousands(
        number,
        lambda part, form: _below_thousand(part, form, is_last=True),
        lambda count: "mille" if count == 1 else f"{_below_thousand(count, '', False)} mille",
        [(size, partial(_scaled, name)) for size, name in _SCALES],
        form,
    )
    return " ".join(parts) or "zéro"


def _scaled(name: str, count: int) -> str:
    return f"{_below_thousand(count, '', True)} {name}{'s' if count > 1 else ''}"


def _below_thousand(number: int, form: Form, is_last: bool) -> str:
    """`quatre-vingts` and `deux cents` lose their s in front of another number, mille included."""
    hundreds, rest = divmod(number, 100)
    words = []
    if hundreds:
        plural = "s" if hundreds > 1 and not rest and is_last else ""
        words.append(f"{_ONES[hundreds]} cent{plural}" if hundreds > 1 else "cent")
    if rest:
        words.append(_below_hundred(rest, form, is_last))
    return " ".join(words)


def _below_hundred(number: int, form: Form, is_last: bool) -> str:
    one = "une" if form == "f" else "un"
    if number < 20:
        return one if number == 1 else _ONES[number]
    tens, ones = divmod(number, 10)
    if tens in (7, 9):
        ones += 10
    name = _TENS[tens]
    if number == 80:
        return "quatre-vingts" if is_last else name
    if not ones:
        return name
    if ones in (1, 11) and tens < 8:
        return f"{name} et {one if ones == 1 else 'onze'}"
    return f"{name}-{one if ones == 1 else _ONES[ones]}"


def ordinal(number: int, form: Form = "") -> str:
    """`premier`, `deuxième`, `vingt et unième`."""
    if number == 1:
        return "première" if form == "f" else "premier"
    words = cardinal(number)
    if words.endswith(("cents", "vingts", "millions", "milliards")):
        words = words[:-1]
    if words.endswith("neuf"):
        return f"{words[:-1]}vième"
    if words.endswith("cinq"):
        return f"{words}uième"
    return f"{words.removesuffix('e')}ième"


def date(date: Date) -> str:
    """`premier mars deux mille vingt-quatre`."""
    day = "premier" if date.day == 1 else cardinal(date.day)
    spoken = f"{day} {MONTHS[date.month - 1]}"
    return spoken if date.year is None else f"{spoken} {cardinal(date.year)}"


def time(time: Time) -> str:
    """`quinze heures trente`."""
    spoken = f"{cardinal(time.hour, 'f')} heure{'s' if time.hour > 1 else ''}"
    if time.minute:
        spoken += f" {cardinal(time.minute, 'f')}"
    if time.second is not None:
        minutes = "" if not time.minute else f" minute{'s' if time.minute > 1 else ''}"
        plural = "s" if time.second > 1 else ""
        spoken += f"{minutes} et {cardinal(time.second, 'f')} seconde{plural}"
    return spoken


def fraction(numerator: int, denominator: int) -> str | None:
    """`trois quarts`."""
    if not 0 < numerator < denominator or (denominator > 20 and denominator not in (100, 1000)):
        return None
    names = {2: "demi", 3: "tiers", 4: "quart"}
    name = names.get(denominator) or ordinal(denominator)
    plural = "s" if numerator > 1 and not name.endswith("s") else ""
    return f"{cardinal(numerator)} {name}{plural}"


_FEMININE = word_set(
    "fois heure heures minute minutes seconde secondes semaine semaines année années page pages "
    "personne personnes place places livre livres tonne tonnes femme femmes fille filles maison "
    "maisons voiture voitures chose choses chambre chambres porte portes table tables ville "
    "villes pièce pièces journée journées carte cartes tasse tasses bouteille bouteilles pomme "
    "pommes ligne lignes sœur sœurs mère mères équipe équipes victoire victoires voix demi-heure"
)
_FEMININE_ENDS = re.compile(
    r"(?:tion|sion|aison|té|ette|ance|ence|ure|ée|ière|euse|trice|esse|ille|enne|elle)s?$"
)
_NOT_FEMININE = word_set("été musée lycée comité côté traité squelette mille")


def form_before(word: str) -> Form:
    """By a list of common nouns, then by endings."""
    if word in _FEMININE or (_FEMININE_ENDS.search(word) and word.rstrip("s") not in _NOT_FEMININE):
        return "f"
    return "m"


def _ordinal_form(found: re.Match[str]) -> Form:
    return "f" if found["end"] in ("re", "ère", "nde") else "m"


def _century(found: re.Match[str]) -> str | None:
    value = roman_value(found["r"].upper())
    return ordinal(value) if value else None


_UNITS = nouns("""
    % | pour cent
    ‰ | pour mille
    °C ℃ | degré Celsius | degrés Celsius
    °F ℉ | degré Fahrenheit | degrés Fahrenheit
    ° | degré | degrés
    km | kilomètre | kilomètres
    m | mètre | mètres
    cm | centimètre | centimètres
    mm | millimètre | millimètres
    µm μm | micromètre | micromètres
    nm | nanomètre | nanomètres
    km² | kilomètre carré | kilomètres carrés
    m² | mètre carré | mètres carrés
    m³ | mètre cube | mètres cubes
    ha | hectare | hectares
    l L | litre | litres
    cl cL | centilitre | centilitres
    ml mL | millilitre | millilitres
    t | tonne | tonnes | f
    kg | kilogramme | kilogrammes
    g | gramme | grammes
    mg | milligramme | milligrammes
    km/h | kilomètre-heure | kilomètres-heure
    h | heure | heures | f
    m/s | mètre par seconde | mètres par seconde
    min mn | minute | minutes | f
    s | seconde | secondes | f
    ms | milliseconde | millisecondes | f
    Hz | hertz
    kHz | kilohertz
    MHz | mégahertz
    GHz | gigahertz
    ko Ko kB | kilooctet | kilooctets
    Mo MB | mégaoctet | mégaoctets
    Go GB | gigaoctet | gigaoctets
    To TB | téraoctet | téraoctets
    Mbit/s Mb/s | mégabit par seconde | mégabits par seconde
    W | watt | watts
    kW | kilowatt | kilowatts
    MW | mégawatt | mégawatts
    kWh | kilowattheure | kilowattheures
    V | volt | volts
    mA | milliampère | milliampères
    mAh | milliampère-heure | milliampères-heure
    dB | décibel | décibels
    hPa | hectopascal | hectopascals
    px | pixel | pixels
""")
_CURRENCIES = currencies("""
    € EUR | euro | euros | m | centime | centimes | m
    $ USD US$ | dollar | dollars | m | cent | cents | m
    £ GBP | livre | livres | f | penny | pence | m
    CHF | franc suisse | francs suisses | m | centime | centimes | m
    ¥ JPY | yen | yens | m
    ₹ INR | roupie | roupies | f
    CA$ CAD | dollar canadien | dollars canadiens | m | cent | cents | m
""")
_ABBREVIATIONS = pairs("""
    M. = monsieur
    MM. = messieurs
    Mme = madame
    Mmes = mesdames
    Mlle = mademoiselle
    Me = maître
    Dr = docteur
    Dr. = docteur
    Pr = professeur
    Pr. = professeur
    St = saint
    Ste = sainte
    Cie = compagnie
    etc. = et cetera
    p. ex. = par exemple
    c.-à-d. = c'est-à-dire
    c.-à-d = c'est-à-dire
    env. = environ
    av. J.-C. = avant Jésus-Christ
    apr. J.-C. = après Jésus-Christ
    J.-C. = Jésus-Christ
    bd = boulevard
    bd. = boulevard
    av. = avenue
    tél. = téléphone
    cf. = voir
    éd. = édition
    dép. = département
    hab. = habitants
    max. = maximum
    min. = minimum
    janv. = janvier
    févr. = février
    avr. = avril
    juil. = juillet
    sept. = septembre
    oct. = octobre
    nov. = novembre
    déc. = décembre
""")
_BEFORE_NUMBER = pairs("""
    n° = numéro
    N° = numéro
    № = numéro
    no = numéro
    p. = page
    pp. = pages
    art. = article
    vol. = volume
    chap. = chapitre
    fig. = figure
    § = paragraphe
""")

_HALVES = {
    **dict.fromkeys(("heure", "journée", "douzaine", "bouteille", "livre", "page"), "une demi-"),
    **dict.fromkeys(("litre", "kilo", "mètre", "siècle", "verre", "tour", "million"), "un demi-"),
}


def _half_of(found: re.Match[str]) -> str | None:
    noun = found["noun"]
    return f"{_HALVES[noun]}{noun}" if noun in _HALVES else None


LANGUAGE = Language(
    code="fr",
    cardinal=cardinal,
    ordinal=ordinal,
    year=cardinal,
    date=date,
    time=time,
    fraction=fraction,
    decimal_mark=",",
    group_marks=" .",
    words=Words(
        point="virgule",
        minus="moins",
        to="à",
        over="sur",
        per="par",
        and_="et",
        plus="plus",
        equals="égale",
        times="fois",
        at="arobase",
        dot="point",
        slash="barre oblique",
        dash="tiret",
        underscore="tiret bas",
        hash="numéro",
        half="{n} et demi",
        divided="divisé par",
    ),
    months=MONTHS,
    fold=Noun("fois", "fois", "f"),
    ordinals=(r"(?<![\w.,])(?P<n>\d{1,9})(?P<end>ers?|re|ère|nde?|es?|ème|eme|ième)s?\b",),
    ordinal_form=_ordinal_form,
    times=(
        r"(?<![\w:,.])(?P<h>\d{1,2})\s?h(?:\s?(?P<m>[0-5]\d)(?:\s?m(?:i?n)?)?)?(?!\w)",
        r"(?<![\w:,.])(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?:\s?h(?:eures)?\b)?(?![\w:])",
    ),
    dates=(r"(?<![\w.,])(?P<d>[12]?\d|3[01])(?:er)?\sMONTH\b(?:\s(?P<y>\d{4})(?!\w))?",),
    units=_UNITS,
    currencies=_CURRENCIES,
    abbreviations=_ABBREVIATIONS,
    cents=" {n}",
    few_cents=" et {n} {unit}",
    one_below_two=True,
    million_of="de|d'",
    scales={
        **dict.fromkeys(("million", "millions", "M"), Noun("million", "millions")),
        **dict.fromkeys(
            ("milliard", "milliards", "Md", "Mds", "Mrd"), Noun("milliard", "milliards")
        ),
    },
    before_number=_BEFORE_NUMBER,
    may_end=word_set("etc. hab. j.-c."),
    starters=word_set(
        "le la les un une il elle ils elles je tu nous vous on ce c'est cela ces cette mais et "
        "puis ensuite quand que"
    ),
    spelled=word_set("CO UE USA IA RATP EDF URSS CIA FBI OMC ADN ARN IRM"),
    regnal=word_set(
        "louis henri charles philippe françois napoléon georges édouard guillaume jacques paul "
        "jean pie benoît grégoire léon élisabeth catherine pierre nicolas alexandre frédéric "
        "ferdinand clément innocent"
    ),
    regnal_word=lambda number: "premier" if number == 1 else cardinal(number),
    numbered=word_set(
        "chapitre partie tome volume livre acte scène section article annexe guerre type phase "
        "niveau titre"
    ),
    form_before=form_before,
    phone_pairs=True,
    after=(Rule(r"\b(?P<start>[Dd]|[Qq]u|[Jj]usqu)e\s(?=une?\b)", lambda f: f"{f['start']}'"),),
    rules=(
        Rule(r"(?<![\w.,/])(?<!\d\s)(?:1/2|½)\s(?P<noun>[a-zéè]{3,20})\b", _half_of),
        Rule(r"\b24\s?h\s?/\s?24\b", lambda found: "vingt-quatre heures sur vingt-quatre"),
        Rule(r"\b7\s?j\s?/\s?7\b", lambda found: "sept jours sur sept"),
        Rule(r"(?<=[a-zç]\s)I(?:er|ᵉʳ)\b", lambda found: "premier"),
        Rule(r"(?<!\w)(?P<r>[IVX]{1,5}|[ivx]{1,5})(?:e|ème|er)(?=\ssiècle)", _century),
    ),
)
