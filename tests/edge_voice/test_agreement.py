"""Stable words: what looks agree on, never taken back."""

from __future__ import annotations

import random

import pytest

from edge_voice.agreement import Agreement, closest_prefix, split_words


def looks(*texts: str) -> list[tuple[str, str]]:
    agreement = Agreement()
    return [agreement.update(text) for text in texts]


def test_four_looks_and_a_word_behind() -> None:
    assert looks("a b c", "a b c d", "a b c d", "a b c d e", "a b c d e f") == [
        ("", "a b c"),
        ("", "a b c d"),
        ("", "a b c d"),
        ("a b", " c d e"),
        ("a b c", " d e f"),
    ]


def test_a_word_that_differs_ends_what_is_stable() -> None:
    same = "one two three four"
    assert looks(same, same.replace("two", "too"), same, same, same, same)[3:] == [
        ("one", " two three four"),
        ("one", " two three four"),
        ("one two three", " four"),
    ]


def test_case_and_punctuation_must_agree_to_become_stable() -> None:
    for first in ("well. I do not", "Well, I do not"):
        assert looks(first, *["well, I do not"] * 3)[-1][0] == ""


def test_stable_words_stay_whatever_is_heard_later() -> None:
    agreement = Agreement()
    for _ in range(4):
        stable, _ = agreement.update("the quick brown fox")
    assert stable == "the quick brown"
    assert agreement.update("The quick, crown fox jumps over") == (stable, " fox jumps over")
    assert agreement.finish("A quick crown fox jumps over it.", goes_on=False) == (
        "the quick brown fox jumps over it."
    )


def test_the_next_phrase_begins_anew() -> None:
    agreement = Agreement()
    for _ in range(4):
        agreement.update("one two three four")
    assert agreement.finish("one two three four", goes_on=False) == "one two three four"
    assert agreement.update("five six") == ("", "five six")
    assert agreement.finish("five six", goes_on=False) == "five six"


def test_a_phrase_that_vanishes_keeps_its_stable_words() -> None:
    agreement = Agreement()
    for _ in range(4):
        agreement.update("one two three four")
    assert agreement.finish("", goes_on=False) == "one two three"


def test_words_behind_a_cut_belong_to_the_next_phrase() -> None:
    agreement = Agreement()
    for _ in range(4):
        stable, _ = agreement.update("a b c d e f")
    assert stable == "a b c d e"
    assert agreement.finish("a b C.", goes_on=True) == "a b c"
    assert agreement.update("D e f g h") == ("d e", " f g h")
    assert agreement.finish("d e f g h", goes_on=False) == "d e f g h"


def test_a_cut_behind_all_stable_words() -> None:
    agreement = Agreement()
    for _ in range(4):
        agreement.update("a b c d")
    assert agreement.finish("a b c d e f", goes_on=True) == "a b c d e f"
    assert agreement.update("g h") == ("", "g h")


def test_scripts_without_blanks_grow_by_characters() -> None:
    assert looks("今日は", "今日は天", "今日は天気", "今日は天気が")[-1] == ("今日", "は天気が")


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_ever_taken_back(seed: int) -> None:
    """Phrases and stable words, one behind the other, only grow, whatever the looks say."""
    draw = random.Random(seed)
    agreement, done, shown = Agreement(), "", ""
    for _ in range(200):
        text = " ".join(draw.choice("aab") for _ in range(draw.randrange(8)))
        if draw.random() < 0.1:
            goes_on = draw.random() < 0.5
            done = f"{done} {agreement.finish(text, goes_on=goes_on)}".strip()
            now = done if not goes_on else shown
        else:
            now = f"{done} {agreement.update(text)[0]}".strip()
        assert now.startswith(shown)
        shown = now


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  ", []),
        (" one  two ", ["one", "  two"]),
        ("don't, stop.", ["don't,", " stop."]),
        ("今日は OK です。", ["今", "日", "は", " OK", " で", "す", "。"]),
        ("日本go語", ["日", "本", "go", "語"]),
    ],
)
def test_words_are_the_text(text: str, words: list[str]) -> None:
    assert split_words(text) == words
    assert "".join(words) == text.strip()


@pytest.mark.parametrize(
    ("words", "others", "count"),
    [
        ("", "a b", 0),
        ("a b", "", 0),
        ("a b", "A, b. c", 2),
        ("a b", "a c d", 2),
        ("a b", "b c d", 1),
        ("a b", "a x b c", 3),
        ("a b", "a", 1),
        ("- a", "a b", 1),
    ],
)
def test_closest_prefix(words: str, others: str, count: int) -> None:
    assert closest_prefix(words.split(), others.split()) == count
