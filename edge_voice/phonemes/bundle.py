"""English phonemes from the files of a bundle, which `export/lexicons.py` puts there."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from edge_voice.errors import ManifestError
from edge_voice.manifest import Manifest
from edge_voice.phonemes import unknown
from edge_voice.phonemes.english import EnglishPhonemizer
from edge_voice.phonemes.lexicon import Lexicon
from edge_voice.phonemes.tagger import Tagger
from edge_voice.phonemes.unknown import Alphabet, UnknownWords
from edge_voice.session import Session

TAGGER = "tagger"
# Roles of the files that each accent has of its own.
GOLD = {"us": "lexicon_gold", "gb": "lexicon_gold_gb"}
SILVER = {"us": "lexicon_silver", "gb": "lexicon_silver_gb"}
UNKNOWN_WORDS = {"us": "unknown_words", "gb": "unknown_words_gb"}


def open_english(
    folder: Path, manifest: Manifest, alphabet: Alphabet, *, accent: str = "us"
) -> EnglishPhonemizer:
    """Opens lexicons, tagger and the network for unknown words.

    Args:
        folder: The bundle.
        manifest: Its manifest.
        alphabet: Of the accent's network.
        accent: `us` or `gb`.

    Raises:
        ModelError: A file is damaged, or the bundle does not have it.
    """
    gold, silver, tagger = (
        _read_table(folder / manifest.asset(role))
        for role in (GOLD[accent], SILVER[accent], TAGGER)
    )
    session = Session(folder / manifest.graph(UNKNOWN_WORDS[accent]), unknown.GRAPH)
    return EnglishPhonemizer(
        Lexicon(gold, silver, british=accent == "gb"),
        _tagger(tagger, manifest.asset(TAGGER)),
        UnknownWords(session, alphabet),
    )


def _tagger(table: dict[str, Any], name: str) -> Tagger:
    try:
        return Tagger(
            tuple(table["tags"]),
            table["tagdict"],
            frozenset(table["vocab"]),
            table["weights"],
        )
    except KeyError as error:
        raise ManifestError(f"{name}: no {error} in it") from None


def _read_table(path: Path) -> dict[str, Any]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            table = json.load(file)
    except (OSError, EOFError, ValueError) as error:
        raise ManifestError(f"{path.name}: cannot be read: {error}") from None
    if not isinstance(table, dict):
        raise ManifestError(f"{path.name}: expected an object, found {type(table).__name__}")
    return table
