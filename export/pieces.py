"""The vocabulary of a checkpoint whose tokenizer is SentencePiece-like, in the runtime's format.

Read from `tokenizer.json`: byte-pair merges over characters, with byte fallback. The control tokens
are part of the vocabulary; which there are, and their ids, differ between checkpoints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_voice.errors import UnsupportedModel
from edge_voice.pieces import BYTE_PIECES

from .json_object import read_object
from .vocabulary import listed_tokens, token_ids

_CONTROL = re.compile(r"<\|.*\|>|<pad>|<unk>", re.DOTALL)
_LANGUAGE = re.compile(r"<\|([a-z]{2})\|>")  # of three letters are <|pnc|> and <|itn|>
# Fine-tunes fill their embeddings up to a multiple of a power of two; more rows than that would be
# another model's.
_MOST_SPARE_ROWS = 127
# Options of the BPE model that change how a text is cut, and what they are without effect.
_WITHOUT_EFFECT = {
    "dropout": (None, 0, 0.0),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "ignore_merges": (None, False),
}


@dataclass(frozen=True, slots=True)
class PieceVocabulary:
    """A vocabulary of pieces.

    Attributes:
        pieces: Each at its id.
        merges: Ids of two neighbours that become one piece, by falling priority.
        control_tokens: Pieces that stand for no text → id.
        steps: What is done to a text before it is cut; see `edge_voice.pieces`.
    """

    pieces: tuple[str, ...]
    merges: tuple[tuple[int, int], ...]
    control_tokens: dict[str, int]
    steps: tuple[tuple[Any, ...], ...]

    @property
    def language_tokens(self) -> dict[str, int]:
        """ISO 639 code → id of each token that looks like `<|en|>`: trained or not."""
        found = ((_LANGUAGE.fullmatch(name), i) for name, i in self.control_tokens.items())
        return {match[1]: i for match, i in found if match}

    def content(self) -> bytes:
        """The file that `edge_voice.pieces.PieceTokenizer` opens."""
        control = sorted(self.control_tokens.values())
        flat = [i for pair in self.merges for i in pair]
        lines = ({"control": control, "steps": self.steps}, self.pieces, flat)
        texts = (json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines)
        return "".join(f"{text}\n" for text in texts).encode("utf-8")


def read_pieces(
    folder: Path, *, embedding_rows: int, required: Iterable[str] = ()
) -> PieceVocabulary:
    """Reads the vocabulary beside a checkpoint's weights.

    Args:
        folder: Folder of the checkpoint.
        embedding_rows: Rows of its token embedding; up to 127 may be without a piece.
        required: Pieces that the model cannot do without.

    Raises:
        ModelNotFound: There is no `tokenizer.json`.
        UnsupportedModel: It is damaged, of another kind, or another model's.
    """
    path = folder / "tokenizer.json"
    source = str(path)
    tokenizer = read_object(path)
    model = _bpe_model(tokenizer, source)
    vocabulary = token_ids(model.get("vocab"), source)
    added = tokenizer.get("added_tokens")
    added = [] if added is None else added
    all_ids = _united(vocabulary, listed_tokens(added, source), source)
    pieces = _by_id(all_ids, source)
    _check_size(len(pieces), embedding_rows, source)
    _check_present(all_ids, (*required, *BYTE_PIECES), source)
    special = {entry["content"] for entry in added if entry.get("special") is True}
    return PieceVocabulary(
        pieces=pieces,
        merges=tuple(_merges(model.get("merges"), vocabulary, source)),
        control_tokens={p: i for p, i in all_ids.items() if p in special or _CONTROL.fullmatch(p)},
        steps=tuple(_steps(tokenizer, model)),
    )


def _bpe_model(tokenizer: dict[str, Any], source: str) -> dict[str, Any]:
    model = tokenizer.get("model")
    kind = model.get("type") if isinstance(model, dict) else None
    if kind != "BPE" or not isinstance(model, dict):
        raise UnsupportedModel(f"{source}: its model is of type {kind!r} (the only one known: BPE)")
    if model.get("byte_fallback") is not True:
        raise UnsupportedModel(f"{source}: its BPE model has no byte_fallback (expected: true)")
    return model


def _united(vocabulary: dict[str, int], added: dict[str, int], source: str) -> dict[str, int]:
    """All tokens; those that were added may stand in the vocabulary as well."""
    for token, index in added.items():
        if vocabulary.get(token, index) != index:
            raise UnsupportedModel(
                f"{source} gives {token!r} the id {vocabulary[token]}, its added_tokens {index}"
            )
    return token_ids(vocabulary | added, source)


def _by_id(tokens: Mapping[str, int], source: str) -> tuple[str, ...]:
    ordered = sorted(tokens, key=tokens.__getitem__)
    for expected, token in enumerate(ordered):
        if tokens[token] != expected:
            raise UnsupportedModel(f"{source} has no token with the id {expected}")
        if not token.isprintable() and _has_surrogates(token):
            raise UnsupportedModel(f"{source}: token {expected} is no text: {token!r}")
    return tuple(ordered)


def _has_surrogates(token: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in token)


def _check_size(count: int, rows: int, source: str) -> None:
    if not 0 <= rows - count <= _MOST_SPARE_ROWS:
        raise UnsupportedModel(
            f"{source} has {count} tokens and the checkpoint embeds {rows} "
            f"(allowed: as many, or up to {_MOST_SPARE_ROWS} fewer)"
        )


def _check_present(tokens: Mapping[str, int], required: Iterable[str], source: str) -> None:
    missing = [token for token in required if token not in tokens]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise UnsupportedModel(f"{source} has no token {', '.join(missing[:3])}{more}")


def _merges(
    entries: object, vocabulary: Mapping[str, int], source: str
) -> Iterator[tuple[int, int]]:
    """Ids of both sides; files have written a merge as one text and as a pair."""
    if not isinstance(entries, list):
        raise UnsupportedModel(f"{source} has no list of merges")
    for entry in entries:
        sides = entry.split(" ") if isinstance(entry, str) else entry
        match sides:
            case [str(left), str(right)] if {left, right, left + right} <= vocabulary.keys():
                yield vocabulary[left], vocabulary[right]
            case _:
                raise UnsupportedModel(f"{source}: no merge of known tokens: {entry!r}")


def _steps(tokenizer: dict[str, Any], model: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """What is done to a text before it is cut.

    A step that is not known is passed on by its name: only the encoding of texts needs it, and
    the runtime refuses that then.
    """
    for part in _parts(tokenizer.get("normalizer"), "normalizers"):
        yield from _normalizer_steps(part)
    for part in _parts(tokenizer.get("pre_tokenizer"), "pretokenizers"):
        yield from _pre_tokenizer_steps(part)
    for option, harmless in _WITHOUT_EFFECT.items():
        if model.get(option) not in harmless:
            yield (option, str(model[option]))


def _parts(step: object, key: str) -> Iterator[dict[str, Any]]:
    """The members of a sequence, or the one step that there is."""
    if step is None:
        return
    if not isinstance(step, dict) or not isinstance(step.get("type"), str):
        yield {"type": "unreadable"}
    elif step["type"] == "Sequence" and isinstance(step.get(key), list):
        for member in step[key]:
            yield from _parts(member, key)
    else:
        yield step


def _normalizer_steps(part: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    match part:
        case {"type": "Prepend", "prepend": str(mark)}:
            yield ("prepend", mark)
        case {"type": "Replace", "pattern": {"String": str(old)}, "content": str(new)}:
            yield ("replace", old, new)
        case {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": str(new)}:
            yield ("squeeze", " ", new)
        case {"type": "NFC" | "NFD" | "NFKC" | "NFKD" as form}:
            yield ("unicode", form)
        # SentencePiece's own table is, with its default rule, NFKC and little more.
        case {"type": "Precompiled"}:
            yield ("unicode", "NFKC")
        case {"type": "Lowercase"}:
            yield ("lower",)
        case {"type": "Strip", "strip_left": bool(left), "strip_right": bool(right)}:
            yield ("strip", left, right)
        case _:
            yield (part["type"],)


def _pre_tokenizer_steps(part: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    match part:
        case {"type": "Metaspace", "replacement": str(mark)}:
            yield ("replace", " ", mark)
            old_spelling = "always" if part.get("add_prefix_space", True) else "never"
            if part.get("prepend_scheme", old_spelling) != "never":
                yield ("prefix", mark)
            if part.get("split", True):
                yield ("split", mark)
        case _:
            yield (part["type"],)
