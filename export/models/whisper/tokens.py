"""Ids of Whisper's special tokens.

Fine-tunes name them in tokenizer.json. OpenAI's own file does not, but their order is fixed:
end of text and start of transcript follow the ordinary tokens, then one token per language, six
more, and 1501 timestamps (openai-whisper 20250625, `tokenizer.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_voice.errors import UnsupportedModel
from edge_voice.models.whisper.config import WhisperConfig
from edge_voice.tokenizer import BytePairTokenizer

from .graph import Dimensions
from .heads import alignment_heads

# In the order of their tokens.
_LANGUAGES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th "
    "ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr "
    "pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt "
    "haw ln ha ba jw su yue"
)
LANGUAGES = tuple(_LANGUAGES.split())
_AFTER_LANGUAGES = (
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
_TIMESTAMPS = 1501
_RENAMED = {"<|nocaptions|>": "<|nospeech|>"}
# The English-only vocabulary has 51,864 ids, the multilingual ones have one more, or two.
_SMALLEST_MULTILINGUAL = 51_865

# What a transcript never says: the reference suppresses these symbols alone and after a blank,
# where that is one token; of musical signs (some of several tokens) the first.
_SIGNS = '"#()*+/:;<=>@[\\]^_`{|}~「」『』'
_PAIRS = "<< >> <<< >>> -- --- -( -[ (' (\" (( )) ((( ))) [[ ]] {{ }} ♪♪ ♪♪♪"
_MUSIC = "♩♪♫♬♭♮♯"


def token_config(
    sizes: Dimensions, vocabulary: Path, added: dict[str, int], generation: dict[str, Any]
) -> WhisperConfig:
    """The runtime's numbers.

    Args:
        sizes: Sizes of the checkpoint.
        vocabulary: File of the ordinary tokens.
        added: Special tokens by name, as far as the checkpoint names them.
        generation: Contents of generation_config.json, or nothing.

    Raises:
        UnsupportedModel: The number of ids leaves no room for the special tokens.
    """
    tokenizer = BytePairTokenizer(vocabulary)
    special = _special_tokens(sizes.vocabulary, len(tokenizer), added)
    multilingual = generation.get("is_multilingual", sizes.vocabulary >= _SMALLEST_MULTILINGUAL)
    control = ["<|startoftranscript|>", *_AFTER_LANGUAGES[:5]]
    suppress = generation.get("suppress_tokens") or [
        *unspoken_tokens(tokenizer),
        *(special[name] for name in control),
    ]
    blank = tokenizer.encode(" ")
    return WhisperConfig(
        mels=sizes.mels,
        audio_positions=sizes.audio_positions,
        text_positions=sizes.text_positions,
        vocabulary=sizes.vocabulary,
        multilingual=bool(multilingual),
        end_of_text=special["<|endoftext|>"],
        start_of_transcript=special["<|startoftranscript|>"],
        start_of_previous=special["<|startofprev|>"],
        translate=special["<|translate|>"],
        transcribe=special["<|transcribe|>"],
        no_speech=special["<|nospeech|>"],
        no_timestamps=special["<|notimestamps|>"],
        first_timestamp=special["<|0.00|>"],
        language_tokens={c: special[f"<|{c}|>"] for c in LANGUAGES if f"<|{c}|>" in special},
        suppress=tuple(sorted({t for t in suppress if 0 <= t < sizes.vocabulary})),
        suppress_at_start=(*blank[:1], special["<|endoftext|>"]),
        alignment_heads=alignment_heads(sizes, generation),
    )


def unspoken_tokens(tokenizer: BytePairTokenizer) -> set[int]:
    """Tokens of symbols and annotations that nobody says aloud."""
    found = {tokenizer.encode(" -")[0], tokenizer.encode(" '")[0]}  # inside words they may stay
    for symbol in (*_SIGNS, *_PAIRS.split(), *_MUSIC):
        for ids in (tokenizer.encode(symbol), tokenizer.encode(f" {symbol}")):
            if len(ids) == 1 or symbol in _MUSIC:
                found.add(ids[0])
    return found


def _special_tokens(vocabulary: int, ordinary: int, added: dict[str, int]) -> dict[str, int]:
    """Every special token's id: by the fixed order, corrected by what the checkpoint names."""
    languages = vocabulary - ordinary - 2 - len(_AFTER_LANGUAGES) - _TIMESTAMPS
    if not 0 <= languages <= len(LANGUAGES) and not added:
        raise UnsupportedModel(
            f"{vocabulary} token ids do not fit {ordinary} ordinary tokens of a Whisper vocabulary"
        )
    names = [
        "<|endoftext|>",
        "<|startoftranscript|>",
        *(f"<|{code}|>" for code in LANGUAGES[: max(languages, 0)]),
        *_AFTER_LANGUAGES,
        "<|0.00|>",
    ]
    tokens = {name: ordinary + i for i, name in enumerate(names)}
    tokens |= {_RENAMED.get(name, name): i for name, i in added.items()}
    tokens["<|0.00|>"] = added.get("<|0.00|>", tokens["<|notimestamps|>"] + 1)
    last = tokens["<|0.00|>"] + _TIMESTAMPS - 1
    if last >= vocabulary:
        raise UnsupportedModel(
            f"the tokenizer's last timestamp is token {last}, but the model has {vocabulary}"
            " tokens: this is another model's tokenizer"
        )
    return tokens
