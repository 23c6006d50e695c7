"""Words of the user: the file, its errors, and where they are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_voice.errors import OptionError
from edge_voice.text import sentences
from edge_voice.text.user_lexicon import read_lexicon

SYMBOLS = set("abcdefhijklmnopqrstuvwxyzɡˈʤɪ ")
ENTRIES = """\
# Names and what else is read wrongly.

sql\tsequel
GIF  [[ʤˈɪf]]
New York\tthe [[bɪɡ]] apple
nginx engine X
IT\tinformation technology
O'Neill \t oh neal
C++\tsee plus plus
1st\tpremier
"""


def said(entries: str, text: str, folder: Path, language: str = "en") -> str:
    path = folder / "words.txt"
    path.write_text(entries, encoding="utf-8")
    return " ".join(sentences(text, language, read_lexicon(path, SYMBOLS)))


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Sql, SQL and sql.", "Sequel, sequel and sequel."),
        ("A GIF, a gif.", "A [[ʤˈɪf]], a gif."),
        ("The GIF's size.", "The [[ʤˈɪf]]'s size."),
        ("GIFs stay.", "GIFs stay."),
        ("New York is new.", "The [[bɪɡ]] apple is new."),
        ("it is IT", "it is information technology."),
        ("Nginx-like", "Engine X-like."),
        ("O’Neill came.", "Oh neal came."),
        ("C++ is old.", "See plus plus is old."),
        ("the 1st of 2", "the premier of two."),
        ("[[sql]] stays", "[[sql]] stays."),
        ("mysqlx stays", "mysqlx stays."),
    ],
)
def test_where_words_are_found(tmp_path: Path, written: str, spoken: str) -> None:
    assert said(ENTRIES, written, tmp_path) == spoken


def test_a_mapping() -> None:
    lexicon = read_lexicon({"sql": "sequel", "GIF": "[[ʤˈɪf]]"}, SYMBOLS)
    assert list(sentences("SQL. GIF.", "xx", lexicon)) == ["Sequel.", "[[ʤˈɪf]]."]


@pytest.mark.parametrize("entries", ["", "# nothing\n\n", "\ufeff# a mark in front\n"])
def test_an_empty_lexicon_changes_nothing(tmp_path: Path, entries: str) -> None:
    assert said(entries, "Some text.", tmp_path) == "Some text."


def test_line_ends_of_other_systems(tmp_path: Path) -> None:
    assert said("\ufeffa\tbee\r\nc\tdee\r\n", "a c", tmp_path) == "bee dee."


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lonely", r"'lonely' \(allowed: a word, a blank or tab, what is said\)"),
        ("lonely\t ", r"'lonely' \(allowed"),
        ("...\tdots", r"'\.\.\.' is no word"),
        ("x" * 101 + " y", r"'x+' is no word"),
        ("a\t?!", r"'\?!' cannot be said"),
        ("a " + "b " * 300, r"cannot be said \(allowed: words or"),
        ("a [[b", r"'\[\[b' has \[\[ or \]\] alone"),
        ("a b]]", r"'b\]\]' has \[\[ or \]\] alone"),
        ("a [[bX]]", r"\[\[bX\]\]: no phoneme 'X', U\+0058 \(allowed: "),
        ("[[a]] b", r"is no word"),
        ("two\tb", r"'two' is there twice"),
    ],
)
def test_lines_that_are_wrong(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "words.txt"
    path.write_text(f"# words\ntwo zwei\n{line}\n", encoding="utf-8")
    with pytest.raises(OptionError, match=rf"words\.txt, line 3: .*{message}"):
        read_lexicon(path, SYMBOLS)


def test_phonemes_for_a_model_without() -> None:
    with pytest.raises(OptionError, match=r"lexicon, 'a': \[\[b\]\]: this model reads letters"):
        read_lexicon({"a": "[[b]]"}, ())
    assert read_lexicon({"a": "be"}, ())("a b") == "be b"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"none\.txt: cannot be read: No such file"):
        read_lexicon(tmp_path / "none.txt", SYMBOLS)
    with pytest.raises(OptionError, match=r"cannot be read: Is a directory"):
        read_lexicon(tmp_path, SYMBOLS)
    (tmp_path / "latin.txt").write_bytes("é e".encode("latin-1"))
    with pytest.raises(OptionError, match=r"latin\.txt: not a text file \(allowed: UTF-8"):
        read_lexicon(tmp_path / "latin.txt", SYMBOLS)
    (tmp_path / "large.txt").write_bytes(b"# x\n" * (1 << 20) + b"#")
    with pytest.raises(OptionError, match=r"large\.txt: more than 4 MB"):
        read_lexicon(tmp_path / "large.txt", SYMBOLS)


def test_too_many_words() -> None:
    words = {f"word{number}": "x" for number in range(10_001)}
    with pytest.raises(OptionError, match=r"'word10000': more than 10000 words"):
        read_lexicon(words, SYMBOLS)
