"""What Whisper may not say next (openai-whisper 20250625, `decoding.py`, logit filters)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_voice.decoding import LogitsRule
from edge_voice.models.whisper.config import SECONDS_PER_POSITION, WhisperConfig
from edge_voice.sampling import log_sum_exp

Array = np.ndarray[Any, np.dtype[Any]]

# The reference lets the first segment of a window start this late at most.
_LATEST_START_SECONDS = 1.0


def window_rules(
    config: WhisperConfig, *, timestamps: bool, seconds: float
) -> tuple[LogitsRule, ...]:
    """The rules for one window of `seconds` of audio."""
    rules: list[LogitsRule] = [Suppress(config.suppress), SuppressFirst(config.suppress_at_start)]
    if timestamps:
        rules.append(TimestampOrder(config, seconds))
    return tuple(rules)


class Suppress:
    """Tokens that never stand in a transcript."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = np.array(tokens, np.intp)

    def __call__(self, logits: Array, tokens: Sequence[int]) -> None:
        """See `LogitsRule`."""
        logits[self._tokens] = -np.inf


class SuppressFirst(Suppress):
    """Tokens that do not open one: a blank, or the end."""

    def __call__(self, logits: Array, tokens: Sequence[int]) -> None:
        """See `LogitsRule`."""
        if not tokens:
            super().__call__(logits, tokens)


class TimestampOrder:
    """Timestamps come in pairs, never run backwards, and win over text when they are likelier.

    Args:
        config: The checkpoint's numbers.
        seconds: Length of the audio in the window: later timestamps point into padding.
    """

    def __init__(self, config: WhisperConfig, seconds: float) -> None:
        self._first = config.first_timestamp
        self._end_of_text = config.end_of_text
        self._no_timestamps = config.no_timestamps
        self._limit = self._first + int(np.ceil(seconds / SECONDS_PER_POSITION)) + 1
        self._latest_start = self._first + round(_LATEST_START_SECONDS / SECONDS_PER_POSITION)

    def __call__(self, logits: Array, tokens: Sequence[int]) -> None:
        """See `LogitsRule`."""
        first = self._first
        logits[self._no_timestamps] = -np.inf
        logits[self._limit :] = -np.inf
        if not tokens:
            logits[:first] = -np.inf
            logits[self._latest_start + 1 :] = -np.inf
            return
        self._keep_pairs(logits, tokens)
        self._keep_order(logits, tokens)
        # The chance of any timestamp is judged against the single likeliest word.
        if log_sum_exp(logits[first : self._limit]) > logits[:first].max():
            logits[:first] = -np.inf

    def _keep_pairs(self, logits: Array, tokens: Sequence[int]) -> None:
        if tokens[-1] < self._first:
            return
        if len(tokens) < 2 or tokens[-2] >= self._first:
            logits[self._first :] = -np.inf  # a segment has been opened: words must follow
        else:
            logits[: self._end_of_text] = -np.inf  # one has been closed: open the next, or end

    def _keep_order(self, logits: Array, tokens: Sequence[int]) -> None:
        last = next((token for token in reversed(tokens) if token >= self._first), None)
        if last is None:
            return
        closing = tokens[-1] >= self._first and len(tokens) > 1 and tokens[-2] < self._first
        # The next segment may open where this one closed; nothing may close where it opened.
        logits[self._first : last if closing else last + 1] = -np.inf
