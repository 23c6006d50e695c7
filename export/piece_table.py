"""The vocabulary in the binary table of Moonshine's own packages (`tokenizer.bin`).

Each token is its length and its bytes; lengths from 128 on take two bytes, the high one first and
with its top bit set. A blank is U+2581. There are no merges in it: a SentencePiece byte-pair
vocabulary lists pieces by falling priority, which is all that merging needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from edge_voice.errors import ModelNotFound, UnsupportedModel
from edge_voice.pieces import BLANK, BYTE_PIECES

from .pieces import PieceVocabulary

_UNKNOWN, START, END = "<unk>", "<s>", "</s>"
_FIRST_BYTE = 3
_SPARE = "<<ST_"  # tokens that were kept free when the vocabulary was made


def read_piece_table(path: Path) -> PieceVocabulary:
    """Reads the table.

    Raises:
        ModelNotFound: There is no such file.
        UnsupportedModel: It is damaged, or has other special tokens.
    """
    if not path.is_file():
        raise ModelNotFound(f"no vocabulary at {path}")
    tokens = list(_tokens(path.read_bytes(), str(path)))
    bytes_end = _FIRST_BYTE + len(BYTE_PIECES)
    special = [name.encode() for name in (_UNKNOWN, START, END)]
    single = [bytes([byte]) for byte in range(len(BYTE_PIECES))]
    if tokens[:bytes_end] != [*special, *single]:
        raise UnsupportedModel(
            f"{path}: the table does not begin with {_UNKNOWN}, {START}, {END} and the 256 bytes"
        )
    try:
        texts = [token.decode("utf-8") for token in tokens[bytes_end:]]
    except UnicodeDecodeError as error:
        raise UnsupportedModel(f"{path}: a token is not UTF-8: {error}") from None
    pieces = (_UNKNOWN, START, END, *BYTE_PIECES, *texts)
    spare = {i for i, piece in enumerate(pieces) if piece.startswith(_SPARE) or not piece}
    control = {pieces[i]: i for i in (0, 1, 2, *sorted(spare))}
    return PieceVocabulary(
        pieces=pieces,
        merges=tuple(_merges(pieces, bytes_end)),
        control_tokens=control,
        steps=(("prepend", BLANK), ("replace", " ", BLANK)),
    )


def _tokens(content: bytes, source: str) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        length, at = content[at], at + 1
        if length >= 128 and at < len(content):
            length, at = (length - 128) * 128 + content[at], at + 1
        if at + length > len(content):
            raise UnsupportedModel(f"{source}: cut off inside a token")
        yield content[at : at + length]
        at += length


def _merges(pieces: tuple[str, ...], first: int) -> Iterator[tuple[int, int]]:
    """Every way to join two pieces to a third, those that make the earliest piece first."""
    ids = {piece: i for i, piece in zip(count(first), pieces[first:], strict=False)}
    for piece in pieces[first:]:
        halves = ((piece[:cut], piece[cut:]) for cut in range(1, len(piece)))
        known = [(ids[left], ids[right]) for left, right in halves if left in ids and right in ids]
        yield from sorted(known)
