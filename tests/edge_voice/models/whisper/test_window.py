"""Prompts, and when a window's result is believed."""

from __future__ import annotations

import dataclasses

import pytest

from edge_voice.models.whisper.config import WhisperConfig
from edge_voice.models.whisper.window import Prompt, WindowResult, has_echo


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (Prompt(language="de"), [257, 259, 262]),
        (Prompt(language="de", task="translate"), [257, 259, 261]),
        (Prompt(language="fr", timestamps=False), [257, 260, 262, 265]),
        (Prompt(), [257, 258, 262]),
        (Prompt(previous=(1, 2), language="en"), [263, 1, 2, 257, 258, 262]),
    ],
)
def test_prompt(config: WhisperConfig, prompt: Prompt, expected: list[int]) -> None:
    tokens, start = prompt.tokens(config)
    assert tokens == expected
    assert start == expected.index(config.start_of_transcript)


def test_english_only_checkpoints_know_no_languages_and_tasks(config: WhisperConfig) -> None:
    english = dataclasses.replace(config, multilingual=False)
    assert Prompt(language="en").tokens(english) == ([257], 0)
    assert Prompt(language="en", timestamps=False).tokens(english) == ([257, 265], 0)


@pytest.mark.parametrize("length", [10, 31, 32, 1000])
def test_of_a_long_past_the_end_is_used(config: WhisperConfig, length: int) -> None:
    tokens, start = Prompt(previous=tuple(range(length)), language="en").tokens(config)
    kept = tokens[1:start]
    assert kept == list(range(length))[-len(kept) :]
    # Half of the decoder's 64 positions are for what comes.
    assert len(kept) == min(length, 31)
    assert len(tokens) <= 35


SURE = WindowResult(
    tokens=(1,),
    avg_logprob=-0.2,
    no_speech_prob=0.1,
    temperature=0.0,
    compression_ratio=1.0,
    looped=False,
    echoes=False,
    language="en",
)


@pytest.mark.parametrize(
    ("changes", "silent", "doubtful"),
    [
        ({}, False, False),
        ({"avg_logprob": -1.1}, False, True),
        ({"avg_logprob": -1.1, "no_speech_prob": 0.7}, True, False),
        ({"no_speech_prob": 0.7}, False, False),
        ({"compression_ratio": 2.5}, False, True),
        ({"looped": True}, False, True),
        ({"avg_logprob": -1.0, "no_speech_prob": 0.6, "compression_ratio": 2.4}, False, False),
    ],
)
def test_gates(changes: dict[str, float], silent: bool, doubtful: bool) -> None:
    result = dataclasses.replace(SURE, **changes)
    assert (result.silent, result.doubtful) == (silent, doubtful)
    assert result.suspicious or not doubtful


@pytest.mark.parametrize(
    ("changes", "suspicious"),
    [({}, False), ({"echoes": True}, True), ({"avg_logprob": -0.7}, True)],
)
def test_a_shortened_window_is_trusted_less(changes: dict[str, float], suspicious: bool) -> None:
    assert dataclasses.replace(SURE, **changes).suspicious == suspicious


@pytest.mark.parametrize(
    ("text", "echo"),
    [
        ("", False),
        ("ask not what your country can do for you", False),
        ("he said so. And then he said so, yes", False),
        ("what you can do for it. What you can do for it.", True),
        ("What You Can Do For it, what you can do for", True),
        (
            "the invention of movable metal letters in the middle of the fifteenth century "
            "may justly be called the invention of printing",
            False,
        ),
    ],
)
def test_echoes(text: str, echo: bool) -> None:
    assert has_echo(text.encode()) == echo
