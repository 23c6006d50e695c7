"""tekken.json → a vocabulary in tiktoken's format, and the numbers of its special tokens.

The layout is that of mistral_common 1.13.1: ordinary tokens have ids behind the special ones, and
of the listed ones only as many count as the model's vocabulary has room for.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_voice.errors import UnsupportedModel

from ...json_object import read_object

FILE_NAME = "tekken.json"
_AUDIO = "[AUDIO]"
_BEGIN_AUDIO = "[BEGIN_AUDIO]"
_TEXT_BEGINS = "[NEXT_AUDIO_TEXT]"
_TEXT_ENDS = "[REPEAT_AUDIO_TEXT]"


@dataclass(frozen=True, slots=True)
class Tekken:
    """What the runtime needs of a tokenizer.

    Attributes:
        vocabulary: Ordinary tokens, one `base64 rank` pair a line.
        pattern: How text is split into pieces that merges do not cross.
        special_tokens: Their number, which is the id of rank 0.
        audio: Token whose embedding a row of the voice replaces.
        begin_audio: Token before a voice, and before speech.
        text_begins: Token between voice and text.
        text_ends: Token behind the text.
    """

    vocabulary: bytes
    pattern: str
    special_tokens: int
    audio: int
    begin_audio: int
    text_begins: int
    text_ends: int


def read_tekken(folder: Path, vocabulary_size: int) -> Tekken:
    """Reads `tekken.json` of a checkpoint's folder.

    Args:
        folder: Where it lies.
        vocabulary_size: Rows of the model's text embedding.

    Raises:
        ModelNotFound: It is missing.
        UnsupportedModel: It is damaged, or does not fit the model.
    """
    path = folder / FILE_NAME
    content = read_object(path)
    config = content.get("config")
    match config:
        case {
            "pattern": str(pattern),
            "default_vocab_size": int(total),
            "default_num_special_tokens": int(special),
        } if 0 < special < total <= vocabulary_size:
            ids = _special_ids(content.get("special_tokens"), special, path)
            return Tekken(
                vocabulary=_vocabulary(content.get("vocab"), total - special, path),
                pattern=pattern,
                special_tokens=special,
                audio=_id_of(ids, _AUDIO, path),
                begin_audio=_id_of(ids, _BEGIN_AUDIO, path),
                text_begins=_id_of(ids, _TEXT_BEGINS, path),
                text_ends=_id_of(ids, _TEXT_ENDS, path),
            )
    raise UnsupportedModel(
        f"{path}: its config has no pattern, or numbers of tokens that do not fit the"
        f" {vocabulary_size} of the model"
    )


def _special_ids(entries: Any, count: int, path: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in entries if isinstance(entries, list) else ():
        match entry:
            case {"rank": int(rank), "token_str": str(name)} if 0 <= rank < count:
                found[name] = rank
            case _:
                raise UnsupportedModel(f"{path}: a special token without name and rank")
    return found


def _id_of(ids: dict[str, int], name: str, path: Path) -> int:
    if name not in ids:
        raise UnsupportedModel(f"{path}: no special token {name}")
    return ids[name]


def _vocabulary(entries: Any, count: int, path: Path) -> bytes:
    """The first `count` entries; they must be ranked 0, 1, 2 and so on."""
    if not isinstance(entries, list) or len(entries) < count:
        raise UnsupportedModel(f"{path}: fewer than {count} tokens in its vocab")
    lines = []
    for rank, entry in enumerate(entries[:count]):
        match entry:
            case {"rank": int(found), "token_bytes": str(word)} if found == rank:
                lines.append(f"{_checked_word(word, path)} {rank}\n")
            case _:
                raise UnsupportedModel(f"{path}: token {rank} of its vocab is out of order")
    return "".join(lines).encode()


def _checked_word(word: str, path: Path) -> str:
    try:
        canonical = base64.b64encode(binascii.a2b_base64(word, strict_mode=True)).decode()
    except ValueError:
        canonical = ""
    if not word or canonical != word:
        raise UnsupportedModel(f"{path}: token {word!r:.40} is not base64")
    return word
