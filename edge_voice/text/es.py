"""Spanish."""

from __future__ import annotations

import re

from edge_voice.text.gender import SPANISH
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
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
    "dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés "
    "veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve"
)
_TENS = word_list("_ _ _ treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_HUNDREDS = word_list(
    "_ ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos "
    "ochocientos novecientos"
)
_ORDINALS = word_list(
    "_ primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo"
)
_TEN_ORDINALS = word_list(
    "_ décimo vigésimo trigésimo cuadragésimo quincuagésimo sexagésimo septuagésimo octogésimo "
    "nonagésimo"
)
MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
    "octubre", "noviembre", "diciembre",
)  # fmt: skip


def cardinal(number: int, form: Form = "") -> str:
    """0 to 10**15 - 1; `m` shortens a last uno to un, `f` makes una and -cientas."""
    parts = by_thousands(
        number,
        _below_thousand,
        lambda count: "mil" if count == 1 else f"{_below_thousand(count, form or 'm')} mil",
        [
            (10**12, lambda count: _scaled(count, "billón", "billones")),
            (10**6, lambda count: _scaled(count, "millón", "millones")),
        ],
        form,
    )
    return " ".join(parts) or "cero"


def _scaled(count: int, one: str, many: str) -> str:
    return f"un {one}" if count == 1 else f"{cardinal(count, 'm')} {many}"


def _below_thousand(number: int, form: Form) -> str:
    hundreds, rest = divmod(number, 100)
    words = []
    if number == 100:
        return "cien"
    if hundreds:
        name = _HUNDREDS[hundreds]
        words.append(f"{name[:-2]}as" if form == "f" and hundreds > 1 else name)
    if rest >= 30:
        tens, ones = divmod(rest, 10)
        words.append(_TENS[tens] + (f" y {_one(ones, form)}" if ones else ""))
    elif rest:
        words.append(_one(rest, form))
    return " ".join(words)


def _one(number: int, form: Form) -> str:
    if number == 1:
        return {"m": "un", "f": "una"}.get(form, "uno")
    if number == 21:
        return {"m": "veintiún", "f": "veintiuna"}.get(form, "veintiuno")
    return _ONES[number]


def ordinal(number: int, form: Form = "m") -> str:
    """Up to 99, above as a cardinal; `short` is primer, tercer."""
    if number >= 100:
        return cardinal(number, "f" if form == "f" else "")
    if number <= 12:
        words = _ORDINALS[number]
    else:
        tens, ones = divmod(number, 10)
        start = _TEN_ORDINALS[tens]
        words = f"{start} {_ORDINALS[ones]}" if ones else start
        if tens == 1:
            words = f"decimo{_ORDINALS[ones]}"
    if form == "f":
        return " ".join(f"{word[:-1]}a" for word in words.split())
    return words[:-1] if form == "short" and words.endswith(("primero", "tercero")) else words


def date(date: Date) -> str:
    """`cinco de marzo de dos mil veinticuatro`."""
    day = "primero" if date.day == 1 else cardinal(date.day)
    spoken = f"{day} de {MONTHS[date.month - 1]}"
    return spoken if date.year is None else f"{spoken} de {cardinal(date.year)}"


def time(time: Time) -> str:
    """`quince treinta`, `tres y cuarto` is left to the speaker; halves of the day as said."""
    hour = cardinal(time.hour, "f")
    if time.minute:
        spoken = (
            f"{hour} {cardinal(time.minute)}"
            if time.minute > 9
            else f"{hour} y {cardinal(time.minute)}"
        )
    else:
        spoken = hour if time.half or 0 < time.hour <= 12 else f"{hour} horas"
    if time.second is not None:
        seconds = "segundo" if time.second == 1 else "segundos"
        spoken += f" y {cardinal(time.second, 'm')} {seconds}"
    return f"{spoken} {_half(time)}".strip()


def _half(time: Time) -> str:
    if not time.half:
        return ""
    if time.half == "am":
        return "de la mañana"
    return "de la tarde" if time.hour == 12 or time.hour < 8 else "de la noche"


def fraction(numerator: int, denominator: int) -> str | None:
    """`tres cuartos`."""
    if not 0 < numerator < denominator or denominator > 10:
        return None
    names = {2: "medio", 3: "tercio"}
    name = names.get(denominator) or ordinal(denominator)
    if denominator == 3 and numerator > 1:
        name = "tercio"
    return f"{cardinal(numerator, 'm')} {name}{'s' if numerator > 1 else ''}"


