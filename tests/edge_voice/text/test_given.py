"""Phonemes in `[[ ]]`: through the front end as they are, and checked beforehand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edge_voice.errors import OptionError
from edge_voice.text import clauses, normalize, sentences
from edge_voice.text.clean import LONGEST_LINE, plain_lines
from edge_voice.text.given import carried, check_given, restored

SYMBOLS = set("abcˈO ")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("[[həlˈO]]", "[[həlˈO]]."),
        ("Say [[həlˈO wˈɜɹld]] twice, 2 times!", "Say [[həlˈO wˈɜɹld]] twice, two times!"),
        ("[[A. B! c; d]] 5 Hello. Bye", "[[A. B! c; d]] five Hello. Bye."),
        ("It is [[x]]'s and [[y]].", "It is [[x]]'s and [[y]]."),
        ("**[[*a* _b_ `c`]]**", "[[*a* _b_ `c`]]."),
        ("[[<b>1</b> &amp; 3.5 Dr. \u200b“q”]]", "[[<b>1</b> &amp; 3.5 Dr. \u200b“q”]]."),
        ("THIS IS VERY LOUD [[AbC]]", "This is very loud [[AbC]]."),
        ("[[a]](b) [[a]][b]", "[[a]](b) [[a]](b)."),
        ("- [[item]]", "[[item]]."),
        ("| [[a]] | [[b]] |", "[[a]], [[b]]."),
        ("[[a\u0303]][[b]]", "[[a\u0303]][[b]]."),
        ("open [[ only", "open (( only."),
        ("empty [[]] here", "empty () here."),
        ("[[two\nlines]]", "((two lines))."),
        ("private \U000f0061 use", "private use."),
    ],
)
def test_the_front_end_leaves_it_alone(written: str, said: str) -> None:
    assert normalize(written, "en") == said


@pytest.mark.parametrize("language", ["de", "fr", "hi", "ja", "xx"])
def test_in_every_language(language: str) -> None:
    assert "[[a 1 b. C]]" in normalize("x [[a 1 b. C]] y", language)


def test_sentences_end_outside_of_it() -> None:
    text = "One [[wˈʌn. tˈu! θɹˈi]] two. [[Ab.]] Three. [[c]]"
    assert list(sentences(text, "en")) == [
        "One [[wˈʌn. tˈu! θɹˈi]] two.",
        "[[Ab.]] Three.",
        "[[c]].",
    ]


def test_clauses_do_not_divide_it() -> None:
    given = "[[" + "a, " * 20 + "]]"
    assert clauses(f"{given} {given} and so on.", 30) == [given, given, "and so on."]
    assert clauses(given * 3, 30) == [given] * 3
    assert clauses(f"bbb{given}", 30) == ["bbb", given]


def test_long_lines_are_not_cut_within_it() -> None:
    given = "[[" + "a " * 200 + "b]]"
    text = "word " * (LONGEST_LINE // 5 - 20) + given + " end"
    lines = [restored(line) for line in plain_lines([text])]
    assert len(lines) == 2
    assert lines[1] == f"{given} end"
    assert given in " ".join(sentences(text, "en"))


def test_blocks_may_end_within_it() -> None:
    def blocks() -> Iterator[str]:
        yield from "Hello [[a b]]. Bye."

    assert list(sentences(blocks(), "en")) == ["Hello [[a b]].", "Bye."]


def test_carrying_keeps_lengths() -> None:
    text = "a [[b ˈ😀]] c"
    assert len(carried(text)) == len(text)
    assert restored(carried(text)) == text
    assert " " not in carried(text)[2:-2]


@pytest.mark.parametrize("text", ["", "plain [text] (b)", "a [[ab ˈO]] b [[c]]", "[[]] [[", "]]"])
def test_phonemes_of_the_alphabet(text: str) -> None:
    check_given(text, SYMBOLS)


@pytest.mark.parametrize(
    ("text", "symbols", "message"),
    [
        ("a [[abx]]", SYMBOLS, r"\[\[abx\]\]: no phoneme 'x', U\+0078 \(allowed: Oabcˈ\)"),
        ("[[ab]] [[a.b]]", SYMBOLS, r"\[\[a\.b\]\]: no phoneme '\.'"),
        ("[[ab]]", set(), r"\[\[ab\]\]: this model reads letters, it has no phonemes"),
    ],
)
def test_phonemes_that_the_voice_does_not_have(
    text: str, symbols: set[str], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        check_given(text, symbols)
