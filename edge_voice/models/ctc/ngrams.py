"""Word n-gram models in ARPA format, as KenLM, SRILM and others write it."""

from __future__ import annotations

import gzip
import os
from array import array
from collections.abc import Iterator, Sequence
from typing import IO, Any

import numpy as np

from edge_voice.errors import OptionError

Array = np.ndarray[Any, np.dtype[Any]]

_KENLM_BINARY = b"mmap lm http"
_UNKNOWN = "<unk>"
_LOWEST = -99.0  # what ARPA files write for log 0
# Multiplier of a 64-bit hash (Knuth's golden ratio). Of ten million n-grams two have the same
# key with a probability of 3e-6.
_MULTIPLIER, _KEYS = 0x9E3779B97F4A7C15, 1 << 64


class NGrams:
    """Probabilities of words behind words, with back-off (Katz 1987).

    An n-gram takes 16 bytes, whatever its words are: its key is a hash of their numbers.

    Attributes:
        order: Most words of an n-gram.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Reads an .arpa or .arpa.gz file.

        Raises:
            OptionError: It cannot be read or is no such file; names the line.
        """
        self._words: dict[str, int] = {}
        self._tables: list[_Table] = []
        name = os.fspath(path)
        try:
            with _opened(name) as stream:
                self._read(stream, name)
        except (OSError, EOFError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise OptionError(f"{name}: cannot be read: {reason}") from None
        except UnicodeDecodeError:
            raise OptionError(f"{name}: is not UTF-8 text (allowed: an ARPA file)") from None
        if not self._tables or not self._words:
            raise OptionError(f"{name}: no n-grams in it (allowed: an ARPA file)")
        self.order = len(self._tables)

    def knows(self, word: str) -> bool:
        """Whether a word is in the vocabulary."""
        return word in self._words

    def log10(self, context: Sequence[str], word: str) -> float:
        """Base-10 logarithm of the probability of a word.

        Args:
            context: Words before it, `<s>` for the beginning; only the last ones count.
            word: Any; one that is not known is `<unk>`.
        """
        unknown = self._words.get(_UNKNOWN, -1)
        numbers = [self._words.get(w, unknown) for w in (*context, word)]
        numbers = numbers[-self.order :]
        total = 0.0
        while len(numbers) > 1:
            if (place := self._tables[len(numbers) - 1].find(numbers)) is not None:
                return total + float(self._tables[len(numbers) - 1].logs[place])
            shorter = self._tables[len(numbers) - 2]
            if (place := shorter.find(numbers[:-1])) is not None:
                total += float(shorter.backoffs[place])
            numbers = numbers[1:]
        place = self._tables[0].find(numbers)
        return total + (_LOWEST if place is None else float(self._tables[0].logs[place]))

    def _read(self, stream: IO[str], name: str) -> None:
        order, columns = 0, _Columns()
        for number, line in enumerate(stream, 1):
            text = line.strip()
            if text.startswith("\\"):
                if order:
                    self._tables.append(columns.table())
                order, columns = _section(text, order, f"{name}:{number}"), _Columns()
                if order < 0:
                    return
            elif order and text:
                self._add(text, order, columns, f"{name}:{number}")
        raise OptionError(f"{name}: ends without \\end\\: it is cut short, or no ARPA file")

    def _add(self, text: str, order: int, columns: _Columns, place: str) -> None:
        fields = text.split()
        try:
            log, words, rest = float(fields[0]), fields[1 : order + 1], fields[order + 1 :]
            backoff = float(rest[0]) if rest else 0.0
        except (ValueError, IndexError):
            raise OptionError(f"{place}: no {order}-gram with its probability") from None
        if len(words) < order or len(rest) > 1:
            raise OptionError(f"{place}: no {order}-gram with its probability")
        if order == 1:
            self._words.setdefault(words[0], len(self._words))
        columns.keys.append(_key([self._words.get(word, -1) for word in words]))
        columns.logs.append(log)
        columns.backoffs.append(backoff)


class _Table:
    """N-grams of one order, sorted by key."""

    def __init__(self, keys: Array, logs: Array, backoffs: Array) -> None:
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order]
        self.logs = logs[order]
        self.backoffs = backoffs[order]

    def find(self, numbers: Sequence[int]) -> int | None:
        """Where an n-gram stands; None if it is not there."""
        key = np.uint64(_key(numbers))
        place = int(self._keys.searchsorted(key))
        return place if place < len(self._keys) and self._keys[place] == key else None


class _Columns:
    """A table while it is read."""

    def __init__(self) -> None:
        self.keys, self.logs, self.backoffs = array("Q"), array("f"), array("f")

    def table(self) -> _Table:
        return _Table(
            np.frombuffer(self.keys, np.uint64) if self.keys else np.zeros(0, np.uint64),
            np.array(self.logs, np.float32),
            np.array(self.backoffs, np.float32),
        )


def _key(numbers: Sequence[int]) -> int:
    key = 0
    for number in numbers:
        key = (key * _MULTIPLIER + number + 2) % _KEYS
    return key


def _section(text: str, order: int, place: str) -> int:
    """The order of the n-grams that a section holds; 0 for the counts, -1 for the end."""
    if text == "\\data\\" and not order:
        return 0
    if text == "\\end\\":
        return -1
    if text == f"\\{order + 1}-grams:":
        return order + 1
    raise OptionError(f"{place}: unexpected {text[:40]!r} (allowed: \\{order + 1}-grams:)")


def _opened(name: str) -> IO[str]:
    with open(name, "rb") as file:
        head = file.read(len(_KENLM_BINARY))
    if head == _KENLM_BINARY:
        raise OptionError(f"{name}: a binary file of KenLM (allowed: the ARPA file it is made of)")
    if head[:2] == b"\x1f\x8b":
        return gzip.open(name, "rt", encoding="utf-8")
    return open(name, encoding="utf-8")


def lines_of_words(path: str | os.PathLike[str]) -> Iterator[str]:
    """The words of a list: UTF-8, one a line; blank lines are left out.

    Raises:
        OptionError: The file cannot be read, or a line has several words.
    """
    name = os.fspath(path)
    try:
        with open(name, encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, 1):
                words = line.split()
                if len(words) > 1:
                    raise OptionError(f"{name}:{number}: {len(words)} words (allowed: one a line)")
                yield from words
    except OSError as error:
        raise OptionError(f"{name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise OptionError(f"{name}: is not UTF-8 text") from None
