"""What the files beside the weights say: front end, lengths, token ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_voice.errors import UnsupportedModel
from edge_voice.models.cohere_transcribe.config import CohereConfig

from ...checkpoint import Checkpoint
from ...json_object import read_object
from ...pieces import PieceVocabulary
from .sizes import Dimensions

# The languages that the published models were trained on; the vocabulary has tokens for more.
TRAINED_LANGUAGES = (
    *("en", "fr", "de", "es", "it", "pt", "nl", "pl", "el", "ar", "ja", "zh", "vi", "ko"),
)
_CONTROL_NAMES = {
    "start_of_context": "<|startofcontext|>",
    "start_of_transcript": "<|startoftranscript|>",
    "undefined_emotion": "<|emo:undefined|>",
    "punctuation": "<|pnc|>",
    "no_punctuation": "<|nopnc|>",
    "no_inverse_normalization": "<|noitn|>",
    "no_timestamps": "<|notimestamp|>",
    "no_diarization": "<|nodiarize|>",
}
_WORD_BOUNDARY = "▁"
_END_OF_TEXT = "<|endoftext|>"
REQUIRED_PIECES = (*_CONTROL_NAMES.values(), _END_OF_TEXT, _WORD_BOUNDARY)
"""What every prompt needs, and what ends a transcript."""
# What the runtime's front end computes; a checkpoint trained on other features needs another one.
_FRONT_END = {
    "sampling_rate": 16_000,
    "n_fft": 512,
    "hop_length": 160,
    "win_length": 400,
    "preemphasis": 0.97,
    "dither": 1e-5,
}


@dataclass(frozen=True, slots=True)
class FrontEndSettings:
    """How recordings are cut.

    Attributes:
        clip_seconds: Longest piece that is encoded at once.
        overlap_seconds: Last part of a piece in which a place to cut is looked for.
        energy_window_samples: Length of what is compared there.
    """

    clip_seconds: float = 35.0
    overlap_seconds: float = 5.0
    energy_window_samples: int = 1600


def read_front_end(checkpoint: Checkpoint) -> FrontEndSettings:
    """Settings of the feature extractor; published defaults where no file says anything.

    Raises:
        UnsupportedModel: The checkpoint wants features that the runtime does not compute.
    """
    found: dict[str, Any] = {
        key: checkpoint.config[key]
        for key in ("max_audio_clip_s", "overlap_chunk_second", "min_energy_window_samples")
        if key in checkpoint.config
    }
    found |= _extractor(checkpoint.folder)
    for key, known in _FRONT_END.items():
        if found.get(key, known) != known:
            raise UnsupportedModel(f"{checkpoint.folder}: {key} is {found[key]!r} (known: {known})")
    default = FrontEndSettings()
    return FrontEndSettings(
        clip_seconds=_number(found, "max_audio_clip_s", default.clip_seconds),
        overlap_seconds=_number(found, "overlap_chunk_second", default.overlap_seconds),
        energy_window_samples=int(
            _number(found, "min_energy_window_samples", default.energy_window_samples)
        ),
    )


def token_config(
    checkpoint: Checkpoint,
    sizes: Dimensions,
    front_end: FrontEndSettings,
    vocabulary: PieceVocabulary,
) -> CohereConfig:
    """The runtime's numbers.

    Args:
        checkpoint: Whose files are read.
        sizes: Sizes of the checkpoint.
        front_end: How recordings are cut.
        vocabulary: Has `REQUIRED_PIECES`.

    Raises:
        UnsupportedModel: The vocabulary has no token for any of the checkpoint's languages.
    """
    path = checkpoint.folder / "generation_config.json"
    generation = read_object(path) if path.exists() else {}
    key = "decoder_start_token_id"
    start = generation.get(key, checkpoint.config.get(key))
    controls = vocabulary.control_tokens
    return CohereConfig(
        mels=sizes.mels,
        text_positions=sizes.text_positions,
        vocabulary=sizes.vocabulary,
        clip_seconds=front_end.clip_seconds,
        overlap_seconds=front_end.overlap_seconds,
        energy_window_samples=front_end.energy_window_samples,
        decoder_start=start if type(start) is int else vocabulary.pieces.index(_WORD_BOUNDARY),
        end_of_text=controls[_END_OF_TEXT],
        language_tokens=_languages(checkpoint, vocabulary.language_tokens),
        **{key: controls[name] for key, name in _CONTROL_NAMES.items()},
    )


def _languages(checkpoint: Checkpoint, tokens: Mapping[str, int]) -> dict[str, int]:
    """Tokens of the languages that the configuration names, or of those of the published models."""
    named = checkpoint.config.get("supported_languages")
    codes = named if isinstance(named, list) and named else TRAINED_LANGUAGES
    found = {str(code): tokens[str(code)] for code in codes if str(code) in tokens}
    if not found:
        raise UnsupportedModel(
            f"{checkpoint.folder}: the vocabulary has no token for any of"
            f" {', '.join(map(str, codes))}"
        )
    return found


def _extractor(folder: Path) -> dict[str, Any]:
    """The feature extractor's settings, in a file of their own or inside the processor's."""
    path = folder / "preprocessor_config.json"
    if path.exists():
        return read_object(path)
    path = folder / "processor_config.json"
    inside = read_object(path).get("feature_extractor") if path.exists() else None
    return inside if isinstance(inside, dict) else {}


def _number(found: dict[str, Any], key: str, default: float) -> float:
    value = found.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1e6:
        raise UnsupportedModel(f"{key} is {value!r} (allowed: a number above 0)")
    return float(value)