_FUNCTION_WORDS = word_set(
    "a al ante con contra de del desde e el en entre es está están hasta la las los más menos mil "
    "ni no o para pero por que se sin sobre son u y ya cada nada fue era como si su sus"
)


def form_before(word: str) -> Form:
    """Of a noun; words that are no nouns, and names, leave the number alone."""
    if word in _FUNCTION_WORDS or word[:1].isupper():
        return ""
    return "f" if SPANISH.is_feminine(word) else "m"


def _ordinal_form(found: re.Match[str]) -> Form:
    end = found["end"]
    return "f" if end in ("ª", "a", "as", "ra", "da", "ta") else "short" if end == "er" else "m"


def _century(found: re.Match[str]) -> str | None:
    value = roman_value(found["r"])
    word = "siglo" if found["word"] == "s." else found["word"]
    return f"{word} {cardinal(value)}" if value else None


_TELEPHONES = (
    r"[679]\d{2}(?:\s\d{3}){2}",
    r"[679]\d{2}(?:\s\d{2}){3}",
    r"9\d\s\d{3}(?:\s\d{2}){2}",
)


def _telephone(found: re.Match[str]) -> str:
    groups = (" ".join(cardinal(int(digit)) for digit in group) for group in found[0].split())
    return ", ".join(groups)


# 3° in front of a noun is an ordinal, elsewhere an angle or a temperature.
_DEGREE_ORDINAL = (
    r"(?<![\w.,])(?P<n>[1-9]\d?)°(?=\s(?!norte|sur|este|oeste|bajo|sobre|para|hasta)[a-zà-ú]{4,})"
)

_UNITS = nouns("""
    % | por ciento
    ‰ | por mil
    °C ºC ℃ | grado Celsius | grados Celsius
    °F ºF ℉ | grado Fahrenheit | grados Fahrenheit
    ° | grado | grados
    km | kilómetro | kilómetros
    m | metro | metros
    cm | centímetro | centímetros
    mm | milímetro | milímetros
    µm μm | micrómetro | micrómetros
    nm | nanómetro | nanómetros
    km² | kilómetro cuadrado | kilómetros cuadrados
    m² | metro cuadrado | metros cuadrados
    m³ | metro cúbico | metros cúbicos
    ha | hectárea | hectáreas | f
    l L | litro | litros
    cl | centilitro | centilitros
    ml | mililitro | mililitros
    t | tonelada | toneladas | f
    kg | kilogramo | kilogramos
    g | gramo | gramos
    mg | miligramo | miligramos
    lb | libra | libras | f
    oz | onza | onzas | f
    km/h | kilómetro por hora | kilómetros por hora
    m/s | metro por segundo | metros por segundo
    h | hora | horas | f
    min | minuto | minutos
    s | segundo | segundos
    ms | milisegundo | milisegundos
    Hz | hercio | hercios
    kHz | kilohercio | kilohercios
    MHz | megahercio | megahercios
    GHz | gigahercio | gigahercios
    kB KB | kilobyte | kilobytes
    MB | megabyte | megabytes
    GB | gigabyte | gigabytes
    TB | terabyte | terabytes
    Mbps Mbit/s | megabit por segundo | megabits por segundo
    W | vatio | vatios
    kW | kilovatio | kilovatios
    MW | megavatio | megavatios
    kWh | kilovatio hora | kilovatios hora
    V | voltio | voltios
    mA | miliamperio | miliamperios
    mAh | miliamperio hora | miliamperios hora
    dB | decibelio | decibelios
    hPa | hectopascal | hectopascales
    px | píxel | píxeles
""")
_CURRENCIES = currencies("""
    € EUR | euro | euros | m | céntimo | céntimos | m
    $ USD US$ | dólar | dólares | m | centavo | centavos | m
    £ GBP | libra | libras | f | penique | peniques | m
    MXN | peso | pesos | m | centavo | centavos | m
    ¥ JPY | yen | yenes | m
    ₹ INR | rupia | rupias | f
    CHF | franco suizo | francos suizos | m | céntimo | céntimos | m
""")
_ABBREVIATIONS = pairs("""
    Sr. = señor
    Sra. = señora
    Srta. = señorita
    Sres. = señores
    D. = don
    Dña. = doña
    Dr. = doctor
    Dra. = doctora
    Prof. = profesor
    Ud. = usted
    Uds. = ustedes
    Vd. = usted
    Sto. = santo
    Sta. = santa
    Avda. = avenida
    Av. = avenida
    C/ = calle
    Pza. = plaza
    etc. = etcétera
    p. ej. = por ejemplo
    p.ej. = por ejemplo
    aprox. = aproximadamente
    máx. = máximo
    mín. = mínimo
    a. C. = antes de Cristo
    a.C. = antes de Cristo
    d. C. = después de Cristo
    d.C. = después de Cristo
    EE. UU. = Estados Unidos
    EE.UU. = Estados Unidos
    EEUU = Estados Unidos
    tel. = teléfono
    tfno. = teléfono
    dpto. = departamento
    izq. = izquierda
    dcha. = derecha
    S.A. = sociedad anónima
""")
_BEFORE_NUMBER = pairs("""
    n.º = número
    nº = número
    N.º = número
    Nº = número
    n.° = número
    n° = número
    № = número
    núm. = número
    pág. = página
    págs. = páginas
    p. = página
    art. = artículo
    cap. = capítulo
    vol. = volumen
    § = párrafo
    fig. = figura
""")


