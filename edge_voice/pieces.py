"""Pieces of text as SentencePiece cuts them: ids to text and back.

The file has three lines of JSON, in UTF-8, so that decoding needs not read what encoding needs:

1. an object: `control` is the list of ids that stand for no text, `steps` is what is done to a
   text before it is cut (see `PieceTokenizer.encode`);
2. the list of pieces, each at its id;
3. the list of merges by falling priority, flat: left id, right id, left id, right id and so on.

A blank in a text is U+2581 in a piece; a piece `<0x0A>` is that byte.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from edge_voice.errors import ModelError, UnsupportedModel

BLANK = "\u2581"
BYTE_PIECES = tuple(f"<0x{byte:02X}>" for byte in range(256))
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_NO_MERGE = 1 << 62  # a rank that no merge has


class PieceTokenizer:
    """A vocabulary of pieces with byte fallback.

    Attributes:
        control: Ids that stand for no text: end of text, languages and so on.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Opens the vocabulary.

        Raises:
            ModelError: The file is not such a vocabulary.
        """
        self._name = Path(path).name
        try:
            head, pieces, self._merges_line = Path(path).read_bytes().splitlines()
            self.control, self._steps = _parse_head(head)
            self._pieces = _strings(json.loads(pieces))
        except (OSError, ValueError, RecursionError) as error:
            raise ModelError(f"{self._name}: not a vocabulary of pieces: {error}") from None

    def __len__(self) -> int:
        """Number of pieces, control tokens included."""
        return len(self._pieces)

    def id(self, piece: str) -> int:
        """The id of one piece, `<|en|>` for example.

        Raises:
            UnsupportedModel: There is no such piece.
        """
        try:
            return self._ids[piece]
        except KeyError:
            raise UnsupportedModel(f"{self._name} has no piece {piece!r}") from None

    def decode(self, ids: Iterable[int]) -> str:
        """Text of the pieces, with the blank that the first one begins with.

        Control tokens and ids without a piece say nothing. Bytes that are no UTF-8, as a cut-off
        character leaves them, become U+FFFD.
        """
        return b"".join(self.pieces(ids)).decode("utf-8", "replace")

    def pieces(self, ids: Iterable[int]) -> list[bytes]:
        """Bytes of each id: none for those that say nothing."""
        return [self._bytes(i) for i in ids]

    def _bytes(self, i: int) -> bytes:
        if not 0 <= i < len(self._pieces) or i in self.control:
            return b""
        return _piece_bytes(self._pieces[i])

    def encode(self, text: str) -> list[int]:
        """Ids of a text; what looks like a control token is text like any other.

        The steps of the file prepare the text: `["prepend", s]` unless it is empty, `["prefix", s]`
        unless it begins so, `["replace", old, new]`, `["squeeze", old, new]` for two or more `old`
        in a row, `["unicode", form]`, `["lower"]`, `["strip", left, right]`, and `["split", s]`
        before each `s`.

        Raises:
            UnsupportedModel: The file asks for a step that is not known here.
            ModelError: Its list of merges is damaged.
        """
        words = [text]
        for step in self._steps:
            words = [part for word in words for part in self._prepared(word, step)]
        return [i for word in words for i in self._merged(self._characters(word))]

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {piece: i for i, piece in enumerate(self._pieces)}

    @cached_property
    def _ranks(self) -> dict[tuple[int, int], int]:
        """Two neighbours → rank of their merge."""
        try:
            flat = iter(_integers(json.loads(self._merges_line), len(self._pieces)))
            return {pair: rank for rank, pair in enumerate(zip(flat, flat, strict=True))}
        except ValueError as error:
            raise ModelError(f"{self._name}: its merges are damaged: {error}") from None

    @cached_property
    def _joined(self) -> dict[int, int]:
        """Rank of a merge → the piece it makes."""
        pieces = self._pieces
        return {
            rank: self.id(pieces[left] + pieces[right])
            for (left, right), rank in self._ranks.items()
        }

    def _prepared(self, text: str, step: Any) -> list[str]:
        match step:
            case ["split", str(mark)]:
                return [part for part in re.split(f"(?={re.escape(mark)})", text) if part]
            case ["prepend", str(mark)]:
                return [mark + text if text else ""]
            case ["prefix", str(mark)]:
                return [text if not text or text.startswith(mark) else mark + text]
            case ["replace", str(old), str(new)]:
                return [text.replace(old, new)]
            case ["squeeze", str(old), str(new)]:
                return [re.sub(f"(?:{re.escape(old)}){{2,}}", lambda _: new, text)]
            case ["unicode", "NFC" | "NFD" | "NFKC" | "NFKD" as form]:
                return [unicodedata.normalize(form, text)]
            case ["lower"]:
                return [text.lower()]
            case ["strip", bool(left), bool(right)]:
                text = text.lstrip() if left else text
                return [text.rstrip() if right else text]
        raise UnsupportedModel(f"{self._name}: texts cannot be encoded: no step {step!r} is known")

    def _characters(self, text: str) -> list[int]:
        """Each character's piece, or those of its bytes."""
        found: list[int] = []
        for character in text:
            if (piece := self._ids.get(character)) is not None:
                found.append(piece)
            else:
                content = character.encode("utf-8", "replace")
                found += [self.id(BYTE_PIECES[byte]) for byte in content]
        return found

    def _merged(self, ids: list[int]) -> list[int]:
        """Joins neighbours until no merge fits: of least rank first, of equals the leftmost."""
        ranks = [self._ranks.get(pair, _NO_MERGE) for pair in pairwise(ids)]
        while ranks and (best := min(ranks)) < _NO_MERGE:
            at = ranks.index(best)
            ids[at : at + 2] = [self._joined[best]]
            del ranks[at]
            for place in range(max(at - 1, 0), min(at + 1, len(ranks))):
                ranks[place] = self._ranks.get((ids[place], ids[place + 1]), _NO_MERGE)
        return ids


def _piece_bytes(piece: str) -> bytes:
    if _BYTE.fullmatch(piece):
        return bytes([int(piece[3:5], 16)])
    return piece.replace(BLANK, " ").encode("utf-8")


def _parse_head(line: bytes) -> tuple[frozenset[int], list[Any]]:
    match json.loads(line):
        case {"control": list(control), "steps": list(steps)}:
            return frozenset(_integers(control)), steps
    raise ValueError("its first line names no control tokens and steps")


def _strings(values: object) -> list[str]:
    if not isinstance(values, list) or not values or set(map(type, values)) != {str}:
        raise ValueError("its second line is not a list of texts")
    return values


def _integers(values: object, limit: int | None = None) -> list[int]:
    if not isinstance(values, list) or not set(map(type, values)) <= {int}:
        raise ValueError("ids are not a list of whole numbers")
    if values and (min(values) < 0 or (limit is not None and max(values) >= limit)):
        raise ValueError(f"ids from {min(values)} to {max(values)}")
    return values
