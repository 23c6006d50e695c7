"""Pieces of text to ids and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_voice.errors import ModelError, UnsupportedModel
from edge_voice.pieces import BYTE_PIECES, PieceTokenizer

CONTROL = ["<unk>", "<pad>", "<|endoftext|>", "<|en|>"]
FIRST_BYTE = len(CONTROL)
LETTERS = [*"▁abcdehlorwté", "日", "本"]
MERGED = ["ll", "he", "hell", "hello", "▁w", "▁wo", "日本"]
PIECES = [*CONTROL, *BYTE_PIECES, *LETTERS, *MERGED]
MERGES = ["l l", "h e", "he ll", "hell o", "▁ w", "▁w o", "日 本"]
STEPS = [["prepend", "▁"], ["replace", " ", "▁"]]
TEXTS = [
    "hello world",
    " leading and trailing ",
    "two  blanks",
    "line\nand\ttab\0",
    "Ça va très bien",
    "日本語のテキスト",
    "مرحبا بالعالم",
    "🎙️👩‍🚀 emoji",
    "<|en|> <pad> <0x41> are only text",
]


def write(
    path: Path, *, pieces: Any = PIECES, merges: Any = None, control: Any = None, steps: Any = STEPS
) -> Path:
    if merges is None:
        merges = [PIECES.index(side) for merge in MERGES for side in merge.split()]
    control = list(range(len(CONTROL))) if control is None else control
    lines = [{"control": control, "steps": steps}, pieces, merges]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vocabulary.pieces"


@pytest.fixture
def tokenizer(path: Path) -> PieceTokenizer:
    return PieceTokenizer(write(path))


def ids(*pieces: str) -> list[int]:
    return [PIECES.index(piece) for piece in pieces]


def test_length_and_control_tokens(tokenizer: PieceTokenizer) -> None:
    assert len(tokenizer) == len(PIECES)
    assert tokenizer.control == {0, 1, 2, 3}


def test_ids_by_name(tokenizer: PieceTokenizer) -> None:
    assert [tokenizer.id(piece) for piece in PIECES] == list(range(len(PIECES)))


@pytest.mark.parametrize("piece", ["<|fr|>", "", " ", "hello "])
def test_a_piece_that_is_missing_is_named(tokenizer: PieceTokenizer, piece: str) -> None:
    with pytest.raises(UnsupportedModel, match=r"^vocabulary\.pieces has no piece ") as caught:
        tokenizer.id(piece)
    assert repr(piece) in str(caught.value)


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ([], ""),
        (["▁", "hello", "▁wo", "r"], " hello wor"),
        (["hello", "▁"], "hello "),
        (["▁", "▁", "a"], "  a"),
        (["<|en|>", "a", "<unk>", "<pad>", "b", "<|endoftext|>"], "ab"),
        (["<0x41>", "a", "<0x0A>"], "Aa\n"),
        (["<0xE8>", "<0xAA>", "<0x9E>"], "語"),
        (["日本", "<0xE8>", "<0xAA>", "<0x9E>", "a"], "日本語a"),
        (["<0xE8>", "<0xAA>"], "\ufffd"),
        (["a", "<0xFF>", "b"], "a\ufffdb"),
        # Control tokens do not tear a character apart.
        (["<0xC3>", "<|en|>", "<0xA9>"], "é"),
    ],
)
def test_decoding(tokenizer: PieceTokenizer, pieces: list[str], text: str) -> None:
    assert tokenizer.decode(ids(*pieces)) == text
    assert tokenizer.decode(iter(ids(*pieces))) == text


def test_ids_without_a_piece_say_nothing(tokenizer: PieceTokenizer) -> None:
    assert tokenizer.decode([-1, *ids("a"), len(PIECES), 10**9, *ids("b")]) == "ab"


@pytest.mark.parametrize("piece", ["<0x4>", "<0x4a>", "<0x041>", "x<0x41>", "<0x41> "])
def test_only_whole_byte_pieces_are_bytes(path: Path, piece: str) -> None:
    tokenizer = PieceTokenizer(write(path, pieces=[piece], control=[], merges=[]))
    assert tokenizer.decode([0]) == piece


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("hello", ["▁", "hello"]),
        ("hell", ["▁", "hell"]),
        ("hel", ["▁", "he", "l"]),
        ("lll", ["▁", "ll", "l"]),
        ("hello wo", ["▁", "hello", "▁wo"]),
        # Prepended whether there is a blank or not.
        (" wo", ["▁", "▁wo"]),
        ("日本語", ["▁", "日本", "<0xE8>", "<0xAA>", "<0x9E>"]),
        ("A\n", ["▁", "<0x41>", "<0x0A>"]),
        ("\udcff", ["▁", "<0x3F>"]),
    ],
)
def test_encoding(tokenizer: PieceTokenizer, text: str, pieces: list[str]) -> None:
    assert tokenizer.encode(text) == ids(*pieces)


@pytest.mark.parametrize("text", TEXTS)
def test_round_trip(tokenizer: PieceTokenizer, text: str) -> None:
    found = tokenizer.encode(text)
    assert tokenizer.decode(found) == " " + text
    assert not tokenizer.control & set(found)


def test_merges_are_applied_by_rank_and_not_by_length(path: Path) -> None:
    pieces = ["a", "b", "c", "ab", "bc", "abc", "▁"]
    bc_first = [1, 2, 0, 1, 3, 2]  # b+c, a+b, ab+c
    tokenizer = PieceTokenizer(
        write(path, pieces=pieces, merges=bc_first, control=[], steps=[])
    )
    assert tokenizer.encode("abc") == [0, 4]
    assert tokenizer.encode("abab") == [3, 3]
    assert tokenizer.encode("ababc") == [3, 0, 4]


def test_a_merge_may_open_one_of_a_lower_rank(path: Path) -> None:
    pieces = ["a", "b", "ab", "aba"]
    tokenizer = PieceTokenizer(
        write(path, pieces=pieces, merges=[2, 0, 0, 1], control=[], steps=[])
    )
    # ab|abab: "ab" then has the merge of rank 0 with the "a" behind it.
    assert tokenizer.encode("ababab") == [3, 1, 2]


@pytest.mark.parametrize(
    ("step", "text", "prepared"),
    [
        (["prefix", "a"], "b", "ab"),
        (["prefix", "a"], "ab", "ab"),
        (["prefix", "a"], "", ""),
        (["prepend", "a"], "ab", "aab"),
        (["squeeze", " ", "a"], "b   b b", "bab b"),
        (["squeeze", " ", "\\1"], "b  b", "b\\1b"),
        (["unicode", "NFC"], "e\u0301", "é"),
        (["unicode", "NFKC"], "ａ①", "a1"),
        (["lower"], "HeLLO", "hello"),
        (["strip", True, False], "  a ", "a "),
        (["strip", False, True], " a  ", " a"),
        (["strip", True, True], " a  ", "a"),
    ],
)
def test_steps(path: Path, step: list[Any], text: str, prepared: str) -> None:
    tokenizer = PieceTokenizer(write(path, steps=[step]))
    assert tokenizer.decode(tokenizer.encode(text)) == prepared


def test_merges_do_not_cross_splits(path: Path) -> None:
    pieces, merges = [*"▁ab", "▁a", "a▁"], [1, 0, 0, 1]
    steps = [["replace", " ", "▁"]]
    together = PieceTokenizer(write(path, pieces=pieces, merges=merges, steps=steps))
    assert together.encode("a a") == [4, 1]
    apart = PieceTokenizer(
        write(path, pieces=pieces, merges=merges, steps=[*steps, ["split", "▁"]])
    )
    assert apart.encode("a a") == [1, 3]
    assert apart.encode("a  b") == [1, 0, 0, 2]


@pytest.mark.parametrize("step", [["Nmt"], [], "lower", ["unicode", "NFX"], ["prepend"], None])
def test_a_step_that_is_unknown_forbids_encoding_only(path: Path, step: Any) -> None:
    tokenizer = PieceTokenizer(write(path, steps=[step]))
    assert tokenizer.decode(ids("▁", "hello")) == " hello"
    with pytest.raises(UnsupportedModel, match=r"vocabulary\.pieces: texts cannot be encoded"):
        tokenizer.encode("hello")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n\n",
        b"[]",
        b'{"control": [], "steps": []}\n["a"]\n',
        b'{"control": [], "steps": []}\n["a"]\n[]\n[]\n',
        b'{"control": []}\n["a"]\n[]\n',
        b'{"control": [0.5], "steps": []}\n["a"]\n[]\n',
        b'{"control": [-1], "steps": []}\n["a"]\n[]\n',
        b'{"control": 1, "steps": []}\n["a"]\n[]\n',
        b'{"control": [], "steps": []}\n[]\n[]\n',
        b'{"control": [], "steps": []}\n{"a": 0}\n[]\n',
        b'{"control": [], "steps": []}\n["a", 1]\n[]\n',
        b'{"control": [], "steps": []}\n["a", null]\n[]\n',
        b'{"control": [], "steps": []}\n["a"\n[]\n',
        b'{"control": [], "steps": []}\n["\xff"]\n[]\n',
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"aGk= 0\naGo= 1\naGo= 2\n",
        b"[" * 100_000 + b"\n[]\n[]\n",
    ],
)
def test_files_that_are_no_vocabulary(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"^vocabulary\.pieces: not a vocabulary of ") as caught:
        PieceTokenizer(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "merges", [{}, [0.5, 1], [0], ["l", "l"], [[0, 1]], [0, len(PIECES)], [-1, 2], [True, False]]
)
def test_damaged_merges_are_found_when_they_are_needed(path: Path, merges: Any) -> None:
    tokenizer = PieceTokenizer(write(path, merges=merges))
    assert tokenizer.decode(ids("hello")) == "hello"
    with pytest.raises(ModelError, match=r"^vocabulary\.pieces: its merges are damaged") as caught:
        tokenizer.encode("hello")
    assert "\n" not in str(caught.value)


def test_a_merge_without_a_piece_for_its_result(path: Path) -> None:
    tokenizer = PieceTokenizer(write(path, merges=ids("h", "a")))
    with pytest.raises(UnsupportedModel, match="has no piece 'ha'"):
        tokenizer.encode("hat")


def test_a_character_without_pieces_for_its_bytes(path: Path) -> None:
    tokenizer = PieceTokenizer(write(path, pieces=["▁", "a"], merges=[], control=[]))
    assert tokenizer.encode("a") == [0, 1]
    with pytest.raises(UnsupportedModel, match="has no piece '<0x62>'"):
        tokenizer.encode("b")


def test_a_missing_file(path: Path) -> None:
    with pytest.raises(ModelError, match=r"vocabulary\.pieces: not a vocabulary of pieces: .*No s"):
        PieceTokenizer(path)
