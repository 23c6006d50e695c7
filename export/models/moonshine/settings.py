"""What the files beside the weights say: token ids, languages, limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_voice.errors import UnsupportedModel
from edge_voice.models.moonshine.config import MoonshineConfig

from ...checkpoint import Checkpoint
from ...json_object import read_object
from ...piece_table import read_piece_table
from ...pieces import PieceVocabulary, read_pieces
from ...ready_folder import card_languages

_START, _END = "<s>", "</s>"
_TABLE, _TOKENIZER = "tokenizer.bin", "tokenizer.json"
# A published generation_config.json allows 194 tokens for the longest clip of 30 s. The vocabulary
# is an English one, in which other scripts take about twice as many.
_TOKENS_PER_SECOND = {"en": 6.5}
_TOKENS_PER_SECOND_OF_OTHERS = 13.0
_DEFAULT_LANGUAGES = ("en",)


def read_vocabulary(folder: Path, rows: int) -> PieceVocabulary:
    """The vocabulary, from `tokenizer.json` or the first-party package's `tokenizer.bin`.

    Args:
        folder: Where the files lie.
        rows: Rows of the embedding.

    Raises:
        ModelNotFound: There is neither.
        UnsupportedModel: The file is damaged, or another model's.
    """
    if (folder / _TOKENIZER).is_file() or not (folder / _TABLE).is_file():
        return read_pieces(folder, embedding_rows=rows, required=(_START, _END))
    found = read_piece_table(folder / _TABLE)
    if len(found.pieces) != rows:
        raise UnsupportedModel(
            f"{folder / _TABLE} has {len(found.pieces)} tokens and the model {rows}"
        )
    return found


def token_config(
    checkpoint: Checkpoint, vocabulary: PieceVocabulary, *, rows: int, text_positions: int
) -> MoonshineConfig:
    """The runtime's numbers.

    Raises:
        UnsupportedModel: A token id in the configuration is none.
    """
    path = checkpoint.folder / "generation_config.json"
    generation = read_object(path) if path.is_file() else {}
    language = languages_of(checkpoint.folder)[0]
    return MoonshineConfig(
        text_positions=text_positions,
        vocabulary=rows,
        start_of_text=_token(
            (generation, checkpoint.config), "decoder_start_token_id", vocabulary, _START
        ),
        end_of_text=_token((generation, checkpoint.config), "eos_token_id", vocabulary, _END),
        tokens_per_second=_TOKENS_PER_SECOND.get(language, _TOKENS_PER_SECOND_OF_OTHERS),
    )


def languages_of(folder: Path) -> tuple[str, ...]:
    """ISO 639 codes that the model card beside the weights names; English without a card."""
    return card_languages(folder) or _DEFAULT_LANGUAGES


def _token(
    configs: tuple[dict[str, Any], ...], key: str, vocabulary: PieceVocabulary, name: str
) -> int:
    for config in configs:
        value = config.get(key)
        if value is not None and (type(value) is not int or value < 0):
            raise UnsupportedModel(f"{key} is {value!r} (allowed: a token id)")
        if value is not None:
            return int(value)
    return vocabulary.control_tokens[name]
