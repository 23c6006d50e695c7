"""The vocabulary of a Whisper checkpoint, in tiktoken's text format.

Each line is a token's bytes in base64, a space and its id. Hugging Face folders carry their own;
OpenAI's `.pt` does not, so the two published vocabularies ship with this package.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

from edge_voice.errors import UnsupportedModel

from .checkpoint import Checkpoint
from .json_object import read_object

# OpenAI's models with this many tokens know English only; multilingual ones have 1 or 2 more.
_ENGLISH_TOKENS = 51864
_PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_SPECIAL = re.compile(r"<\|.*\|>")


def vocabulary_for(checkpoint: Checkpoint) -> bytes:
    """The text tokens of a checkpoint, without special tokens.

    They come from `tokenizer.json` or `vocab.json` beside a Hugging Face checkpoint, else from the
    published vocabulary that has the checkpoint's number of tokens.

    Returns:
        Lines `base64 id`, by rising id.

    Raises:
        UnsupportedModel: the tokenizer is not byte-level BPE, or there is none and the number of
            tokens is not a published one.
    """
    tokens = _own_tokens(checkpoint)
    if not tokens:
        return _published(checkpoint)
    special = added_tokens(checkpoint)
    regular = ((token, index) for token, index in tokens.items() if token not in special)
    return _tiktoken_text(regular, str(checkpoint.folder))


def added_tokens(checkpoint: Checkpoint) -> dict[str, int]:
    """Special tokens such as `<|en|>` by name, as far as the checkpoint's own tokenizer has them.

    Returns:
        The id of each; empty where there is no tokenizer beside the weights.

    Raises:
        UnsupportedModel: the tokenizer's files are damaged.
    """
    if checkpoint.layout != "huggingface":
        return {}
    path = checkpoint.folder / "tokenizer.json"
    if path.exists():
        return listed_tokens(read_object(path).get("added_tokens", []), str(path))
    path = checkpoint.folder / "added_tokens.json"
    special = token_ids(read_object(path), str(path)) if path.exists() else {}
    # `vocab.json` lists the end-of-text token among the regular ones.
    own = _own_tokens(checkpoint).items()
    return {token: index for token, index in own if _SPECIAL.fullmatch(token)} | special


def _own_tokens(checkpoint: Checkpoint) -> dict[str, int]:
    """The vocabulary beside the weights, in the byte alphabet; empty if there is none."""
    if checkpoint.layout != "huggingface":
        return {}
    path = checkpoint.folder / "tokenizer.json"
    if path.exists():
        model = read_object(path).get("model")
        if not isinstance(model, dict) or model.get("type") != "BPE":
            raise UnsupportedModel(f"{path} is not a BPE tokenizer (the only kind known)")
        return token_ids(model.get("vocab"), str(path))
    path = checkpoint.folder / "vocab.json"
    return token_ids(read_object(path), str(path)) if path.exists() else {}


def _published(checkpoint: Checkpoint) -> bytes:
    key = "vocab_size" if checkpoint.layout == "huggingface" else "n_vocab"
    count = checkpoint.config.get(key)
    if not isinstance(count, int) or count < _ENGLISH_TOKENS:
        raise UnsupportedModel(
            f"{checkpoint.folder} has no tokenizer.json and {key} {count!r} "
            f"(published vocabularies: {_ENGLISH_TOKENS} English, more multilingual)"
        )
    name = "gpt2" if count == _ENGLISH_TOKENS else "multilingual"
    return (resources.files(__package__) / "data" / f"{name}.tiktoken").read_bytes()


def token_ids(value: object, source: str) -> dict[str, int]:
    """Checks a mapping of tokens to ids that came out of a file."""
    if not isinstance(value, dict) or not all(type(index) is int for index in value.values()):
        raise UnsupportedModel(f"{source} has no table of tokens and their ids")
    indices = set(value.values())
    if len(indices) < len(value) or min(indices, default=0) < 0:
        raise UnsupportedModel(f"{source} has negative token ids, or one id for two tokens")
    return value


def listed_tokens(entries: object, source: str) -> dict[str, int]:
    """Checks the list of added tokens that came out of a file."""
    if not isinstance(entries, list):
        raise UnsupportedModel(f"{source}: its added_tokens are not a list")
    return token_ids(dict(_name_and_id(entry, source) for entry in entries), source)


def _name_and_id(entry: object, source: str) -> tuple[str, Any]:
    match entry:
        case {"content": str(content), "id": int(index)}:
            return content, index
    raise UnsupportedModel(f"{source} has an added token without content and id")


def _tiktoken_text(tokens: Iterable[tuple[str, int]], source: str) -> bytes:
    byte_of = {character: byte for byte, character in byte_alphabet().items()}
    lines = [
        # The published file writes the empty token 50256 as a lone padding character.
        (base64.b64encode(_token_bytes(token, byte_of, source)) or b"=") + b" %d\n" % index
        for token, index in sorted(tokens, key=lambda item: item[1])
    ]
    return b"".join(lines)


def _token_bytes(token: str, byte_of: Mapping[str, int], source: str) -> bytes:
    try:
        return bytes(byte_of[character] for character in token)
    except KeyError:
        raise UnsupportedModel(
            f"{source}: token {token!r} is not written in the byte alphabet: "
            "the tokenizer is not byte-level"
        ) from None


def byte_alphabet() -> dict[int, str]:
    """The character that byte-level BPE files write for each byte.

    Printable bytes of Latin-1 stand for themselves; the others, in order, for characters from
    U+0100 on.
    """
    hidden = (byte for byte in range(256) if byte not in _PRINTABLE)
    substitutes = {byte: chr(0x100 + index) for index, byte in enumerate(hidden)}
    return {byte: chr(byte) for byte in _PRINTABLE} | substitutes
