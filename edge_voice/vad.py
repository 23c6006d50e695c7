"""From a stream of samples to the stretches of it that a recogniser should hear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge_voice.chunk_plan import ChunkPlanner, ChunkRules, Plan
from edge_voice.silero import ROW_SAMPLES, SAMPLE_RATE, VoiceActivity, Waveform

__all__ = [
    "ROW_SAMPLES",
    "SAMPLE_RATE",
    "ChunkRules",
    "SpeechChunk",
    "SpeechCutter",
    "SpeechDetector",
    "VoiceActivity",
    "repack",
    "speech_chunks",
]

# The detector always hears pieces of this size, whatever the caller's blocks: matrix kernels
# round differently for other sizes, and results must not depend on how a file was read.
_PIECE_SAMPLES = 32 * ROW_SAMPLES

# The second look, see `_has_faint_speech`. Of pieces of 0.3, 0.5 and 0.8 s cut at random from 46
# recordings 93, 98 and 100 % reach this; 400 clips each of white, pink and brown noise, hum and
# tones stay under 0.2, beeps and clicks at or under 0.45.
_FAINT_THRESHOLD = 0.45
_FAINT_LEVEL = 0.1
"""Root mean square that the loudest row is amplified to."""
_FAINT_MARGIN_SAMPLES = SAMPLE_RATE // 2
# -80 dB of full scale: above the rounding noise of 16 bits (-101 dB) and its usual dither.
_SILENCE_LEVEL = 1e-4


class SpeechDetector(Protocol):
    """What `speech_chunks` asks of a detector; `VoiceActivity` is the real one."""

    def reset(self) -> None:
        """Forgets everything heard so far."""

    def probabilities(self, samples: Waveform) -> Waveform:
        """Probability of speech for each 512 samples completed by this call."""

    def flush(self) -> Waveform:
        """Probability of the rest, if any."""


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of the stream to recognise at once.

    Attributes:
        start: Index in the stream of the first sample.
        waveform: (n,) samples, a copy.
        speech: Where speech was heard: (start, stop) sample indices in the stream, in order,
            inside the chunk. The rest is padding and short pauses.
    """

    start: int
    waveform: Waveform
    speech: tuple[tuple[int, int], ...]


def speech_chunks(
    blocks: Iterable[Waveform], detector: SpeechDetector, rules: ChunkRules | None = None
) -> Iterator[SpeechChunk]:
    """Cuts a stream into chunks of speech, each yielded as soon as its end is certain.

    Holds at most `max_chunk_seconds` and about a second more, however long the stream is.

    Args:
        blocks: (n,) mono waveforms at 16 kHz, any n; together the stream.
        detector: Reset first, and in use until the last chunk.
        rules: How to cut.

    Returns:
        Chunks in order, without overlap, none longer than `max_chunk_seconds`.

    Raises:
        AudioError: A sample is not finite.
    """
    cutter = SpeechCutter(detector, rules or ChunkRules())
    for piece in repack(blocks, _PIECE_SAMPLES):
        yield from cutter.push(piece)
    yield from cutter.finish()


