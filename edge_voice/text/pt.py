"""Portuguese, as spoken in Brazil; grammar and units serve Portugal too."""

from __future__ import annotations

import re

from edge_voice.text.gender import PORTUGUESE
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
    "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze "
    "dezesseis dezessete dezoito dezenove"
)
_TENS = word_list("_ _ vinte trinta quarenta cinquenta sessenta setenta oitenta noventa")
_HUNDREDS = word_list(
    "_ cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos"
)
_SCALES = (
    (10**12, "trilhão", "trilhões"),
    (10**9, "bilhão", "bilhões"),
    (10**6, "milhão", "milhões"),
)
_ORDINALS = word_list("_ primeiro segundo terceiro quarto quinto sexto sétimo oitavo nono")
_TEN_ORDINALS = word_list(
    "_ décimo vigésimo trigésimo quadragésimo quinquagésimo sexagésimo septuagésimo octogésimo "
    "nonagésimo"
)
MONTHS = (
    "janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro",
    "outubro", "novembro", "dezembro",
)  # fmt: skip


def cardinal(number: int, form: Form = "") -> str:
    """0 to 10**15 - 1; `f` makes uma, duas and -centas.

    `e` joins hundreds, tens and ones; in front of the last group only if that is below a
    hundred or whole hundreds.
    """
    if number == 0:
        return "zero"
    parts = []
    for size, one, many in _SCALES:
        count, number = divmod(number, size)
        if count:
            parts.append(f"um {one}" if count == 1 else f"{cardinal(count)} {many}")
    thousands, rest = divmod(number, 1000)
    if thousands:
        parts.append("mil" if thousands == 1 else f"{_below_thousand(thousands, form)} mil")
    if rest:
        joined = "e " if parts and (rest < 100 or rest % 100 == 0) else ""
        parts.append(joined + _below_thousand(rest, form))
    return " ".join(parts)


def _below_thousand(number: int, form: Form) -> str:
    if number == 100:
        return "cem"
    hundreds, rest = divmod(number, 100)
    words = []
    if hundreds:
        name = _HUNDREDS[hundreds]
        words.append(f"{name[:-2]}as" if form == "f" and hundreds > 1 else name)
    if rest >= 20:
        tens, ones = divmod(rest, 10)
        words.append(_TENS[tens])
        rest = ones
    if rest:
        words.append({1: "uma", 2: "duas"}.get(rest, _ONES[rest]) if form == "f" else _ONES[rest])
    return " e ".join(words)


def ordinal(number: int, form: Form = "m") -> str:
    """Up to 100, above as a cardinal."""
    if number > 100:
        return cardinal(number, form)
    tens, ones = divmod(number, 10)
    words = ["centésimo"] if number == 100 else []
    if 0 < tens < 10:
        words.append(_TEN_ORDINALS[tens])
    if ones:
        words.append(_ORDINALS[ones])
    return " ".join(f"{word[:-1]}a" if form == "f" else word for word in words)


def date(date: Date) -> str:
    """`primeiro de março de dois mil e vinte e quatro`."""
    day = "primeiro" if date.day == 1 else cardinal(date.day)
    spoken = f"{day} de {MONTHS[date.month - 1]}"
    return spoken if date.year is None else f"{spoken} de {cardinal(date.year)}"


def time(time: Time) -> str:
    """`quinze e trinta`, `duas horas`."""
    hour = cardinal(time.hour, "f")
    if time.minute:
        spoken = f"{hour} e {cardinal(time.minute)}"
    else:
        spoken = f"{hour} hora{'s' if time.hour > 1 else ''}"
    if time.second is not None:
        seconds = "segundo" if time.second == 1 else "segundos"
        spoken += f" e {cardinal(time.second)} {seconds}"
    return spoken


def fraction(numerator: int, denominator: int) -> str | None:
    """`três quartos`."""
    if not 0 < numerator < denominator or (denominator > 10 and denominator != 100):
        return None
    names = {2: "meio", 3: "terço"}
    name = names.get(denominator) or ordinal(denominator)
    return f"{cardinal(numerator)} {name}{'s' if numerator > 1 else ''}"


