"""From the tokens of a window to segments, and to where the next window starts
(openai-whisper 20250625, `transcribe.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_voice.models.whisper.config import SECONDS_PER_POSITION, WhisperConfig
from edge_voice.results import Word


@dataclass(frozen=True, slots=True)
class Stretch:
    """One segment of a window.

    Attributes:
        start: Seconds from the start of the window.
        end: Seconds from the start of the window.
        tokens: Those of the segment.
        first: The place of the first of them in the window's.
        words: When they were asked for.
    """

    start: float
    end: float
    tokens: tuple[int, ...]
    first: int = 0
    words: tuple[Word, ...] = ()


def split_window(
    tokens: Sequence[int], config: WhisperConfig, seconds: float
) -> tuple[list[Stretch], float]:
    """Splits at the timestamps.

    Args:
        tokens: Without prompt and end token.
        config: The checkpoint's numbers.
        seconds: Length of the audio in the window.

    Returns:
        The stretches, and how many seconds of the window are done with: all of it, or up to the
        last timestamp when the window broke off after one segment had been closed.
    """
    first = config.first_timestamp
    marks = [token >= first for token in tokens]
    cuts = [i for i in range(1, len(tokens)) if marks[i] and marks[i - 1]]
    closed = marks[-2:] == [False, True]
    if not cuts:
        return _single(tokens, marks, first, seconds), seconds
    if closed:
        cuts.append(len(tokens))
    stretches = []
    for low, high in zip([0, *cuts], cuts, strict=False):
        part = tuple(tokens[low:high])
        stretches.append(
            Stretch(_seconds(part[0], first), min(_seconds(part[-1], first), seconds), part, low)
        )
    done = seconds if closed else min(_seconds(tokens[cuts[-1] - 1], first), seconds)
    return stretches, done


def _single(
    tokens: Sequence[int], marks: Sequence[bool], first: int, seconds: float
) -> list[Stretch]:
    """The whole window as one stretch; its last timestamp, if any, tells where speech ended."""
    if not tokens:
        return []
    start = _seconds(tokens[0], first) if marks[0] else 0.0
    last = next((t for t, mark in zip(reversed(tokens), reversed(marks), strict=True) if mark), 0)
    end = _seconds(last, first) if last > max(first, tokens[0] if marks[0] else first) else seconds
    return [Stretch(start, min(end, seconds), tuple(tokens))]


def _seconds(token: int, first: int) -> float:
    """Time of a timestamp token; 0 for a word, which opens a window that has no timestamp."""
    return max(token - first, 0) * SECONDS_PER_POSITION
