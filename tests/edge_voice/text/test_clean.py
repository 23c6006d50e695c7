"""Markup, emoji and invisible characters."""

from __future__ import annotations

import pytest

from edge_voice.text.clean import LONGEST_LINE, plain_lines, plain_text


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("# A heading #", "A heading"),
        ("- an item", "an item"),
        ("* [x] done", "done"),
        ("> quoted", "quoted"),
        ("**bold** and *italic* and __both__", "bold and italic and both"),
        ("snake_case_name stays", "snake_case_name stays"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("`code` and ~~gone~~", "code and gone"),
        ("[text](https://example.org/a_b)", "text"),
        ("![picture](a.png)", "picture"),
        ("[text][1] and a note[^1]", "text and a note"),
        ("| a | b |", "a , b"),
        ("<b>bold</b> &amp; more", "bold & more"),
        ("a < b and c > d", "a < b and c > d"),
        ("x<br/>y", "x y"),
        ("before<script>alert('x')</script> after", "before after"),
        ("before<!-- hidden --> after", "before after"),
    ],
)
def test_markup_is_removed(written: str, plain: str) -> None:
    assert plain_text(written) == plain


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("smile 😀 👍🏽 👩‍👩‍👧 🇫🇷!", "smile !"),
        ("key 1️⃣", "key 1"),
        ("zero\u200bwidth\ufeff \u00adsoft", "zerowidth soft"),
        ("bell\x07 null\x00 escape\x1b", "bell null escape"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("private \ue000 use", "private use"),
        ("no\u00a0break\u202fspace", "no break space"),
        ("it\u2019s", "it's"),
        ("e\u0301", "é"),
        ("a" + "\u0300" * 50, "à\u0300\u0300"),
        ("Ｆｕｌｌ１２", "Full12"),
        ("𝐁𝐨𝐥𝐝", "Bold"),
        ("१२३ ٤٥٦", "123 456"),
        ("20 °C ©", "20 °C ©"),
    ],
)
def test_characters(written: str, plain: str) -> None:
    assert plain_text(written) == plain


def test_a_script_over_many_lines_is_not_spoken() -> None:
    text = "one\n<style>\nb { color: red }\n</style>\ntwo\n```python\nthree\n```\n"
    assert [line for line in plain_lines([text]) if line] == ["one", "two", "three"]


def test_blocks_may_end_anywhere() -> None:
    text = "A **bold** word.\r\n\r\nAnother <b>line</b>."
    assert list(plain_lines(list(text))) == list(plain_lines([text]))


def test_lines_are_bounded() -> None:
    lines = list(plain_lines(["word " * 10_000]))
    assert max(map(len, lines)) <= LONGEST_LINE
    assert sum(line.count("word") for line in lines) == 10_000
