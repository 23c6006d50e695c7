"""What is spoken in one go."""

from __future__ import annotations

import time

import pytest

from edge_voice.errors import OptionError
from edge_voice.models.voxtral_tts.passages import Passage, check_script, passages
from edge_voice.text import sentences


def test_long_sentences_are_cut_at_pauses():
    found = [p.text for p in passages(["word word, " * 100 + "end."])]
    assert all(len(text) <= 501 for text in found)
    assert all(text.endswith(",") for text in found[:-1])
    assert sum(text.count("word") for text in found) == 200


def test_a_megabyte_is_read_quickly():
    begin = time.perf_counter()
    spoken = sentences("Some words, and more. " * 50_000, "en")
    assert sum(len(passage.text) for passage in passages(spoken)) > 1_000_000
    assert time.perf_counter() - begin < 60


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
