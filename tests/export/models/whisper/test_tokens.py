"""Ids of special tokens, against the published vocabularies' known numbers."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from edge_voice.errors import UnsupportedModel
from edge_voice.models.whisper.config import WhisperConfig
from edge_voice_export.models.whisper.graph import Dimensions
from edge_voice_export.models.whisper.tokens import LANGUAGES, token_config

SIZES = Dimensions(80, 384, 6, 6, 4, 4, 1500, 448, 51864)
# (end, start, first and last language, translate, transcribe, previous, no speech,
# no timestamps, first timestamp) as openai-whisper's tokenizer has them.
KNOWN = {
    51864: (50256, 50257, 50258, 50356, 50357, 50358, 50360, 50361, 50362, 50363),
    51865: (50257, 50258, 50259, 50357, 50358, 50359, 50361, 50362, 50363, 50364),
    51866: (50257, 50258, 50259, 50358, 50359, 50360, 50362, 50363, 50364, 50365),
}
# What the reference suppresses by default, control tokens left out: of the English vocabulary
# (openai-whisper 20250625) and of the multilingual one (generation_config.json of whisper-base).
ENGLISH = (
    "1 2 7 8 9 10 14 25 26 27 28 29 31 58 59 60 61 62 63 90 91 92 93 357 366 438 532 685 705 796 "
    "930 1058 1220 1267 1279 1303 1343 1377 1391 1635 1782 1875 2162 2361 2488 3467 4008 4211 "
    "4600 4808 5299 5855 6329 7203 9609 9959 10563 10786 11420 11709 11907 13163 13697 13700 "
    "14808 15306 16410 16791 17992 19203 19510 20724 22305 22935 27007 30109 30420 33409 34949 "
    "40283 40493 40549 47282 49146"
)
MULTILINGUAL = (
    "1 2 7 8 9 10 14 25 26 27 28 29 31 58 59 60 61 62 63 90 91 92 93 359 503 522 542 873 893 902 "
    "918 922 931 1350 1853 1982 2460 2627 3246 3253 3268 3536 3846 3961 4183 4667 6585 6647 7273 "
    "9061 9383 10428 10929 11938 12033 12331 12562 13793 14157 14635 15265 15618 16553 16604 "
    "18362 18956 20075 21675 22520 26130 26161 26435 28279 29464 31650 32302 32470 36865 42863 "
    "47425 49870 50254"
)


def vocabulary(count: int) -> Path:
    name = "gpt2" if count == 51864 else "multilingual"
    return Path(str(resources.files("edge_voice_export") / "data" / f"{name}.tiktoken"))


def config_of(
    count: int, added: dict[str, int] | None = None, generation: dict[str, Any] | None = None
) -> WhisperConfig:
    sizes = replace(SIZES, vocabulary=count)
    return token_config(sizes, vocabulary(count), added or {}, generation or {})


@pytest.mark.parametrize("count", KNOWN)
def test_published_vocabularies(count):
    config = config_of(count)
    languages = list(config.language_tokens.values())
    found = (
        config.end_of_text, config.start_of_transcript, languages[0], languages[-1],
        config.translate, config.transcribe, config.start_of_previous, config.no_speech,
        config.no_timestamps, config.first_timestamp,
    )  # fmt: skip
    assert found == KNOWN[count]
    assert languages == list(range(languages[0], languages[-1] + 1))
    assert len(languages) == (100 if count == 51866 else 99)
    assert config.first_timestamp + 1501 == count
    assert config.multilingual == (count > 51864)
    assert (config.mels, config.audio_positions, config.text_positions) == (80, 1500, 448)


def test_languages_are_in_their_order():
    assert len(set(LANGUAGES)) == 100
    tokens = config_of(51866).language_tokens
    known = {"en": 50259, "zh": 50260, "de": 50261, "es": 50262, "ja": 50266, "uk": 50280,
             "cy": 50297, "yi": 50335, "haw": 50352, "su": 50357, "yue": 50358}  # fmt: skip
    assert {code: tokens[code] for code in known} == known
    assert "yue" not in config_of(51865).language_tokens


@pytest.mark.parametrize(
    ("count", "symbols", "control", "blank"),
    [
        (51864, ENGLISH, (50257, 50357, 50358, 50359, 50360, 50361), 220),
        (51865, MULTILINGUAL, (50258, 50358, 50359, 50360, 50361, 50362), 220),
    ],
)
def test_suppressed_tokens_are_those_of_the_reference(count, symbols, control, blank):
    config = config_of(count)
    assert config.suppress == (*map(int, symbols.split()), *control)
    assert config.suppress_at_start == (blank, config.end_of_text)


def test_a_checkpoint_may_bring_its_own_list():
    config = config_of(51865, generation={"suppress_tokens": [7, 3, 3, -1, 99_999_999]})
    assert config.suppress == (3, 7)


def test_an_empty_list_means_the_published_one():
    config = config_of(51865, generation={"suppress_tokens": []})
    assert config.suppress == config_of(51865).suppress


def test_a_checkpoint_may_say_that_it_knows_english_only():
    assert not config_of(51865, generation={"is_multilingual": False}).multilingual


def test_names_in_the_tokenizer_win_over_the_order():
    added = {"<|endoftext|>": 50257, "<|nocaptions|>": 60, "<|de|>": 61, "<|0.00|>": 62}
    config = config_of(51865, added)
    assert (config.no_speech, config.language_tokens["de"], config.first_timestamp) == (60, 61, 62)
    assert config.language_tokens["en"] == 50259


def test_without_a_named_timestamp_they_follow_the_last_special_token():
    config = config_of(51865, {"<|endoftext|>": 50257, "<|notimestamps|>": 50363})
    assert config.first_timestamp == 50364


@pytest.mark.parametrize("count", [50_257, 51_000, 60_000])
def test_a_vocabulary_without_room_for_the_special_tokens(count):
    with pytest.raises(UnsupportedModel, match=f"{count} token ids do not fit 50257 ordinary"):
        token_config(replace(SIZES, vocabulary=count), vocabulary(51865), {}, {})
