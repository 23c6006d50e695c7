"""What is spoken in one go."""

from __future__ import annotations

import time

import pytest

from edge_voice.errors import OptionError
from edge_voice.models.voxtral_tts.passages import Passage, check_script, passages, sentences


def test_sentences_end_in_a_mark():
    assert list(sentences("Good day. How are you?  Fine", "en")) == [
        "Good day.", "How are you?", "Fine.",
    ]  # fmt: skip
    assert list(sentences("नमस्ते", "hi")) == ["नमस्ते।"]
    assert list(sentences("“Stop!” he said", "en")) == ["“Stop!”", "he said."]


def test_what_cannot_be_spoken_is_left_out():
    assert list(sentences("a\x00b \ud800 c\u200b \U0001f600!", "en")) == ["a b c !"]
    assert list(sentences(" \n\n ... !! \U0001f600 \ud800", "en")) == []


def test_a_blank_line_ends_a_sentence_and_a_line_break_does_not():
    assert list(sentences("Title\n\nFirst\nline.", "en")) == ["Title.", "First line."]


def test_long_sentences_are_cut_at_pauses():
    found = list(sentences("word word, " * 100, "en"))
    assert all(len(piece) <= 501 for piece in found)
    assert found[0].endswith("word,.") or found[0].endswith(",.")
    assert sum(piece.count("word") for piece in found) == 200


def test_a_word_without_end_is_cut_too():
    found = list(sentences("x" * 1_000_001, "en"))
    assert sum(piece.count("x") for piece in found) == 1_000_001
    assert max(map(len, found)) <= 501


def test_a_megabyte_is_read_quickly():
    begin = time.perf_counter()
    count = sum(len(p.text) for p in passages(sentences("Some words, and more. " * 50_000, "en")))
    assert count > 1_000_000
    assert time.perf_counter() - begin < 20


def test_the_first_passage_is_short_and_later_ones_are_long():
    found = [p.text for p in passages(["A sentence of some length."] * 40)]
    assert found[0] == "A sentence of some length."
    assert all(200 < len(text) <= 300 for text in found[1:-1])
    assert " ".join(found) == " ".join(["A sentence of some length."] * 40)


def test_mere_words_do_not_stand_alone():
    assert [p.text for p in passages(["Yes.", "I do think that it will rain."])] == [
        "Yes. I do think that it will rain."
    ]
    assert list(passages([])) == []


def test_limits_grow_with_the_text():
    short, long = Passage.of("Hello."), Passage.of("x" * 300)
    assert (short.fewest_frames, short.most_frames) == (1, 37)
    assert (long.fewest_frames, long.most_frames) == (75, 625)


@pytest.mark.parametrize(
    ("text", "script"), [("你好，世界", "Cjk"), ("Добрый день", "Cyrillic"), ("γειά σου", "Greek")]
)
def test_a_foreign_script_is_refused(text, script):
    with pytest.raises(OptionError, match=f"{script} letters.*Arabic, Devanagari, Latin"):
        check_script(text, ("en", "ar", "hi"))


@pytest.mark.parametrize("text", ["Où est π?", "नमस्ते दुनिया", "مرحبا", "12 + 3", ""])
def test_known_scripts_are_not(text):
    check_script(text, ("en", "ar", "hi"))
