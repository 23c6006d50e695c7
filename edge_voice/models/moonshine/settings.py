"""The options of one call, checked against what the model can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_voice.decoding_options import DecodingOptions, read_decoding_options
from edge_voice.errors import OptionError
from edge_voice.pieces import PieceTokenizer
from edge_voice.transcriber import (
    TranscribeOptions,
    check_common,
    refuse_context_and_sampling,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked options; see `TranscribeOptions`.

    Attributes:
        timestamps: `segment`, `word` or `none`.
        vad: Whether voice activity cuts the recording.
        decoding: How tokens are chosen.
    """

    timestamps: str
    vad: bool
    decoding: DecodingOptions


def read_settings(
    options: TranscribeOptions,
    languages: Sequence[str],
    tokenizer: PieceTokenizer,
    *,
    tells_times: bool,
) -> Settings:
    """Checks the options of a call.

    Args:
        options: Those of the call.
        languages: ISO 639 codes that the checkpoint knows.
        tokenizer: Spells hotwords.
        tells_times: Whether the decoder tells where it looks.

    Raises:
        OptionError: A value is not one of those allowed, or the model cannot do that.
        TypeError: No such option.
    """
    check_common(options, languages)
    timestamps = options.get("timestamps", "segment")
    if timestamps == "word" and not tells_times:
        raise OptionError(
            "timestamps 'word': the graphs of this bundle were taken as published and do not tell"
            " where they look (allowed: none, segment; or a bundle made from float weights)"
        )
    if not options.get("punctuation", True):
        raise OptionError("Moonshine always writes punctuation (allowed: punctuation=True)")
    refuse_context_and_sampling(options, "Moonshine")
    return Settings(
        timestamps=timestamps,
        vad=options.get("vad", True),
        # The tokenizer puts a blank before a text by itself.
        decoding=read_decoding_options(options, lambda text: tokenizer.encode(text.strip())),
    )
