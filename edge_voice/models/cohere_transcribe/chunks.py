"""The reference's way with long recordings: cut where it is quiet.

Ported from transformers 5.23.0 (`CohereAsrFeatureExtractor`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_voice.models.cohere_transcribe.config import SAMPLE_RATE
from edge_voice.vad import SpeechChunk

Array = np.ndarray[Any, np.dtype[Any]]

MAX_SECONDS = 35.0


@dataclass(frozen=True, slots=True)
class CutRule:
    """Where the reference cuts a recording; it looks at loudness only.

    Attributes:
        longest: Samples of the longest chunk.
        searched: Samples at its end in which a quiet place is looked for.
        window_samples: Length of the stretches whose loudness is compared.
    """

    longest: int
    searched: int
    window_samples: int

    @classmethod
    def of(
        cls,
        *,
        max_seconds: float = MAX_SECONDS,
        overlap_seconds: float = 5.0,
        window_samples: int = 1600,
    ) -> CutRule:
        """In seconds; `overlap` is the reference's word: chunks do not overlap."""
        longest = max(1, round(max_seconds * SAMPLE_RATE))
        searched = min(longest, max(1, round(overlap_seconds * SAMPLE_RATE)))
        return cls(longest, searched, window_samples)

    def stop(self, samples: Array) -> int:
        """Where to cut samples that are more than one chunk: 1 to `longest`."""
        first = self.longest - self.searched
        return max(1, first + _quietest(samples[first : self.longest], self.window_samples))

    def chunks(self, waveform: Array) -> list[tuple[int, int]]:
        """First sample and end of each chunk: without gaps, none for an empty recording."""
        chunks = []
        start = 0
        while start + self.longest < len(waveform):
            stop = start + self.stop(waveform[start : start + self.longest])
            chunks.append((start, stop))
            start = stop
        return [*chunks, (start, len(waveform))] if len(waveform) else []

    def cut(self, blocks: Iterable[Array]) -> Iterator[SpeechChunk]:
        """The same chunks of a recording that comes block by block, in bounded memory.

        All of a chunk counts as speech.
        """
        held, start = np.zeros(0, np.float32), 0
        for block in blocks:
            held = np.concatenate((held, block))
            while len(held) > self.longest:
                stop = self.stop(held)
                yield _as_speech(start, held[:stop].copy())
                held, start = held[stop:], start + stop
        if len(held):
            yield _as_speech(start, held)


def _as_speech(start: int, waveform: Array) -> SpeechChunk:
    return SpeechChunk(start, waveform, ((start, start + len(waveform)),))


def _quietest(samples: Array, window_samples: int) -> int:
    """Where the quietest window begins, the first of equals; the middle if there is only one.

    As in the reference, windows that would touch the last sample do not count.
    """
    count = -(-(len(samples) - window_samples) // window_samples)
    if count < 1:
        return len(samples) // 2
    windows = samples[: count * window_samples].reshape(count, window_samples)
    loudness = np.sqrt(np.square(windows).mean(axis=1))
    return int(loudness.argmin()) * window_samples