def _half_of(found: re.Match[str]) -> str | None:
    name = {"f": "media", "m": "medio"}.get(form_before(found["noun"]))
    return f"{name} {found['noun']}" if name else None


LANGUAGE = Language(
    code="es",
    cardinal=cardinal,
    ordinal=ordinal,
    year=cardinal,
    date=date,
    time=time,
    fraction=fraction,
    decimal_mark=",",
    group_marks=". ",
    words=Words(
        point="coma",
        minus="menos",
        to="a",
        over="sobre",
        per="por",
        and_="y",
        plus="más",
        equals="igual a",
        times="por",
        at="arroba",
        dot="punto",
        slash="barra",
        dash="guion",
        underscore="guion bajo",
        hash="número",
        half="{n} y medio",
        divided="dividido por",
    ),
    months=MONTHS,
    fold=Noun("vez", "veces", "f"),
    ordinals=(r"(?<![\w.,])(?P<n>\d{1,4})\.?(?P<end>[ºª]|(?:er|ra|da|ta)\b)",),
    ordinal_form=_ordinal_form,
    times=(
        r"(?<![\w:.,])(?P<h>\d{1,2})[:.](?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?"
        r"\s?(?:(?P<half>[ap]\.\s?m\.|[ap]m\b)|h(?:rs|oras)?\b)",
        r"(?<![\w:.,])(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?![\w:])",
        r"(?<![\w:.,])(?P<h>\d{1,2})\s?(?P<half>[ap]\.\s?m\.|[ap]m\b)",
    ),
    dates=(
        r"(?<![\w.,])(?P<d>[12]?\d|3[01])[º°]?\sde\sMONTH\b(?:\s(?:de|del)\s(?P<y>\d{4})(?!\w))?",
    ),
    units=_UNITS,
    currencies=_CURRENCIES,
    abbreviations=_ABBREVIATIONS,
    cents=" con {n} {unit}",
    million_of="de",
    scales={
        "mil": Noun("mil", "mil"),
        **dict.fromkeys(("millón", "millones", "M", "mill."), Noun("millón", "millones")),
    },
    before_number=_BEFORE_NUMBER,
    may_end=word_set("etc. uu. s.a. c."),
    starters=word_set(
        "el los las un una él ella ellos ellas yo nosotros usted esto eso esta este pero y luego "
        "después entonces cuando"
    ),
    spelled=word_set("CO UE USA IA FBI CIA ADN DNI"),
    regnal=word_set(
        "luis felipe carlos alfonso fernando isabel enrique juan pablo pío benedicto gregorio león "
        "eduardo jorge guillermo napoleón pedro nicolás alejandro catalina sancho jaime ramiro "
        "clemente inocencio"
    ),
    regnal_word=lambda number: ordinal(number) if number <= 10 else cardinal(number),
    numbered=word_set(
        "capítulo parte tomo volumen libro acto escena sección artículo anexo guerra tipo fase "
        "nivel título"
    ),
    form_before=form_before,
    rules=(
        Rule(r"(?<![\w.,/])(?<!\d\s)(?:1/2|½)\s(?P<noun>[^\W\d_]{2,20})", _half_of),
        Rule(_DEGREE_ORDINAL, lambda found: ordinal(int(found["n"]), "short")),
        Rule(r"\b(?P<word>[Ss]iglos?|s\.)\s(?P<r>[IVX]{1,6})\b", _century),
        *(Rule(rf"(?<![\w.,+])(?<!\d\s){form}(?!\w)", _telephone) for form in _TELEPHONES),
    ),
    # y is e in front of the sound i.
    after=(Rule(r"\by(?=\s[Hh]?[IÍií](?![aeo]))", lambda found: "e"),),
)
