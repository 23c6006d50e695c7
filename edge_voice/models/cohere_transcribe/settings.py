"""The options of one call, checked against what the model can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_voice.decoding_options import DecodingOptions, read_decoding_options
from edge_voice.errors import OptionError
from edge_voice.pieces import PieceTokenizer
from edge_voice.transcriber import (
    TranscribeOptions,
    check_choice,
    check_keys,
    wanted_language,
)

_TIMESTAMPS = ("segment", "word", "none")


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
    check_keys(options)
    language = wanted_language(options)
    timestamps = options.get("timestamps", "segment")
    check_choice("language", language, (None, *languages))
    check_choice("task", options.get("task", "transcribe"), ("transcribe",))
    check_choice("timestamps", timestamps, _TIMESTAMPS)
    _refuse_unknown_arts(options)
    return Settings(
        language=language,
        punctuation=options.get("punctuation", True),
        timestamps=timestamps,
        vad=options.get("vad", True),
        # The tokenizer puts a blank before a text by itself.
        decoding=read_decoding_options(options, lambda text: tokenizer.encode(text.strip())),
    )


def _refuse_unknown_arts(options: TranscribeOptions) -> None:
    """Rather than ignore what was asked for."""
    if options.get("initial_prompt", "").strip():
        raise OptionError(
            "Cohere Transcribe takes no initial prompt (hotwords favour names and terms)"
        )
    if options.get("condition_on_previous_text"):
        raise OptionError("Cohere Transcribe hears each piece of a recording on its own")
    if any(temperature != 0 for temperature in options.get("temperatures", ())):
        raise OptionError("Cohere Transcribe does not sample (allowed temperatures: 0)")
