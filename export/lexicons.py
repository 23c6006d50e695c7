"""English lexicons, tagger and networks for unknown words: from hibari's package into a bundle.

`edge_voice/phonemes/bundle.py` opens them there. The files are listed in the catalog under the
names below, which are those of the package.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from edge_voice.errors import UnsupportedModel
from edge_voice.phonemes import bundle as roles
from edge_voice.phonemes import unknown
from edge_voice.phonemes.unknown import Alphabet

from .json_object import read_object
from .package import Bundle

NOTICE = "NOTICE"
# What a finished voice says when it is checked, in the phonemes of misaki: hello world.
CHECKED_PHONEMES = "həlˈO wˈɜɹld."
_PHONEMES = "vocab.json"
_TAGGER = "tagger.json.gz"
_NETWORKS = {"us": "oov", "gb": "oov_gb"}


def add_english(bundle: Bundle, folder: Path, *accents: str) -> dict[str, Alphabet]:
    """Copies what phonemes of English need; tables are checked, the networks' names too.

    Args:
        bundle: Where it goes.
        folder: Where the published files lie.
        *accents: `us`, `gb` or both.

    Returns:
        What each accent's network reads and writes; the manifest keeps it.

    Raises:
        UnsupportedModel: A file is missing or is not what it should be.
    """
    bundle.add_asset(roles.TAGGER, _TAGGER, _checked_table(published_file(folder, _TAGGER)))
    for accent in accents:
        for role, name in _lexicons(accent).items():
            bundle.add_asset(role, name, _checked_table(published_file(folder, name)))
        graph = published_file(folder, f"{_NETWORKS[accent]}.onnx")
        bundle.import_graph(roles.UNKNOWN_WORDS[accent], unknown.GRAPH, graph)
    (bundle.folder / NOTICE).write_bytes(published_file(folder, NOTICE).read_bytes())
    return {accent: read_alphabet(folder, accent) for accent in accents}


def read_alphabet(folder: Path, accent: str) -> Alphabet:
    """The tables of a network for unknown words.

    Raises:
        UnsupportedModel: The file is missing or has entries that it should not have.
    """
    path = published_file(folder, f"{_NETWORKS[accent]}.json")
    table = read_object(path)
    letters, phonemes, longest = (table.get(key) for key in ("in", "out", "maxlen"))
    if not _are_strings(letters) or not _are_strings(phonemes) or type(longest) is not int:
        raise UnsupportedModel(f"{path}: expected in, out (lists) and maxlen")
    return Alphabet(tuple(letters or ()), tuple(phonemes or ()), longest)


def read_phonemes(folder: Path) -> dict[str, int]:
    """The number of each phoneme that a voice knows; those of `CHECKED_PHONEMES` are among them.

    Raises:
        UnsupportedModel: The file is missing or has entries that it should not have.
    """
    path = published_file(folder, _PHONEMES)
    phonemes = read_object(path)
    if not phonemes or not all(type(number) is int for number in phonemes.values()):
        raise UnsupportedModel(f"{path}: expected phonemes and their numbers")
    if missing := sorted(set(CHECKED_PHONEMES) - set(phonemes)):
        raise UnsupportedModel(f"{path}: no phoneme {missing[0]!r}")
    return phonemes


def published_file(folder: Path, name: str) -> Path:
    """The path of a file of the package.

    Raises:
        UnsupportedModel: It is not there.
    """
    path = folder / name
    if not path.is_file():
        raise UnsupportedModel(f"no {name} in {folder}, where hibari's package has it")
    return path


def _lexicons(accent: str) -> dict[str, str]:
    """File of each role."""
    names = {"gold": roles.GOLD[accent], "silver": roles.SILVER[accent]}
    return {role: f"lexicon_{accent}_{kind}.json.gz" for kind, role in names.items()}


def _checked_table(path: Path) -> bytes:
    """The bytes of a compressed JSON object."""
    content = path.read_bytes()
    try:
        table: Any = json.loads(gzip.decompress(content))
    except (OSError, EOFError, ValueError) as error:
        raise UnsupportedModel(f"{path}: cannot be read: {error}") from None
    if not isinstance(table, dict) or not table:
        raise UnsupportedModel(f"{path}: expected a JSON object with entries")
    return content


def _are_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
