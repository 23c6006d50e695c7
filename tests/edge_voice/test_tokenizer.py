"""Byte-pair tokens to text and back."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from edge_voice.errors import ModelError
from edge_voice.tokenizer import BytePairTokenizer

MERGES = [b"he", b"ll", b"hell", b"hello", b" w", b" wo", "é".encode(), "日".encode()[:2]]
GPT2 = Path(__file__).parents[2] / "export" / "data" / "gpt2.tiktoken"
TEXTS = [
    "hello world",
    "  spaces  and\ttabs\n\nlines ",
    "it's 1961: don't",
    "Ça va très bien, été",
    "日本語のテキスト",
    "مرحبا بالعالم",
    "🎙️👩‍🚀 emoji",
    "<|endoftext|> is only text here",
]


def write(path: Path, pieces: list[bytes]) -> Path:
    lines = [base64.b64encode(piece) + b" %d" % rank for rank, piece in enumerate(pieces)]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Every byte, and a few merges."""
    return write(tmp_path / "small.tiktoken", [bytes([i]) for i in range(256)] + MERGES)


@pytest.fixture
def tokenizer(path: Path) -> BytePairTokenizer:
    return BytePairTokenizer(path)


def test_length_is_where_special_tokens_begin(tokenizer: BytePairTokenizer) -> None:
    assert len(tokenizer) == 256 + len(MERGES)


def test_merges_are_applied_by_rank(tokenizer: BytePairTokenizer) -> None:
    assert tokenizer.encode("hello") == [256 + MERGES.index(b"hello")]
    assert tokenizer.encode("hell") == [256 + MERGES.index(b"hell")]
    # " w" may merge with "o", but words do not merge with each other.
    assert tokenizer.encode("hello wo") == [256 + MERGES.index(b"hello"), 256 + 5]


@pytest.mark.parametrize("text", TEXTS)
def test_round_trip(tokenizer: BytePairTokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("text", TEXTS)
def test_round_trip_with_the_published_vocabulary(text: str) -> None:
    tokenizer = BytePairTokenizer(GPT2)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert len(ids) < len(text.encode())


def test_ids_are_those_of_gpt2() -> None:
    tokenizer = BytePairTokenizer(GPT2)
    assert len(tokenizer) == 50256
    assert tokenizer.encode("Hello world") == [15496, 995]
    assert tokenizer.encode(" ask not") == [1265, 407]


def test_nothing(tokenizer: BytePairTokenizer) -> None:
    assert tokenizer.encode("") == []
    assert tokenizer.decode([]) == ""


def test_special_tokens_say_nothing(tokenizer: BytePairTokenizer) -> None:
    special = len(tokenizer)
    assert tokenizer.decode([special, 104, special + 1500, 105, -1, 10**9]) == "hi"


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ([256 + MERGES.index("é".encode())], "é"),
        ([*"é".encode()], "é"),
        (["é".encode()[0]], "\ufffd"),
        ([256 + 7, "日".encode()[2]], "日"),
        ([256 + 7], "\ufffd"),
        ([104, 0xFF, 105], "h\ufffdi"),
    ],
)
def test_characters_of_several_tokens(
    tokenizer: BytePairTokenizer, ids: list[int], text: str
) -> None:
    assert tokenizer.decode(ids) == text


def test_decode_takes_any_iterable(tokenizer: BytePairTokenizer) -> None:
    assert tokenizer.decode(iter((104, 105))) == "hi"


def test_the_empty_token_of_the_multilingual_vocabulary(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"= %d\n" % (256 + len(MERGES)))
    tokenizer = BytePairTokenizer(path)
    assert len(tokenizer) == 257 + len(MERGES)
    assert tokenizer.decode([104, len(tokenizer) - 1]) == "h"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"aGk= 0\naGk=\n",
        b"aGk= one\n",
        b"aGk= 1\n",
        b"aGk= 0\naGo= 2\n",
        b"aGk= 0\naGo= 0\n",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b'{"model": {"vocab": {}}}',
    ],
)
def test_files_that_are_no_vocabulary(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vocabulary.tiktoken"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"vocabulary\.tiktoken: not a tiktoken vocab") as caught:
        BytePairTokenizer(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("word", [b"a+-k", b"aGk", b"\x00\xff\xfe\x80"])
def test_a_token_that_is_not_base64_is_named_when_it_is_needed(tmp_path: Path, word: bytes) -> None:
    path = tmp_path / "vocabulary.tiktoken"
    path.write_bytes(b"aGk= 0\n" + word + b" 1\n")
    tokenizer = BytePairTokenizer(path)
    assert tokenizer.decode([0]) == "hi"
    for use in (lambda: tokenizer.decode([1]), lambda: tokenizer.encode("hi")):
        with pytest.raises(ModelError, match=r"vocabulary\.tiktoken: token 1 is not base64"):
            use()


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.tiktoken: not a tiktoken vocabulary: .*No such"):
        BytePairTokenizer(tmp_path / "none.tiktoken")
