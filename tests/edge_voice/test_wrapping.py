"""Lines of subtitles: few, even, and never broken where readers would stumble."""

from __future__ import annotations

import pytest

from edge_voice.wrapping import columns, wrap

SENTENCE = "and so my fellow Americans ask not what your country can do for you"
JAPANESE = "子どもたちは、公園で「かくれんぼ」をして遊びました。とても楽しかったです。"


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 42, [""]),
        ("short", 42, ["short"]),
        ("one two", 7, ["one two"]),
        ("one two", 6, ["one", "two"]),
        ("a extraordinarily b", 5, ["a", "extraordinarily", "b"]),
        (SENTENCE, 42, ["and so my fellow Americans ask not", "what your country can do for you"]),
        ("漢字漢字", 4, ["漢字", "漢字"]),
        ("漢字漢。", 6, ["漢字", "漢。"]),
        ("漢「漢字", 4, ["漢", "「漢", "字"]),
        ("漢字 abc def", 8, ["漢字", "abc def"]),
        ("e\u0301" * 4, 4, ["e\u0301" * 4]),
    ],
)
def test_lines(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines


def test_no_more_lines_than_needed_and_even() -> None:
    text = " ".join(["word"] * 11)  # 54 columns: two lines of 42 would hold 42 and 11
    assert [columns(line) for line in wrap(text, 42)] == [29, 24]


@pytest.mark.parametrize("width", [10, 16, 42])
def test_japanese_keeps_its_marks_in_place(width: int) -> None:
    lines = wrap(JAPANESE, width)
    assert "".join(lines) == JAPANESE
    assert all(columns(line) <= width for line in lines)
    assert not any(line[0] in "、。」" or line[-1] == "「" for line in lines)


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("漢字", 4), ("ｱｲｳ", 3), ("\uff21", 2), ("é", 1), ("👍", 2)]
)
def test_columns(text: str, width: int) -> None:
    assert columns(text) == width
