"""The options of one call, checked against what the checkpoint can do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge_voice.decoding_options import DecodingOptions, read_decoding_options
from edge_voice.errors import OptionError
from edge_voice.models.whisper.config import WhisperConfig
from edge_voice.models.whisper.window import Prompt
from edge_voice.tokenizer import BytePairTokenizer
from edge_voice.transcriber import TranscribeOptions, check_common, wanted_language

_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_TASKS = ("transcribe", "translate")


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked options; see `TranscribeOptions`.

    Attributes:
        prompt: What stands before the first window; its language may be None.
        vad: Whether voice activity cuts the recording.
        condition: Whether a window is told what the one before said.
        temperatures: Tried in order while a result looks wrong.
        draft: Whether first results are taken as they come.
        decoding: How tokens are chosen at temperature 0.
    """

    prompt: Prompt
    vad: bool
    condition: bool
    temperatures: tuple[float, ...]
    draft: bool
    decoding: DecodingOptions


def read_settings(
    options: TranscribeOptions,
    config: WhisperConfig,
    languages: Sequence[str],
    tokenizer: BytePairTokenizer,
) -> Settings:
    """Checks the options of a call.

    Raises:
        OptionError: A value is not one of those allowed.
        TypeError: No such option.
    """
    check_common(options, languages, _TASKS if config.multilingual else _TASKS[:1])
    language, task = wanted_language(options), options.get("task", "transcribe")
    timestamps = options.get("timestamps", "segment")
    if not options.get("punctuation", True):
        raise OptionError("Whisper always writes punctuation (allowed: punctuation=True)")
    if timestamps == "word" and task == "translate":
        raise OptionError(
            "timestamps 'word' with task 'translate': translated words are not spoken, they have"
            " no times (allowed: none, segment)"
        )
    temperatures = tuple(options.get("temperatures", _TEMPERATURES))
    if not temperatures or not all(math.isfinite(t) and t >= 0 for t in temperatures):
        raise OptionError(f"temperatures {temperatures} (allowed: one or more, finite, 0 or more)")
    text = options.get("initial_prompt", "").strip()
    prompt = Prompt(
        previous=tuple(tokenizer.encode(f" {text}")) if text else (),
        language=language,
        task=task,
        timestamps=timestamps != "none",
        words=timestamps == "word",
    )
    return Settings(
        prompt=prompt,
        vad=options.get("vad", True),
        condition=options.get("condition_on_previous_text", False),
        temperatures=temperatures,
        draft=options.get("draft", False),
        decoding=read_decoding_options(options, tokenizer.encode),
    )
