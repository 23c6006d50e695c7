"""A stream, a detector and a model made of numbers: sample values are words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from edge_voice.live import Live
from edge_voice.results import Phrase, Segment, Transcript
from edge_voice.transcriber import SegmentStream, check_keys
from edge_voice.vad import ROW_SAMPLES, SAMPLE_RATE, ChunkRules, SpeechCutter

WORD_SECONDS = 0.32
VOCABULARY = [
    "and", "so", "my", "fellow", "Americans", "ask", "not", "what", "your", "country", "can",
]  # fmt: skip


def spoken(*words: int | float) -> np.ndarray:
    """Speech of 0.32 s for each integer, silence of so many seconds for each float."""
    parts = []
    for word in words:
        seconds, value = (word, 0.0) if isinstance(word, float) else (WORD_SECONDS, word)
        parts.append(np.full(round(seconds * SAMPLE_RATE), value, np.float32))
    return np.concatenate(parts)


class Loudness:
    """A detector: whatever is not zero is speech."""

    def reset(self) -> None:
        self._held = np.zeros(0, np.float32)

    def probabilities(self, samples: np.ndarray) -> np.ndarray:
        joined = np.concatenate((self._held, samples))
        rows = len(joined) // ROW_SAMPLES
        self._held = joined[rows * ROW_SAMPLES :]
        loud = np.abs(joined[: rows * ROW_SAMPLES]).reshape(rows, ROW_SAMPLES).max(axis=1) > 0
        return loud.astype(np.float32)

    def flush(self) -> np.ndarray:
        return self.probabilities(np.zeros(-len(self._held) % ROW_SAMPLES, np.float32))


def read_words(waveform: np.ndarray) -> list[str]:
    """The words in a waveform of `spoken`; of the first and the last half is enough."""
    values = waveform.astype(int)
    runs = np.split(values, np.flatnonzero(np.diff(values)) + 1)
    half = WORD_SECONDS * SAMPLE_RATE / 2
    return [VOCABULARY[run[0] - 1] for run in runs if run[0] and len(run) > half]


class Reader:
    """A `Transcriber` that hears what `spoken` says; a half-heard last word sounds like another.

    Attributes:
        looks: Seconds of each waveform.
        languages_asked: The language of each call.
        seconds: What a look costs by `clock`.
    """

    languages = ("en", "de")

    def __init__(self, *, seconds: float = 0.0, language: str = "en") -> None:
        self.looks: list[float] = []
        self.languages_asked: list[str | None] = []
        self.options: list[dict[str, Any]] = []
        self.seconds = seconds
        self.now = 0.0
        self.hears: Callable[[np.ndarray], list[str]] = read_words
        self._language = language

    def clock(self) -> float:
        return self.now

    def transcribe(self, audio: Any, **options: Any) -> Transcript:
        self.looks.append(len(audio) / SAMPLE_RATE)
        self.languages_asked.append(options.get("language"))
        self.options.append(options)
        self.now += self.seconds
        text = " ".join(self.hears(audio))
        return Transcript(text, options.get("language") or self._language, 0.0, ())

    def stream(self, audio: Any, **options: Any) -> SegmentStream:
        check_keys(options)
        return SegmentStream().attach(iter((Segment(0.0, 1.0, "never iterated"),)))

    def hear(self, waveform: np.ndarray, language: str | None, draft: bool) -> Transcript:
        return self.transcribe(waveform, language=language, draft=draft)


RULES = ChunkRules(
    pad_seconds=0.25, max_pause_seconds=0.5, target_chunk_seconds=15.0, max_chunk_seconds=15.0
)


def follow(
    blocks: Sequence[np.ndarray] | Iterator[np.ndarray],
    reader: Reader,
    rules: ChunkRules = RULES,
    interval: float | None = 0.5,
) -> list[Phrase]:
    """Everything that is said about a stream."""
    cutter = SpeechCutter(Loudness(), rules)
    live = Live(reader.hear, cutter, interval_seconds=interval, clock=reader.clock)
    return list(live.phrases(blocks))


def finals(phrases: Sequence[Phrase]) -> list[str]:
    return [phrase.text for phrase in phrases if phrase.is_final]
