"""The options of one call, checked against what the model can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_voice.decoding_options import DecodingOptions, read_decoding_options
from edge_voice.pieces import PieceTokenizer
from edge_voice.transcriber import (
    TranscribeOptions,
    check_common,
    refuse_context_and_sampling,
    wanted_language,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked options; see `TranscribeOptions`.

    Attributes:
        language: ISO 639 code; None is to be detected.
        punctuation: Whether punctuation and capitals are wanted.
        timestamps: `segment`, `word` or `none`.
        vad: Whether voice activity cuts the recording.
        decoding: How tokens are chosen.
    """

    language: str | None
    punctuation: bool
    timestamps: str
    vad: bool
    decoding: DecodingOptions


def read_settings(
    options: TranscribeOptions, languages: Sequence[str], tokenizer: PieceTokenizer
) -> Settings:
    """Checks the options of a call.

    Raises:
        OptionError: A value is not one of those allowed, or the model cannot do that.
        TypeError: No such option.
    """
    check_common(options, languages)
    refuse_context_and_sampling(options, "Cohere Transcribe")
    return Settings(
        language=wanted_language(options),
        punctuation=options.get("punctuation", True),
        timestamps=options.get("timestamps", "segment"),
        vad=options.get("vad", True),
        # The tokenizer puts a blank before a text by itself.
        decoding=read_decoding_options(options, lambda text: tokenizer.encode(text.strip())),
    )
