"""The options of one call, checked against what a CTC model can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_voice.decoding_options import read_decoding_options
from edge_voice.errors import OptionError
from edge_voice.models.ctc.ngrams import NGrams, lines_of_words
from edge_voice.models.ctc.search import Knowledge, word_tree
from edge_voice.models.ctc.vocabulary import Vocabulary
from edge_voice.transcriber import (
    TIMESTAMPS,
    TranscribeOptions,
    check_choice,
    check_keys,
    refuse_context_and_sampling,
    wanted_language,
)

# Prefixes differ by a letter where beams of other models differ by a part of a word.
_PREFIXES_PER_BEAM = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked options; see `TranscribeOptions`.

    Attributes:
        language: ISO 639 code; None where the bundle does not say which one it hears.
        timestamps: `segment`, `word` or `none`.
        vad: Whether voice activity cuts the recording.
        width: Prefixes that a search follows; 0 takes the likeliest path.
        knowledge: What is known about the words.
    """

    language: str | None
    timestamps: str
    vad: bool
    width: int
    knowledge: Knowledge


def read_settings(
    options: TranscribeOptions, languages: Sequence[str], vocabulary: Vocabulary
) -> Settings:
    """Checks the options of a call, and reads the files that they name.

    Raises:
        OptionError: A value is not one of those allowed, or the model cannot do that.
        TypeError: No such option.
    """
    check_keys(options, own=("language_model", "word_list"))
    timestamps = options.get("timestamps", "segment")
    check_choice("task", options.get("task", "transcribe"), ("transcribe",))
    check_choice("timestamps", timestamps, TIMESTAMPS)
    if not options.get("punctuation", True):
        raise OptionError("a CTC model writes as it was trained (allowed: punctuation=True)")
    refuse_context_and_sampling(options, "a CTC model")
    decoding = read_decoding_options(options, vocabulary.encode)
    if options.get("length_penalty") is not None:
        raise OptionError("a CTC model has no length_penalty (leave it out)")
    model, words = options.get("language_model"), options.get("word_list")
    if (model or words) and vocabulary.delimiter is None:
        raise OptionError("this model writes no blanks: it takes no language model or word list")
    knowledge = Knowledge(
        vocabulary,
        decoding.hotwords,
        NGrams(model) if model else None,
        _tree(words, vocabulary) if words else None,
    )
    searches = decoding.beam_size > 1 or not knowledge.is_empty()
    return Settings(
        language=_language(wanted_language(options), languages),
        timestamps=timestamps,
        vad=options.get("vad", True),
        width=_PREFIXES_PER_BEAM * decoding.beam_size if searches else 0,
        knowledge=knowledge,
    )


def _language(wanted: str | None, languages: Sequence[str]) -> str | None:
    if wanted is not None and not languages:
        raise OptionError(f"language {wanted!r}: the bundle does not name its own (leave it out)")
    check_choice("language", wanted, (None, *languages))
    return wanted or (languages[0] if len(languages) == 1 else None)


def _tree(path: Any, vocabulary: Vocabulary) -> Mapping[int | None, Any]:
    tree = word_tree(lines_of_words(path), vocabulary)
    if not tree:
        raise OptionError(f"{path}: no word in it that this model can spell")
    return tree
