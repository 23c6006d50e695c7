"""The reference's way with long recordings: cut where it is quiet, join what was heard.

Ported from transformers 5.23.0 (`CohereAsrFeatureExtractor`, `CohereAsrProcessor`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from edge_voice.models.cohere_transcribe.frontend import SAMPLE_RATE

Array = np.ndarray[Any, np.dtype[Any]]

MAX_SECONDS = 35.0
_UNSPACED_LANGUAGES = ("ja", "zh")


def reference_chunks(
    waveform: Array,
    *,
    max_seconds: float = MAX_SECONDS,
    overlap_seconds: float = 5.0,
    window_samples: int = 1600,
) -> list[tuple[int, int]]:
    """Where the reference cuts a recording; it looks at loudness only.

    Args:
        waveform: (n,) float32 at 16 kHz.
        max_seconds: Length of the longest chunk.
        overlap_seconds: How much of a chunk's end is searched for a quiet place. The name is the
            reference's: chunks do not overlap.
        window_samples: Length of the stretches whose loudness is compared.

    Returns:
        First sample and end of each chunk: without gaps, none for an empty recording.
    """
    longest = max(1, round(max_seconds * SAMPLE_RATE))
    searched = min(longest, max(1, round(overlap_seconds * SAMPLE_RATE)))
    chunks = []
    start = 0
    while start + longest < len(waveform):
        first = start + longest - searched
        quiet = first + _quietest(waveform[first : start + longest], window_samples)
        stop = max(start + 1, quiet)
        chunks.append((start, stop))
        start = stop
    return [*chunks, (start, len(waveform))] if len(waveform) else []


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


def join_texts(texts: Iterable[str], language: str) -> str:
    """One text out of the chunks', without those that are blank.

    Args:
        texts: As decoded; the first keeps the blank that it may begin with.
        language: ISO 639 code; Chinese and Japanese have no blanks between words.
    """
    heard = [text for text in texts if text.strip()]
    rest = (text.strip() for text in heard[1:])
    separator = "" if language in _UNSPACED_LANGUAGES else " "
    return separator.join([*(text.rstrip() for text in heard[:1]), *rest])