_FUNCTION_WORDS = word_set(
    "a à ao aos as às com contra da das de do dos e é em entre está estão mas mais menos mil na "
    "nas nem no nos o os ou para pela pelo por que se sem sobre um uma foi era como já até são "
    "cada"
)


def form_before(word: str) -> Form:
    """Of a noun; words that are no nouns, and names, leave the number alone."""
    if word in _FUNCTION_WORDS or word[:1].isupper():
        return ""
    return "f" if PORTUGUESE.is_feminine(word) else "m"


def _ordinal_form(found: re.Match[str]) -> Form:
    return "f" if found["end"] in ("ª", "a") else "m"


def _century(found: re.Match[str]) -> str | None:
    value = roman_value(found["r"])
    if value is None:
        return None
    word = "século" if found["word"].endswith(".") else found["word"]
    return f"{word} {ordinal(value) if value <= 10 else cardinal(value)}"


def _regnal(number: int) -> str:
    return ordinal(number) if number <= 10 else cardinal(number)


def _telephone(found: re.Match[str]) -> str:
    groups = re.findall(r"\d+", found[0])
    return ", ".join(" ".join(cardinal(int(digit)) for digit in group) for group in groups)


# 3° in front of a noun is an ordinal, elsewhere an angle or a temperature.
_DEGREE_ORDINAL = (
    r"(?<![\w.,])(?P<n>[1-9]\d?)°(?=\s(?!norte|leste|oeste|para|abaixo|acima|até)[a-zà-ú]{4,})"
)

_UNITS = nouns("""
    % | por cento
    ‰ | por mil
    °C ºC ℃ | grau Celsius | graus Celsius
    °F ºF ℉ | grau Fahrenheit | graus Fahrenheit
    ° | grau | graus
    km | quilômetro | quilômetros
    m | metro | metros
    cm | centímetro | centímetros
    mm | milímetro | milímetros
    µm μm | micrômetro | micrômetros
    nm | nanômetro | nanômetros
    km² | quilômetro quadrado | quilômetros quadrados
    m² | metro quadrado | metros quadrados
    m³ | metro cúbico | metros cúbicos
    ha | hectare | hectares
    l L | litro | litros
    ml mL | mililitro | mililitros
    t | tonelada | toneladas | f
    kg | quilograma | quilogramas
    g | grama | gramas
    mg | miligrama | miligramas
    lb | libra | libras | f
    km/h | quilômetro por hora | quilômetros por hora
    h | hora | horas | f
    m/s | metro por segundo | metros por segundo
    min | minuto | minutos
    s seg | segundo | segundos
    ms | milissegundo | milissegundos
    Hz | hertz
    kHz | quilohertz
    MHz | mega-hertz
    GHz | giga-hertz
    kB KB | quilobyte | quilobytes
    MB | megabyte | megabytes
    GB | gigabyte | gigabytes
    TB | terabyte | terabytes
    Mbps Mbit/s | megabit por segundo | megabits por segundo
    W | watt | watts
    kW | quilowatt | quilowatts
    MW | megawatt | megawatts
    kWh | quilowatt-hora | quilowatts-hora
    V | volt | volts
    mA | miliampere | miliamperes
    mAh | miliampere-hora | miliamperes-hora
    dB | decibel | decibéis
    hPa | hectopascal | hectopascais
    px | pixel | pixels
""")
_CURRENCIES = currencies("""
    R$ BRL | real | reais | m | centavo | centavos | m
    € EUR | euro | euros | m | cêntimo | cêntimos | m
    $ USD US$ | dólar | dólares | m | centavo | centavos | m
    £ GBP | libra | libras | f | penny | pence | m
    ¥ JPY | iene | ienes | m
    ₹ INR | rupia | rupias | f
    CHF | franco suíço | francos suíços | m | cêntimo | cêntimos | m
""")
_ABBREVIATIONS = pairs("""
    Sr. = senhor
    Sra. = senhora
    Srta. = senhorita
    Srs. = senhores
    Dr. = doutor
    Dra. = doutora
    Prof. = professor
    Profa. = professora
    Prof.ª = professora
    Eng. = engenheiro
    D. = dom
    Sto. = santo
    Sta. = santa
    S. = São
    Av. = avenida
    R. = rua
    Pça. = praça
    Cia. = companhia
    Ltda. = limitada
    S.A. = sociedade anônima
    etc. = et cetera
    p. ex. = por exemplo
    p.ex. = por exemplo
    aprox. = aproximadamente
    máx. = máximo
    mín. = mínimo
    a.C. = antes de Cristo
    a. C. = antes de Cristo
    d.C. = depois de Cristo
    d. C. = depois de Cristo
    tel. = telefone
    EUA = Estados Unidos
    jan. = janeiro
    fev. = fevereiro
    ago. = agosto
    set. = setembro
    out. = outubro
    nov. = novembro
    dez. = dezembro
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
    art. = artigo
    cap. = capítulo
    vol. = volume
    § = parágrafo
    fig. = figura
""")


