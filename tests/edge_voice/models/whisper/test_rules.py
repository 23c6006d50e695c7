"""What may be said next, situation by situation. Times are in steps of 0.02 s."""

from __future__ import annotations

import numpy as np
import pytest

from edge_voice.models.whisper.config import WhisperConfig
from edge_voice.models.whisper.rules import (
    Suppress,
    SuppressFirst,
    TimestampOrder,
    window_rules,
)

SECONDS = 1.0
LAST = 50 + 1  # the padding of a window may be pointed at by one step
WORD = ord("a")


@pytest.fixture
def order(config: WhisperConfig) -> TimestampOrder:
    return TimestampOrder(config, SECONDS)


def tokens(config: WhisperConfig, text: str) -> list[int]:
    """`<3>ab<7>` → timestamp 3, two words, timestamp 7."""
    found, rest = [], text
    while rest:
        if rest[0] == "<":
            number, rest = rest[1:].split(">", 1)
            found.append(config.first_timestamp + int(number))
        else:
            found.append(ord(rest[0]))
            rest = rest[1:]
    return found


def allowed(
    order: TimestampOrder, config: WhisperConfig, said: str, likely: int = WORD
) -> tuple[bool, bool, list[int]]:
    """Whether words and the end may follow, and which timestamps."""
    logits = np.zeros(config.vocabulary, np.float32)
    logits[likely] = 20
    order(logits, tokens(config, said))
    free = np.isfinite(logits)
    times = np.flatnonzero(free[config.first_timestamp :]).tolist()
    assert not free[config.no_timestamps]
    return bool(free[WORD]), bool(free[config.end_of_text]), times


def test_a_window_opens_within_its_first_second(
    order: TimestampOrder, config: WhisperConfig
) -> None:
    assert allowed(order, config, "") == (False, False, list(range(51)))


def test_a_short_window_opens_before_its_end(config: WhisperConfig) -> None:
    _, _, times = allowed(TimestampOrder(config, 0.2), config, "")
    assert times == list(range(10 + 1))


def test_words_follow_an_opening(order: TimestampOrder, config: WhisperConfig) -> None:
    assert allowed(order, config, "<0>") == (True, True, [])
    assert allowed(order, config, "<0>a<9><9>") == (True, True, [])


def test_after_words_come_words_or_a_later_time(
    order: TimestampOrder, config: WhisperConfig
) -> None:
    assert allowed(order, config, "<7>a") == (True, True, list(range(8, LAST)))
    assert allowed(order, config, "<7>ab<9><12>c") == (True, True, list(range(13, LAST)))


def test_after_a_close_comes_the_next_opening_or_the_end(
    order: TimestampOrder, config: WhisperConfig
) -> None:
    end = config.end_of_text
    assert allowed(order, config, "<7>ab<9>", likely=end) == (False, True, list(range(9, LAST)))


def test_a_window_without_an_opening(order: TimestampOrder, config: WhisperConfig) -> None:
    assert allowed(order, config, "ab") == (True, True, list(range(LAST)))
    end = config.end_of_text
    assert allowed(order, config, "ab<5>", likely=end) == (False, True, list(range(5, LAST)))


@pytest.mark.parametrize("seconds", [0.02, 0.14, 1.0, 1.99, 2.0])
def test_no_time_behind_the_audio(config: WhisperConfig, seconds: float) -> None:
    _, _, times = allowed(TimestampOrder(config, seconds), config, "<0>a")
    assert seconds <= max(times) * 0.02 + 1e-9 <= seconds + 2 * 0.02


def test_all_times_together_outweigh_the_likeliest_word(
    order: TimestampOrder, config: WhisperConfig
) -> None:
    logits = np.zeros(config.vocabulary, np.float32)
    times = slice(config.first_timestamp, config.first_timestamp + LAST)
    said = tokens(config, "<0>a")
    count = LAST - 1
    for height, words_may_follow in ((np.log(count) + 0.1, True), (np.log(count) - 0.1, False)):
        logits[:] = 0
        logits[WORD] = height
        order(logits, said)
        assert np.isfinite(logits[WORD]) == words_may_follow
        assert np.isfinite(logits[times]).sum() == count


@pytest.mark.parametrize("seed", range(5))
def test_there_is_always_something_to_say(config: WhisperConfig, seed: int) -> None:
    random = np.random.default_rng(seed)
    rules = window_rules(config, timestamps=True, seconds=SECONDS)
    said: list[int] = []
    times = []
    for _ in range(60):
        logits = random.normal(0, 3, config.vocabulary).astype(np.float32)
        for rule in rules:
            rule(logits, said)
        assert np.isfinite(logits).any()
        said.append(int(logits.argmax()))
        if said[-1] == config.end_of_text:
            break
        if said[-1] >= config.first_timestamp:
            times.append(said[-1])
    assert times == sorted(times)
    assert not set(said) & {*config.suppress, config.no_timestamps}
    assert said[0] >= config.first_timestamp


def test_suppressed_tokens(config: WhisperConfig) -> None:
    logits = np.zeros(config.vocabulary, np.float32)
    Suppress(config.suppress)(logits, [])
    assert np.flatnonzero(np.isinf(logits)).tolist() == sorted(config.suppress)


def test_nothing_to_suppress() -> None:
    logits = np.zeros(4, np.float32)
    Suppress(())(logits, [])
    assert not logits.any()


@pytest.mark.parametrize(("said", "suppressed"), [([], 2), ([WORD], 0)])
def test_what_does_not_open_a_transcript(
    config: WhisperConfig, said: list[int], suppressed: int
) -> None:
    logits = np.zeros(config.vocabulary, np.float32)
    SuppressFirst(config.suppress_at_start)(logits, said)
    assert np.isinf(logits).sum() == suppressed


def test_without_timestamps_only_tokens_are_suppressed(config: WhisperConfig) -> None:
    logits = np.zeros(config.vocabulary, np.float32)
    for rule in window_rules(config, timestamps=False, seconds=SECONDS):
        rule(logits, [WORD])
    assert np.isinf(logits).sum() == len(config.suppress)
