"""Files of n-grams and words, good and bad."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from edge_voice.errors import OptionError
from edge_voice.models.ctc.ngrams import NGrams, lines_of_words

GOOD = "\\data\\\nngram 1=1\n\n\\1-grams:\n-1.5\tword\t-0.5\n\n\\end\\\n"


def test_plain_and_compressed(tmp_path: Path) -> None:
    (tmp_path / "a.arpa").write_text(GOOD)
    (tmp_path / "a.arpa.gz").write_bytes(gzip.compress(GOOD.encode()))
    for name in ("a.arpa", "a.arpa.gz"):
        assert NGrams(tmp_path / name).log10((), "word") == pytest.approx(-1.5)
        assert NGrams(tmp_path / name).log10((), "other") == pytest.approx(-99)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"ends without \\end\\"),
        (GOOD[:-8].encode(), r"ends without \\end\\"),
        (b"\\data\\\n\\2-grams:\n", r":2: unexpected '\\\\2-grams:'"),
        (b"\\data\\\n\\1-grams:\nx\tword\n\\end\\\n", ":3: no 1-gram"),
        (b"\\data\\\n\\1-grams:\n-1\n\\end\\\n", ":3: no 1-gram"),
        (b"\\data\\\n\\1-grams:\n-1\ta\tb\tc\n\\end\\\n", ":3: no 1-gram"),
        (b"\\data\\\n\\end\\\n", "no n-grams in it"),
        (b"mmap lm http and so on", "a binary file of KenLM"),
        (b"\xff\xfe\\data\\", "is not UTF-8"),
        (gzip.compress(GOOD.encode())[:-12], "cannot be read"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "bad.arpa").write_bytes(content)
    with pytest.raises(OptionError, match=message) as caught:
        NGrams(tmp_path / "bad.arpa")
    assert "bad.arpa" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="No such file"):
        NGrams(tmp_path / "none.arpa")
    with pytest.raises(OptionError, match="No such file"):
        list(lines_of_words(tmp_path / "none.txt"))


def test_words(tmp_path: Path) -> None:
    (tmp_path / "words").write_bytes("\ufeffone\n\n two \nthrée".encode())
    assert list(lines_of_words(tmp_path / "words")) == ["one", "two", "thrée"]
    (tmp_path / "words").write_bytes(b"one\ntwo three\n")
    with pytest.raises(OptionError, match="words:2: 2 words"):
        list(lines_of_words(tmp_path / "words"))
    (tmp_path / "words").write_bytes(b"\xff")
    with pytest.raises(OptionError, match="not UTF-8"):
        list(lines_of_words(tmp_path / "words"))
