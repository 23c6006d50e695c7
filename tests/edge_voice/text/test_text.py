"""The front end as voices use it, with texts nobody should write."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator

import pytest

from edge_voice.text import clauses, normalize, sentences
from edge_voice.text.languages import rules_for, spoken_languages

SIZE = 20_000
HOSTILE = {
    "letters": "a",
    "digits": "1",
    "commas": "1,",
    "points": "1.",
    "ranges": "1-",
    "fractions": "1/",
    "clocks": "1:",
    "telephones": "0 00 ",
    "plus": "+1 ",
    "money": "$",
    "vulgar": "1½",
    "open brackets": "(",
    "open tags": "<a ",
    "open scripts": "<script>",
    "open links": "[a](",
    "emphasis": "* a",
    "underscores": "_a",
    "ticks": "`",
    "at": "a@",
    "labels": "a.",
    "initials": "A.",
    "addresses": "http://",
    "entities": "&amp;",
    "tables": "|-",
    "lines": "\n",
    "blanks": " ",
    "Roman": "Louis XIV ",
    "quotes": '"',
    "abbreviations": "Mr. ",
    "marks": "a\u0308\u0308\u0308",
    "several": "747s ",
    "folds": "3x",
    "short years": "'99",
    "seasons": "1914/15 ",
    "halves": "1/2 a",
    "phonemes": "[[a]]",
    "open phonemes": "[[",
    "open long phonemes": "[[" + "a" * 600,
    "surrogates": "\ud800",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("language", ["en", "de"])
def test_time_grows_with_the_length_and_no_faster(language: str, name: str) -> None:
    unit = HOSTILE[name]
    normalize(unit * 10, language)  # compiles the rules

    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        start = time.process_time()
        for _ in sentences(text, language):
            pass
        return time.process_time() - start

    small, large = seconds(SIZE // 4), seconds(SIZE)
    assert large < 0.15 + 8 * small  # four times the text


def test_a_megabyte_is_read() -> None:
    sentence = "The quick brown fox " + "and the lazy dog " * 30 + "paid $3.50. "
    text = sentence * (1_000_000 // len(sentence) + 1)
    assert len(text) >= 1_000_000
    assert sum(1 for _ in sentences(text, "en")) == len(text) // len(sentence)


def test_memory_does_not_grow_with_the_text() -> None:
    def lines() -> Iterator[str]:
        for number in range(1_500):
            yield f"Line {number} of a very long book. " + "word " * 20 + ".\n"

    list(sentences("Warm up 1.", "en"))
    tracemalloc.start()
    try:
        assert sum(1 for _ in sentences(lines(), "en")) == 1_500
        assert tracemalloc.get_traced_memory()[1] < 300_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", ["", "   \n\n", "😀👍", "***", "...", "\ud800", "<br>", "!?"])
def test_nothing_to_say_is_nothing(text: str) -> None:
    assert normalize(text, "en") == ""


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("no mark", "no mark."),
        ("a comma,", "a comma."),
        ("a colon:", "a colon."),
        ("(in brackets)", "(in brackets)."),
        ('"quoted"', '"quoted".'),
        ("done!!!", "done!"),
        ("wait....", "wait…"),
        ("really?!", "really?!"),
        ("a — b", "a — b."),
        ("a -- b", "a — b."),
        ("“curly” quotes", '"curly" quotes.'),
        ("odd ~^| signs", "odd signs."),
    ],
)
def test_marks(written: str, said: str) -> None:
    assert normalize(written, "en") == said


@pytest.mark.parametrize("language", ["hi", "ar", "ja", "xx", "", "not a code"])
def test_other_languages_keep_their_digits(language: str) -> None:
    assert "123" in normalize("123", language)


def test_hindi_and_arabic_digits_become_european_ones() -> None:
    assert normalize("मेरे पास १२३ रुपये हैं", "hi") == "मेरे पास 123 रुपये हैं।"
    assert normalize("لدي ١٢٣ كتابا", "ar") == "لدي 123 كتابا."


def test_regions() -> None:
    assert normalize("3/5/2024", "en-US") == "March fifth, twenty twenty-four."
    assert normalize("3/5/2024", "en-gb") == "May third, twenty twenty-four."
    assert normalize("16", "pt_BR") == normalize("16", "pt") == "dezesseis."
    assert rules_for("EN_us") is not None
    assert rules_for("english") is None


@pytest.mark.parametrize("language", spoken_languages())
def test_large_and_odd_numbers(language: str) -> None:
    for number in ("0", "00", "999999999999999", "1" * 40, "1" * 400, "1.2.3.4.5.6.7.8", "-0"):
        said = normalize(f"x {number} y", language)
        assert not any(character.isdigit() for character in said)


@pytest.mark.parametrize("language", spoken_languages())
def test_every_number_has_words_of_its_own(language: str) -> None:
    rules = rules_for(language)
    assert rules
    numbers = [*range(3000), *(10**k + d for k in range(4, 15) for d in (-1, 0, 1))]
    assert len({rules.cardinal(number, "") for number in numbers}) == len(set(numbers))
    ordinals = {rules.ordinal(number, "") for number in range(1, 100)}
    assert len(ordinals) == 99


@pytest.mark.parametrize("language", spoken_languages())
def test_tables_are_complete(language: str) -> None:
    rules = rules_for(language)
    assert rules
    assert len(rules.months) == 12
    assert {"%", "°C", "km", "kg", "km/h", "GB"} <= set(rules.units)
    assert {"€", "$", "£", "EUR", "USD", "GBP"} <= set(rules.currencies)
    assert not {sign for sign in rules.spelled if not sign.isupper()}


def test_clauses() -> None:
    assert clauses("One, two.", 100) == ["One, two."]
