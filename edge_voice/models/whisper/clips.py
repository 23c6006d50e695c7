"""Stretches of a recording, each read through windows that move on as far as was understood."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from edge_voice.models.whisper.config import SAMPLE_RATE
from edge_voice.vad import ChunkRules, VoiceActivity, speech_chunks

Array = np.ndarray[Any, np.dtype[Any]]

# A rest of a chunk with less speech than this in it is the tail of the last word.
_SHORTEST_REST_SAMPLES = SAMPLE_RATE // 5
_SIMILAR = 1.5
# With so much of a window full of speech, a better one is not looked for.
_MUCH_SPEECH = 0.5


class Clip:
    """A stretch of the recording that is transcribed window by window.

    Attributes:
        start: Its first sample in the recording.
        samples: Its length; infinite for a whole recording.
    """

    def __init__(
        self,
        start: int,
        blocks: Iterable[Array],
        speech: tuple[tuple[int, int], ...] | None,
        samples: float = math.inf,
    ) -> None:
        self.start = start
        self.samples = samples
        self._blocks = iter(blocks)
        self._speech = speech
        self._buffer = np.zeros(0, np.float32)
        self._dropped = 0

    def window(self, start: int, count: int) -> Array:
        """Up to `count` samples from `start` on; what lies before is forgotten."""
        parts, have = [self._buffer], self._dropped + len(self._buffer)
        while have < start + count and (block := next(self._blocks, None)) is not None:
            parts.append(block)
            have += len(block)
        joined = np.concatenate(parts) if len(parts) > 1 else parts[0]
        self._buffer = joined[start - self._dropped :]
        self._dropped = start
        return self._buffer[:count]

    def speech(self, seek: int) -> list[tuple[float, float]] | None:
        """Where speech was heard, in seconds from `seek` on; None if nobody listened for it."""
        if self._speech is None:
            return None
        origin = self.start + seek
        return [
            ((begin - origin) / SAMPLE_RATE, (stop - origin) / SAMPLE_RATE)
            for begin, stop in self._speech
            if stop > origin
        ]

    def goes_on(self, seek: int) -> bool:
        """Whether there is speech to expect from `seek` on."""
        if self._speech is None or seek == 0:
            return True
        position = self.start + seek
        left = sum(max(0, stop - max(begin, position)) for begin, stop in self._speech)
        return left >= _SHORTEST_REST_SAMPLES


def clips(blocks: Iterable[Array], rules: ChunkRules | None) -> Iterator[Clip]:
    """The recording as one endless clip, or by `rules` cut at its pauses, silence left out."""
    if rules is None:
        yield Clip(0, blocks, None)
        return
    for chunk in speech_chunks(blocks, VoiceActivity(), rules):
        yield Clip(chunk.start, [chunk.waveform], chunk.speech, len(chunk.waveform))


def grouped(found: Iterable[Clip], size: int) -> Iterator[list[Clip]]:
    """Neighbouring clips of similar length, at most `size` together.

    Similar, because the windows of a group are encoded at the length of the longest.
    """
    group: list[Clip] = []
    for clip in found:
        lengths = [clip.samples, *(other.samples for other in group)]
        if group and (len(group) == size or max(lengths) > _SIMILAR * min(lengths)):
            yield group
            group = []
        group.append(clip)
        if clip.samples == math.inf:
            yield group
            group = []
    if group:
        yield group


def clearest_window(waveform: Array, samples: int) -> Array:
    """The stretch with the most speech; the loudest where there is none.

    Args:
        waveform: (n,) float32 at 16 kHz.
        samples: Most samples to take.
    """
    seconds = max(1.0, samples / SAMPLE_RATE)
    rules = ChunkRules(target_chunk_seconds=seconds, max_chunk_seconds=seconds)
    clearest, most = None, 0
    for chunk in speech_chunks([waveform], VoiceActivity(), rules):
        spoken = sum(stop - start for start, stop in chunk.speech)
        if spoken > most:
            clearest, most = chunk.waveform, spoken
        if most >= _MUCH_SPEECH * samples:
            break
    found = _loudest(waveform, samples) if clearest is None else clearest
    return found[:samples]


def _loudest(waveform: Array, samples: int) -> Array:
    parts = [waveform[at : at + samples] for at in range(0, len(waveform), samples)]
    return max(parts, key=lambda part: float(np.dot(part, part)), default=waveform)
