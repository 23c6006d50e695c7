"""Sentences and clauses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edge_voice.text.languages import rules_for
from edge_voice.text.split import LONGEST_SENTENCE, split_clauses, split_sentences


def split(text: str, language: str = "en") -> list[str]:
    return list(split_sentences(text.split("\n"), rules_for(language)))


@pytest.mark.parametrize(
    ("language", "marked"),
    [
        ("en", "Hello. | World!"),
        ("en", "Really?! | Yes. | No…  | And then."),
        ("en", "Dr. Smith met Mr. Jones. | They talked."),
        ("en", "It costs 3.50 or 1,000.25. | Cheap."),
        ("en", "J. R. R. Tolkien wrote it. | He did."),
        ("en", "He lives in the U.S. | He likes it."),
        ("en", "The U.S. Senate met."),
        ("en", "Plan B. | He left."),
        ("en", "On Main St. | He works at Acme Inc. | The firm is old."),
        ("en", "Apples, pears, etc. | The rest later."),
        ("en", "At 5 p.m. | The bell rang."),
        ("en", "See p. 12 and Fig. 3. | Then stop."),
        ("en", 'He said "Stop." | Then he left.'),
        ("en", "(This is one.) | This is two."),
        ("en", "\"Why?\" she asked. | 'Because.'"),
        ("en", "Wait... what? | Nothing."),
        ("en", "Visit example.com. | Now."),
        ("en", "1. First item"),
        ("fr", "M. Dupont est là. | Il parle. | Mme Durand écoute."),
        ("fr", "Vraiment ? | Oui ! | « Non. » | Bien."),
        ("de", "Am 3. Oktober war es z. B. so. | Dann nicht."),
        ("de", "Er ist 12. | Sie ist 13."),
        ("de", "Friedrichs II. Sohn kam. | Er blieb."),
        ("de", "In der Schillerstr. 5 wohnt Dr. Müller. | Er ist alt."),
        ("es", "¿Qué hora es? | ¡Las dos! | El Sr. Pérez se fue."),
        ("es", "EE. UU. ganó. | Bien."),
        ("it", "Il Sig. Rossi arriva. | Poi parte."),
        ("pt", "O Sr. Silva chegou. | Depois saiu."),
        ("nl", "Dhr. Jansen woont hier. | Hij is oud."),
        ("hi", "यह पहला वाक्य है। | यह दूसरा है।"),
        ("ar", "هل هذا صحيح؟ | نعم."),
        ("zh", "你好。|世界！|再见。"),
        ("ja", "「こんにちは。」|元気ですか？"),
    ],
)
def test_sentences(language: str, marked: str) -> None:
    assert split(marked.replace("|", ""), language) == [part.strip() for part in marked.split("|")]


def test_paragraphs_end_a_sentence_and_lines_do_not() -> None:
    assert split("A title\n\nA sentence over\ntwo lines.") == [
        "A title",
        "A sentence over two lines.",
    ]


def test_sentences_come_as_soon_as_they_are_complete() -> None:
    read = []

    def lines() -> Iterator[str]:
        for number in range(100):
            read.append(number)
            yield f"This is the sentence with the number {number}, and it goes on for a while."

    assert next(split_sentences(lines(), rules_for("en"))).endswith("a while.")
    assert len(read) < 5


def test_a_text_without_marks_is_cut() -> None:
    sentences = split("word " * 2000)
    assert max(map(len, sentences)) <= LONGEST_SENTENCE
    assert " ".join(sentences).split() == ["word"] * 2000


def test_clauses_are_cut_at_the_strongest_pause() -> None:
    sentence = "When the rain, which was heavy, had stopped; the children ran out, and they played."
    assert split_clauses(sentence, 60) == [
        "When the rain, which was heavy, had stopped;",
        "the children ran out, and they played.",
    ]
    assert split_clauses(sentence, 200) == [sentence]
    assert split_clauses("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]


def test_the_first_clause_can_be_short_but_only_at_a_mark() -> None:
    sentence = "On a cold morning, the old man walked down to the harbour to look at the ships."
    assert split_clauses(sentence, 200, first=40)[0] == "On a cold morning,"
    plain = sentence.replace(",", "")
    assert split_clauses(plain, 200, first=40) == [plain]
