"""Byte-pair tokens to text and back. Decoding needs a table only; encoding loads tiktoken."""

from __future__ import annotations

import binascii
import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from edge_voice.errors import ModelError

if TYPE_CHECKING:
    import tiktoken

# GPT-2's split of text into pieces that merges do not cross (Radford et al. 2019).
GPT2_PATTERN = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)


class BytePairTokenizer:
    """A vocabulary in tiktoken's file format: one `base64 rank` pair a line, id = rank."""

    def __init__(self, path: str | os.PathLike[str], pattern: str = GPT2_PATTERN) -> None:
        """Opens the vocabulary.

        Raises:
            ModelError: The file is not such a vocabulary.
        """
        self._path = Path(path)
        self._pattern = pattern
        try:
            self._words = _parse(self._path.read_bytes())
        except (OSError, ValueError) as error:
            raise ModelError(f"{self._path.name}: not a tiktoken vocabulary: {error}") from None

    def __len__(self) -> int:
        """Number of ordinary tokens; special tokens have ids from here on."""
        return len(self._words)

    def decode(self, ids: Iterable[int]) -> str:
        """Text of the ordinary tokens among `ids`; special tokens say nothing.

        Bytes that are no UTF-8, as a cut-off character leaves them, become U+FFFD.
        """
        return b"".join(self.pieces(ids)).decode("utf-8", errors="replace")

    def pieces(self, ids: Iterable[int]) -> list[bytes]:
        """Bytes of each of the ordinary tokens among `ids`; characters may be spread over some."""
        count = len(self._words)
        return [self._piece(i) for i in ids if 0 <= i < count]

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without special tokens."""
        return self._encoding.encode(text, disallowed_special=())

    @cached_property
    def _encoding(self) -> tiktoken.Encoding:
        import tiktoken  # 50 ms: only prompts need it

        ranks = {self._piece(rank): rank for rank in range(len(self._words))}
        return tiktoken.Encoding(
            self._path.name, pat_str=self._pattern, mergeable_ranks=ranks, special_tokens={}
        )

    def _piece(self, rank: int) -> bytes:
        word = self._words[rank]
        if word == b"=":  # how the published multilingual file writes its one empty token
            return b""
        try:
            return binascii.a2b_base64(word, strict_mode=True)
        except ValueError:
            raise ModelError(f"{self._path.name}: token {rank} is not base64") from None


def _parse(content: bytes) -> list[bytes]:
    """The base64 words in the order of their ids; decoding all 50,000 at each start takes 25 ms."""
    words = content.split()
    pieces, ranks = words[::2], words[1::2]
    if not pieces or ranks != [b"%d" % rank for rank in range(len(pieces))]:
        raise ValueError("its ids are not 0, 1, 2 and so on")
    return pieces
