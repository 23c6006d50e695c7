"""Tokens of a CTC model, from the files of its tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_voice.errors import UnsupportedModel

from ...ready_folder import read_json_if_there

_SPECIAL = ("pad_token", "unk_token", "bos_token", "eos_token")
_DEFAULTS = {
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "word_delimiter_token": "|",
}


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a tokenizer's files say.

    Attributes:
        texts: Each token's, in order of ids.
        blank: Id of the padding token, which is CTC's blank.
        delimiter: Id of the token between words; None if there is none.
        special: Ids of further tokens that are not written.
        lower_case: Whether text is written in lower case.
        languages: Whose tokens these are, where the files say so.
    """

    texts: tuple[str, ...]
    blank: int
    delimiter: int | None
    special: tuple[int, ...]
    lower_case: bool
    languages: tuple[str, ...]


def read_tokens(folder: Path, config: Mapping[str, Any], size: int) -> Tokens:
    """Reads vocab.json or tokenizer.json, and checks that they fit the graph.

    Args:
        folder: The published folder.
        config: What config.json says.
        size: Width of the graph's logits.

    Raises:
        UnsupportedModel: A file is missing or is not what it should be, or they are those of
            another model.
    """
    settings = {**_DEFAULTS, **read_json_if_there(folder, "tokenizer_config.json")}
    where, tokens, language = _vocabulary(folder, config, settings, size)
    added = _added(folder, settings)
    highest = max(tokens.values(), default=-1)
    if highest >= size or len(tokens) + len(added.keys() - tokens.keys()) < size:
        raise UnsupportedModel(
            f"wrong tokenizer: {where} has {len(tokens)} tokens up to id {highest},"
            f" the graph has {size} (0 to {size - 1})"
        )
    every = {text: i for text, i in {**added, **tokens}.items() if i < size}
    names = {key: _text(settings.get(key)) for key in (*_SPECIAL, "word_delimiter_token")}
    blank = every.get(names["pad_token"])
    if blank is None:
        raise UnsupportedModel(
            f"wrong tokenizer: no blank, {names['pad_token']!r}, among the tokens of {where}"
        )
    delimiter = every.get(names["word_delimiter_token"])
    special = {every[names[key]] for key in _SPECIAL if names[key] in every} | {
        i for text, i in added.items() if i < size
    }
    texts = [""] * size
    for text, i in every.items():
        texts[i] = text
    return Tokens(
        tuple(texts),
        blank,
        delimiter,
        tuple(sorted(special - {blank, delimiter})),
        settings.get("do_lower_case") is True,
        (language,) if language else (),
    )


def _vocabulary(
    folder: Path, config: Mapping[str, Any], settings: Mapping[str, Any], size: int
) -> tuple[str, dict[str, int], str]:
    """File name, token → id, and the language whose tokens these are."""
    table: Any
    if (folder / "vocab.json").is_file():
        name, table = "vocab.json", read_json_if_there(folder, "vocab.json")
    elif (folder / "tokenizer.json").is_file():
        name = "tokenizer.json"
        model = read_json_if_there(folder, name).get("model")
        table = model.get("vocab") if isinstance(model, dict) else None
    else:
        raise UnsupportedModel(f"no vocab.json and no tokenizer.json in {folder}")
    language = settings.get("target_lang")
    if isinstance(table, dict) and table and all(isinstance(v, dict) for v in table.values()):
        language = _language(name, table, language, size)
        table = table[language]
    if not isinstance(table, dict) or not all(type(i) is int and i >= 0 for i in table.values()):
        raise UnsupportedModel(f"{folder / name}: expected tokens and their ids")
    if len(set(table.values())) < len(table):
        raise UnsupportedModel(f"{folder / name}: several tokens have the same id")
    return name, table, language if isinstance(language, str) else ""


def _language(name: str, table: Mapping[str, Any], wanted: object, size: int) -> str:
    """Which of the vocabularies of MMS belongs to the adapter that was merged into the graph."""
    if isinstance(wanted, str) and wanted in table:
        return wanted
    fitting = [language for language, tokens in table.items() if len(tokens) == size]
    if len(fitting) == 1 and wanted is None:
        return fitting[0]
    known = ", ".join(sorted(table)[:10])
    raise UnsupportedModel(
        f"wrong tokenizer: {name} holds {len(table)} languages ({known} …) and"
        f" tokenizer_config.json names {wanted!r} as target_lang"
    )


def _added(folder: Path, settings: Mapping[str, Any]) -> dict[str, int]:
    """Tokens that were added to the vocabulary: text → id."""
    found = {
        text: i
        for text, i in read_json_if_there(folder, "added_tokens.json").items()
        if type(i) is int
    }
    decoder = settings.get("added_tokens_decoder")
    for key, token in (decoder if isinstance(decoder, dict) else {}).items():
        if key.isdecimal():
            found[_text(token)] = int(key)
    listed = read_json_if_there(folder, "tokenizer.json").get("added_tokens")
    for token in listed if isinstance(listed, list) else []:
        if isinstance(token, dict) and type(token.get("id")) is int:
            found[_text(token)] = token["id"]
    found.pop("", None)
    return found


def _text(token: object) -> str:
    """A token's text; the files write it plain or as an object with its settings."""
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else ""