def _half_of(found: re.Match[str]) -> str | None:
    name = {"f": "meia", "m": "meio"}.get(form_before(found["noun"]))
    return f"{name} {found['noun']}" if name else None


LANGUAGE = Language(
    code="pt",
    cardinal=cardinal,
    ordinal=ordinal,
    year=cardinal,
    date=date,
    time=time,
    fraction=fraction,
    decimal_mark=",",
    group_marks=". ",
    words=Words(
        point="vírgula",
        minus="menos",
        to="a",
        over="sobre",
        per="por",
        and_="e",
        plus="mais",
        equals="igual a",
        times="vezes",
        at="arroba",
        dot="ponto",
        slash="barra",
        dash="hífen",
        underscore="sublinhado",
        hash="número",
        half="{n} e meio",
        divided="dividido por",
        ratio="por",
    ),
    months=MONTHS,
    fold=Noun("vez", "vezes", "f"),
    ordinals=(r"(?<![\w.,])(?P<n>\d{1,4})\.?(?P<end>[ºª]|[oa]\b)",),
    ordinal_form=_ordinal_form,
    times=(
        r"(?<![\w:.,])(?P<h>\d{1,2})\s?h(?:\s?(?P<m>[0-5]\d)(?:\s?min)?)?(?!\w)",
        r"(?<![\w:.,])(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?:\s?h(?:oras)?\b)?(?![\w:])",
    ),
    dates=(r"(?<![\w.,])(?P<d>[12]?\d|3[01])[º°]?\sde\sMONTH\b(?:\sde\s(?P<y>\d{4})(?!\w))?",),
    units=_UNITS,
    currencies=_CURRENCIES,
    abbreviations=_ABBREVIATIONS,
    cents=" e {n} {unit}",
    one_below_two=True,
    million_of="de",
    scales={
        "mil": Noun("mil", "mil"),
        **dict.fromkeys(("milhão", "milhões", "mi", "M"), Noun("milhão", "milhões")),
        **dict.fromkeys(("bilhão", "bilhões", "bi"), Noun("bilhão", "bilhões")),
    },
    before_number=_BEFORE_NUMBER,
    no_break=word_set("séc."),
    may_end=word_set("etc. ltda. s.a. c."),
    starters=word_set(
        "o a os as um uma "
        "ele ela eles elas eu nós você isto isso esta este mas e depois então quando"
    ),
    spelled=word_set("CO UE IA FBI CIA IBGE CPF"),
    regnal=word_set(
        "luís pedro joão carlos afonso fernando isabel henrique paulo pio bento gregório leão "
        "eduardo jorge guilherme napoleão nicolau alexandre catarina manuel maria josé clemente "
        "inocêncio filipe"
    ),
    regnal_word=_regnal,
    numbered=word_set(
        "capítulo parte tomo volume livro ato cena seção artigo anexo guerra tipo fase nível título"
    ),
    form_before=form_before,
    rules=(
        Rule(r"(?<![\w.,/])(?<!\d\s)(?:1/2|½)\s(?P<noun>[^\W\d_]{2,20})", _half_of),
        Rule(_DEGREE_ORDINAL, lambda found: ordinal(int(found["n"]))),
        Rule(r"\b(?P<word>[Ss]éculos?|[Ss]éc\.)\s(?P<r>[IVX]{1,6})\b", _century),
        Rule(r"(?<![\w.,])(?<!\d\s)(?:\(\d{2}\)\s?9?\d{4}|9\d{4})[-\s]\d{4}(?!\w)", _telephone),
    ),
)