class SpeechCutter:
    """What `speech_chunks` does, for a caller who wants to look in between.

    The size of the pieces decides how soon a chunk is given out, and, by rounding in the detector,
    sometimes where exactly it is cut.
    """

    def __init__(self, detector: SpeechDetector, rules: ChunkRules) -> None:
        """Resets the detector, which is in use until `finish`."""
        detector.reset()
        self._detector = detector
        self._rules = rules
        self._planner = ChunkPlanner(rules)
        self._tape = _Tape()

    @property
    def heard(self) -> int:
        """Samples that a decision has been made about."""
        return self._planner.count * ROW_SAMPLES

    @property
    def pad(self) -> int:
        """Samples that are kept before and after speech."""
        return self._planner.pad * ROW_SAMPLES

    def is_one_breath(self, chunk: SpeechChunk, following: SpeechChunk) -> bool:
        """Whether there was no pause between two chunks: the first was cut for its length."""
        silence = following.speech[0][0] - chunk.speech[-1][1]
        return silence < self._rules.max_pause_seconds * SAMPLE_RATE

    def push(self, piece: Waveform) -> list[SpeechChunk]:
        """Hears the next (n,) samples; returns the chunks that are certain by now.

        Raises:
            AudioError: A sample is not finite.
        """
        self._tape.append(piece)
        chunks = self._cut(self._detector.probabilities(piece))
        self._tape.drop(self._planner.needed * ROW_SAMPLES)
        return chunks

    def pending(self) -> SpeechChunk | None:
        """What is being said, as `ChunkPlanner.pending`: in no chunk yet."""
        plan = self._planner.pending
        return None if plan is None else self._tape.chunk(plan)

    def finish(self) -> list[SpeechChunk]:
        """Ends the stream; returns the chunks that are left."""
        planner, tape = self._planner, self._tape
        chunks = self._cut(self._detector.flush())
        chunks += map(tape.chunk, planner.finish())
        if planner.found or not self._rules.keep_short_clips:
            return chunks
        if _has_faint_speech(tape, self._detector, self._rules):
            chunks.append(tape.chunk(Plan(0, planner.count, ((0, planner.count),))))
        return chunks

    def _cut(self, heard: Waveform) -> list[SpeechChunk]:
        energies = self._tape.energies(self._planner.count, len(heard))
        return [
            self._tape.chunk(plan)
            for probability, energy in zip(heard.tolist(), energies.tolist(), strict=True)
            for plan in self._planner.push(probability, energy)
        ]


def repack(blocks: Iterable[Waveform], size: int) -> Iterator[Waveform]:
    """The same samples in blocks of `size`, the last one shorter."""
    held, filled = np.empty(size, np.float32), 0
    for block in blocks:
        at = 0
        while at < len(block):
            taken = block[at : at + size - filled]
            held[filled : filled + len(taken)] = taken
            at, filled = at + len(taken), filled + len(taken)
            if filled == size:
                yield held.copy()
                filled = 0
    if filled:
        yield held[:filled].copy()


def _has_faint_speech(tape: _Tape, detector: SpeechDetector, rules: ChunkRules) -> bool:
    """Listens again to a short clip without speech: amplified, and with silence around it.

    The detector judges quiet voices by their level and short ones by what is around them, which
    a long recording forgives and a single word does not.
    """
    if tape.start or not 0 < tape.stop < rules.short_clip_seconds * SAMPLE_RATE:
        return False
    waveform = tape.samples - tape.samples.mean()
    rows = np.array_split(waveform, -(-len(waveform) // ROW_SAMPLES))
    loudest = max(float(np.sqrt(np.mean(np.square(row)))) for row in rows)
    if loudest < _SILENCE_LEVEL:
        return False
    margin = np.zeros(_FAINT_MARGIN_SAMPLES, np.float32)
    detector.reset()
    heard = detector.probabilities(
        np.concatenate((margin, waveform * np.float32(_FAINT_LEVEL / loudest), margin))
    )
    # Two rows in a row: a single click lifts one alone.
    return float(np.minimum(heard[1:], heard[:-1]).max()) >= _FAINT_THRESHOLD


class _Tape:
    """The samples of the stream that may still be needed."""

    def __init__(self) -> None:
        self.start = 0
        self.samples: Waveform = np.zeros(0, np.float32)

    @property
    def stop(self) -> int:
        return self.start + len(self.samples)

    def append(self, piece: Waveform) -> None:
        self.samples = np.concatenate((self.samples, piece))

    def drop(self, before: int) -> None:
        if before > self.start:
            self.samples = self.samples[before - self.start :]
            self.start = before

    def energies(self, row: int, rows: int) -> Waveform:
        """Sum of squares of `rows` rows of 512 samples; what the last one lacks counts as 0."""
        at = row * ROW_SAMPLES - self.start
        piece = self.samples[at : at + rows * ROW_SAMPLES]
        padded = np.pad(piece, (0, rows * ROW_SAMPLES - len(piece)))
        energies: Waveform = np.square(padded).reshape(rows, ROW_SAMPLES).sum(axis=1)
        return energies

    def chunk(self, plan: Plan) -> SpeechChunk:
        start = plan.start * ROW_SAMPLES
        stop = min(plan.stop * ROW_SAMPLES, self.stop)
        speech = tuple(
            (first * ROW_SAMPLES, min(last * ROW_SAMPLES, stop)) for first, last in plan.speech
        )
        return SpeechChunk(
            start, self.samples[start - self.start : stop - self.start].copy(), speech
        )
