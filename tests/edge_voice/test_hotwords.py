"""What phrases add to logits and to scores, and lists of phrases that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_voice.errors import OptionError
from edge_voice.hotwords import MOST_CHARACTERS, MOST_PHRASES, Hotwords, read_phrases

VOCABULARY = 4
ABC = [([0, 1, 2], 2.0)]


def favoured(hotwords: Hotwords, tokens: Sequence[int]) -> list[float]:
    logits = np.zeros(VOCABULARY, np.float32)
    hotwords(logits, tokens)
    return logits.tolist()


def gains(hotwords: Hotwords, tokens: Sequence[int]) -> list[float]:
    logits = np.zeros(VOCABULARY, np.float32)
    lost = hotwords.add_gains(logits, tokens)
    return (logits + lost).tolist()


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([], [2, 0, 0, 0]),  # a phrase may begin at any place
        ([3], [2, 0, 0, 0]),
        ([0], [2, 2, 0, 0]),  # go on, or begin again
        ([0, 1], [2, 0, 2, 0]),
        ([0, 1, 2], [2, 0, 0, 0]),
        ([0, 3], [2, 0, 0, 0]),
        ([0, 1, 0], [2, 2, 0, 0]),
    ],
)
def test_greedy_favours_what_begins_or_continues(tokens: list[int], expected: list[float]) -> None:
    assert favoured(Hotwords(ABC), tokens) == expected


def test_of_several_boosts_the_highest_counts() -> None:
    hotwords = Hotwords([([0, 1], 1.0), ([0, 2], 3.0), ([1], 2.0), ([3, 0, 0], 0.5)])
    assert favoured(hotwords, []) == [3, 2, 0, 0.5]
    assert favoured(hotwords, [0]) == [3, 2, 3, 0.5]
    assert favoured(hotwords, [3, 0]) == [3, 2, 3, 0.5]


def test_what_is_forbidden_stays_forbidden() -> None:
    logits = np.full(VOCABULARY, -np.inf, np.float32)
    Hotwords(ABC)(logits, [0])
    assert np.isneginf(logits).all()
    assert Hotwords(ABC).add_gains(logits, [0]) == -2
    assert np.isneginf(logits).all()


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([], [2, 0, 0, 0]),
        ([0], [0, 2, -2, -2]),  # begin again: lose one, gain one
        ([0, 1], [-2, -4, 2, -4]),
        ([0, 1, 2], [2, 0, 0, 0]),  # said in full: nothing is given back
        ([0, 1, 3], [2, 0, 0, 0]),  # broken off: already given back
    ],
)
def test_beams_give_back_what_breaks_off(tokens: list[int], expected: list[float]) -> None:
    assert gains(Hotwords(ABC), tokens) == expected


def test_the_longer_phrase_that_breaks_off_leaves_the_shorter() -> None:
    hotwords = Hotwords([([0, 1], 1.0), ([0, 1, 2, 3], 1.0)])
    assert gains(hotwords, [0, 1]) == [1, 0, 1, 0]
    assert gains(hotwords, [0, 1, 2]) == [0, -1, -1, 1]
    assert hotwords.bonus([0, 1, 2]) == 2


def test_a_phrase_may_begin_within_another_that_breaks_off() -> None:
    hotwords = Hotwords([([0, 1, 2, 3], 1.0), ([1, 2, 2], 1.0)])
    assert gains(hotwords, [0, 1, 2]) == [-2, -2, 0, 1]
    assert hotwords.bonus([0, 1, 2, 2]) == 3


@pytest.mark.parametrize("seed", range(60))
def test_gains_add_up_to_the_bonus(seed: int) -> None:
    """However phrases overlap: at an end, as much was gained as whole phrases are worth."""
    random = np.random.default_rng(seed)
    words = VOCABULARY - 1  # the last token is in no phrase
    phrases = [
        (random.integers(0, words, random.integers(1, 5)).tolist(), float(random.integers(1, 5)))
        for _ in range(random.integers(1, 6))
    ]
    hotwords = Hotwords(phrases)
    tokens: list[int] = []
    total = 0.0
    for token in random.integers(0, words, 40).tolist():
        total += gains(hotwords, tokens)[token]
        tokens.append(token)
        at_the_end = total + gains(hotwords, tokens)[VOCABULARY - 1]
        assert at_the_end == pytest.approx(covered(phrases, tokens))
        assert hotwords.bonus(tokens) == pytest.approx(covered(phrases, tokens))


def covered(phrases: Sequence[tuple[list[int], float]], tokens: list[int]) -> float:
    """The definition: each token earns the highest boost of the whole phrases it lies in."""
    earned = [0.0] * len(tokens)
    for phrase, boost in phrases:
        for start in range(len(tokens) - len(phrase) + 1):
            if tokens[start : start + len(phrase)] == phrase:
                for place in range(start, start + len(phrase)):
                    earned[place] = max(earned[place], boost)
    return sum(earned)


def test_no_phrases_change_nothing() -> None:
    hotwords = Hotwords([])
    assert favoured(hotwords, [1, 2]) == gains(hotwords, [1, 2]) == [0] * VOCABULARY
    assert hotwords.bonus([1, 2]) == 0


def encoded(text: str) -> list[int]:
    return list(text.encode())


def beginnings(hotwords: Hotwords, text: str) -> dict[str, float]:
    """Which letters are favoured behind a text, beyond those that begin a phrase."""
    logits = np.zeros(256, np.float32)
    hotwords(logits, encoded(text))
    return {chr(i): float(logits[i]) for i in np.flatnonzero(logits) if i != ord(" ")}


def test_build_looks_at_the_start_of_words_and_for_capitals() -> None:
    hotwords = Hotwords.build(["yoga", "McGee\t7"], encoded, 3.0)
    assert beginnings(hotwords, "") == {}
    assert beginnings(hotwords, "x ") == {"y": 3, "Y": 3, "M": 7}
    assert beginnings(hotwords, " Mc") == {"G": 7}
    assert beginnings(hotwords, " Y") == {"o": 3}
    assert beginnings(hotwords, "xy") == {}


def test_blanks_within_a_phrase_do_not_matter() -> None:
    hotwords = Hotwords.build(["  New   York \t 2.5 "], encoded, 3.0)
    assert beginnings(hotwords, " New ") == {"N": 2.5, "Y": 2.5}


def test_capitals_of_letters_that_have_none() -> None:
    assert beginnings(Hotwords.build(["42 lines"], encoded, 1.0), " ") == {"4": 1}


def test_a_phrase_that_the_model_cannot_spell_is_left_out() -> None:
    assert beginnings(Hotwords.build(["x"], lambda text: [], 1.0), " ") == {}


@pytest.mark.parametrize(
    ("phrases", "boost", "message"),
    [
        (["ok", " "], 1.0, r"hotword 2: no phrase in ' '"),
        (["\t3"], 1.0, r"hotword 1: no phrase in '\\t3'"),
        (["x" * (MOST_CHARACTERS + 1)], 1.0, r"hotword 1: a phrase of 101 characters .*up to 100"),
        (["x\tmuch"], 1.0, r"hotword 1: boost 'much' is not a number"),
        (["x\t"], 1.0, r"hotword 1: boost '' is not a number"),
        (["x\tnan"], 1.0, r"hotword 1: boost 'nan' is not a number"),
        (["x\tinf"], 1.0, r"hotword 1: boost inf \(allowed: 0 to 20\)"),
        (["x\t-1"], 1.0, r"hotword 1: boost -1.0 \(allowed: 0 to 20\)"),
        (["x"], 20.5, r"hotword_boost 20.5 \(allowed: 0 to 20\)"),
        (["x"], float("nan"), r"hotword_boost nan \(allowed: 0 to 20\)"),
        (["x"] * (MOST_PHRASES + 1), 1.0, r"hotwords: 5001 phrases \(allowed: up to 5000\)"),
    ],
)
def test_phrases_that_are_refused(phrases: list[str], boost: float, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Hotwords.build(phrases, encoded, boost)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "names.txt"


def test_a_file(file: Path) -> None:
    file.write_bytes("\ufeffÅse\r\n\n# people\n  # more\nNew York\t3.5\r\n   \nC#".encode())
    assert read_phrases(file) == ("Åse", "New York\t3.5", "C#")
    Hotwords.build(read_phrases(file), encoded, 1.0)


def test_an_empty_file_has_no_phrases(file: Path) -> None:
    file.write_bytes(b"")
    assert read_phrases(file) == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ok\n\xff\n", r"names\.txt:2: is not UTF-8 text"),
        ("gr\u00fcn".encode("utf-16"), r"names\.txt:1: is not UTF-8 text"),
        (b"ok\n\n#\nx\tmuch\n", r"names\.txt:4: boost 'much' is not a number"),
        (b"x\t21", r"names\.txt:1: boost 21\.0 \(allowed: 0 to 20\)"),
        (b"\t2", r"names\.txt:1: no phrase in '\\t2'"),
        (b"x" * 101, r"names\.txt:1: a phrase of 101 characters"),
        (b"x\n" * 5001, r"names\.txt: 5001 phrases \(allowed: up to 5000\)"),
        (b"#" * 4_000_001, r"names\.txt: larger than a list of phrases"),
    ],
)
def test_files_that_are_refused(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    with pytest.raises(OptionError, match=message):
        read_phrases(file)


def test_files_that_cannot_be_read(file: Path) -> None:
    with pytest.raises(OptionError, match=r"names\.txt: cannot be read: No such file"):
        read_phrases(file)
    with pytest.raises(OptionError, match="cannot be read: Is a directory"):
        read_phrases(file.parent)
