"""The user's own words: what is said where they are written."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_voice.errors import OptionError
from edge_voice.text.clean import plain_text
from edge_voice.text.given import GIVEN, carried, check_given

Source = str | os.PathLike[str] | Mapping[str, str]

_MOST_ENTRIES = 10_000
_MOST_BYTES = 4 << 20
_LONGEST_WORD, _LONGEST_SAID = 100, 500
_SPEAKABLE = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class UserLexicon:
    """Words and what is said for them.

    Attributes:
        pattern: Finds them, the longest first; None if there are none.
        said: By the word as the lexicon has it. One in lower case is found whatever its case in
            the text, one with capitals only as it is.
    """

    pattern: re.Pattern[str] | None
    said: Mapping[str, str]

    def __call__(self, sentence: str) -> str:
        """The sentence with its words replaced; a capital at its beginning stays one."""
        words = self.pattern.sub(self._say, sentence) if self.pattern else sentence
        return words[:1].upper() + words[1:] if sentence[:1].isupper() else words

    def _say(self, found: re.Match[str]) -> str:
        word = found[0]
        return self.said.get(word) or self.said.get(word.lower(), word)


def read_lexicon(source: Source, symbols: Collection[str]) -> UserLexicon:
    """Reads a lexicon of the user.

    Args:
        source: A UTF-8 file with an entry a line: a word, blanks or a tab, what is said; lines
            that begin with `#` are comments. Or a mapping of the same. A word may have blanks
            if a tab follows it. What is said is other words, or phonemes in `[[ ]]`.
        symbols: The voice's phonemes; empty if it reads letters.

    Raises:
        OptionError: The file cannot be read, or an entry is not such; says which.
    """
    said: dict[str, str] = {}
    entries = _of_mapping(source) if isinstance(source, Mapping) else _of_file(os.fspath(source))
    for where, word, spoken in entries:
        key = _checked_word(word, where)
        if key in said:
            raise OptionError(f"{where}: {word!r} is there twice")
        if len(said) == _MOST_ENTRIES:
            raise OptionError(f"{where}: more than {_MOST_ENTRIES} words, the most of a lexicon")
        said[key] = _checked_said(spoken, symbols, where)
    return UserLexicon(_pattern(said), said)


def _of_mapping(entries: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    return ((f"lexicon, {word!r}", word, said) for word, said in entries.items())


def _of_file(path: str) -> Iterator[tuple[str, str, str]]:
    """Where each entry stands, its word, and what is said."""
    for number, line in enumerate(_lines(path), 1):
        text, where = line.strip(), f"{path}, line {number}"
        if not text or text.startswith("#"):
            continue
        word, *said = text.split("\t", 1) if "\t" in text else text.split(None, 1)
        if not said or not said[0].strip():
            raise OptionError(
                f"{where}: {text[:40]!r} (allowed: a word, a blank or tab, what is said)"
            )
        yield where, word.strip(), said[0].strip()


def _lines(path: str) -> list[str]:
    try:
        with Path(path).open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise OptionError(f"lexicon {path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise OptionError(f"lexicon {path}: not a text file (allowed: UTF-8 text)") from None
    if len(raw) > _MOST_BYTES:
        raise OptionError(f"lexicon {path}: more than {_MOST_BYTES >> 20} MB")
    return text.split("\n")


def _checked_word(word: str, where: str) -> str:
    key = plain_text(word)
    if not _SPEAKABLE.search(key) or "[[" in key or len(key) > _LONGEST_WORD:
        raise OptionError(
            f"{where}: {word[:40]!r} is no word (allowed: up to {_LONGEST_WORD} letters and signs)"
        )
    return key


def _checked_said(said: str, symbols: Collection[str], where: str) -> str:
    plain = re.sub(GIVEN, "x", said)
    if "[[" in plain or "]]" in plain:
        raise OptionError(f"{where}: {said[:40]!r} has [[ or ]] alone (allowed: [[phonemes]])")
    if not _SPEAKABLE.search(plain_text(plain)) or len(said) > _LONGEST_SAID:
        raise OptionError(
            f"{where}: {said[:40]!r} cannot be said (allowed: words or [[phonemes]], up to "
            f"{_LONGEST_SAID} characters)"
        )
    try:
        check_given(said, symbols)
    except OptionError as error:
        raise OptionError(f"{where}: {error}") from None
    return carried(plain_text(said))


def _pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    ordered = sorted(words, key=len, reverse=True)
    if not ordered:
        return None
    choices = (f"(?i:{re.escape(w)})" if w == w.lower() else re.escape(w) for w in ordered)
    return re.compile(rf"(?<!\w)(?:{'|'.join(choices)})(?!\w)")
