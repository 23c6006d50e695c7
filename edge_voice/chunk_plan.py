"""Where to cut a stream of speech: decided from a probability and an energy per row of 32 ms.

Everything here counts rows; `vad.py` turns them into samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_voice.errors import OptionError
from edge_voice.silero import ROW_SAMPLES, SAMPLE_RATE

_ROWS_PER_SECOND = SAMPLE_RATE / ROW_SAMPLES
# A chunk that gets too long is cut in this last part of it: late enough that chunks stay few,
# wide enough that a real pause lies inside (readers pause every 2 to 5 s).
_CUT_PART = 1 / 3

Span = tuple[int, int]
"""Start and stop row; the stop is not part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRules:
    """How speech is found and cut.

    Attributes:
        threshold: Probability from which speech starts.
        release: Probability under which it may end.
        min_speech_seconds: Shorter sounds between silences are dropped.
        min_silence_seconds: Shorter silences are part of the speech around them.
        pad_seconds: Kept before and after speech, as far as no other chunk has it.
        max_pause_seconds: A longer silence always ends a chunk.
        target_chunk_seconds: Stretches of speech are joined while the whole stays within this.
        max_chunk_seconds: No chunk is longer; unbroken speech is cut at its best place.
        keep_short_clips: Listen harder when a whole stream is short and seems to be empty.
        short_clip_seconds: What short means there.
    """

    threshold: float = 0.5
    release: float = 0.35
    # Two rows. Of 46 pieces of speech of 0.2 s (0.3 s) alone in silence 40 (41) are found, with
    # 0.1 s 33 (39), with 0.25 s 5 (27). Noise and tones never reach `threshold` at all.
    min_speech_seconds: float = 0.064
    min_silence_seconds: float = 0.1
    # Character error rate of Whisper base on 44 clips in seven languages: 7.65 % whole, 8.32 %
    # with 0.03 s, 7.43 % with 0.1 s, 7.52 % with 0.25 s, 7.32 % with 0.4 s. Of the 10 ms frames
    # within 28 dB of the loud ones, 0.9 % are lost at 0.1 s, 0.40 % at 0.25 s, 0.35 % at 0.4 s.
    pad_seconds: float = 0.25
    max_pause_seconds: float = 1.5
    target_chunk_seconds: float = 30.0
    max_chunk_seconds: float = 30.0
    keep_short_clips: bool = True
    short_clip_seconds: float = 1.0

    def __post_init__(self) -> None:
        """Refuses what cannot work.

        Raises:
            OptionError: A rule is out of range; names it and what is allowed.
        """
        for name, fine, allowed in (
            ("threshold", 0 < self.threshold < 1, "between 0 and 1"),
            ("release", 0 < self.release <= self.threshold, "above 0, at most threshold"),
            ("min_speech_seconds", 0 <= self.min_speech_seconds <= 10, "0 to 10"),
            ("min_silence_seconds", 0 < self.min_silence_seconds <= 10, "above 0, at most 10"),
            ("pad_seconds", 0 <= self.pad_seconds <= 5, "0 to 5"),
            (
                "max_pause_seconds",
                max(2 * self.pad_seconds, self.min_silence_seconds) <= self.max_pause_seconds <= 60,
                "at least min_silence_seconds and 2 * pad_seconds, at most 60",
            ),
            ("max_chunk_seconds", 1 <= self.max_chunk_seconds <= 600, "1 to 600"),
            (
                "target_chunk_seconds",
                1 <= self.target_chunk_seconds <= self.max_chunk_seconds,
                "1 to max_chunk_seconds",
            ),
            ("short_clip_seconds", 0 <= self.short_clip_seconds <= 30, "0 to 30"),
        ):
            if not fine:
                raise OptionError(f"{name} is {getattr(self, name)} (allowed: {allowed})")


@dataclass(frozen=True, slots=True)
class Plan:
    """One chunk: its first row, the row after its last, and the speech inside."""

    start: int
    stop: int
    speech: tuple[Span, ...]


class ChunkPlanner:
    """Takes rows in order and gives out chunks as soon as nothing later can change them.

    Attributes:
        pad: Rows that are kept before and after speech.
        count: Rows taken so far.
        needed: Rows before this one are in no chunk to come.
        found: Whether a chunk has been given out.
    """

    def __init__(self, rules: ChunkRules) -> None:
        self._rules = rules
        self.pad = _rows(rules.pad_seconds)
        self._target = int(rules.target_chunk_seconds * _ROWS_PER_SECOND)
        self._max = int(rules.max_chunk_seconds * _ROWS_PER_SECOND)
        self._max_pause = _rows(rules.max_pause_seconds)
        self.count = 0
        self.found = False
        self._regions = _Regions(rules)
        self._given = 0
        # One (probability, energy) for each row from `_first` on.
        self._first = 0
        self._rows: list[tuple[float, float]] = []

    @property
    def needed(self) -> int:
        """Rows before this one are in no chunk to come."""
        if self.count < self._rules.short_clip_seconds * _ROWS_PER_SECOND:
            return 0
        first = self._regions.first
        return max(self._given, (self.count if first is None else first) - self.pad)

    @property
    def pending(self) -> Plan | None:
        """Speech that is in no chunk yet, as one chunk that ends now or with its padding.

        While the silence behind it is shorter than the padding, it still grows. From then on, and
        until someone speaks again, it is what the end of the pause will give out.
        """
        if self._regions.first is None:
            return None
        spans = self._regions.spans()
        return Plan(self._start(spans), self._stop(spans, self.count), tuple(spans))

    def push(self, probability: float, energy: float) -> list[Plan]:
        """Takes the next row: probability of speech, and a measure of loudness."""
        self._rows.append((probability, energy))
        self.count += 1
        self._regions.push(probability)
        if len(self._rows) > 2 * self._max:
            self._forget()
        return self._due()

    def finish(self) -> list[Plan]:
        """Ends the stream."""
        self._regions.close()
        plans = self._due()
        if self._regions.first is not None:
            plans.append(self._take(self._regions.spans()))
        return plans

    def _due(self) -> list[Plan]:
        plans = []
        while self._regions.first is not None and (plan := self._next()):
            plans.append(plan)
        return plans

    def _next(self) -> Plan | None:
        spans = self._regions.spans()
        start, stop = self._start(spans), spans[-1][1]
        if len(spans) > 1 and stop + self.pad - start > self._target:
            return self._take(spans, self._best_gap(spans, start + self._target))
        if len(spans) == 1 and stop - start > self._max:
            cut = self._best_row(start + self._max - int(_CUT_PART * self._max), start + self._max)
            return self._take([(spans[0][0], cut), (cut, stop)], 1)
        if not self._regions.speaking and self.count - stop >= self._max_pause:
            return self._take(spans)
        return None

    def _start(self, spans: list[Span]) -> int:
        return max(self._given, spans[0][0] - self.pad)

    def _take(self, spans: list[Span], number: int | None = None) -> Plan:
        """Gives out the first `number` spans, padded up to half way to the next one."""
        number = number or len(spans)
        taken, start = spans[:number], self._start(spans)
        room = self.count if number == len(spans) else (taken[-1][1] + spans[number][0]) // 2
        self._given = self._stop(taken, room)
        self._regions.drop(self._given)
        self.found = True
        return Plan(start, self._given, tuple(taken))

    def _stop(self, spans: list[Span], room: int) -> int:
        return min(spans[-1][1] + self.pad, room, self._start(spans) + self._max)

    def _best_gap(self, spans: list[Span], end: int) -> int:
        """Number of spans before the longest pause in the last part, or before the last pause."""
        late = end - int(_CUT_PART * self._target)
        gaps = [
            (spans[number][0] - spans[number - 1][1], number)
            for number in range(1, len(spans))
            if spans[number - 1][1] >= late
        ]
        return max(gaps)[1] if gaps else len(spans) - 1

    def _best_row(self, start: int, stop: int) -> int:
        """Row in start..stop before which unbroken speech hurts least when cut.

        That is the quietest point of the longest dip of the probability. Without a dip it is
        the quietest 0.13 s: shorter ones are the closures of plosives, inside words.
        """
        rows = np.array(self._rows[start - self._first : stop - self._first])
        probabilities, energies = rows[:, 0], rows[:, 1]
        dips = _runs(probabilities < self._rules.threshold)
        if dips:
            first, last = max(dips, key=lambda dip: (dip[1] - dip[0], -probabilities[dip[0]]))
            return start + first + int(np.argmin(energies[first:last]))
        smooth = np.convolve(energies, np.ones(4), mode="valid")
        return start + 2 + int(np.argmin(smooth))

    def _forget(self) -> None:
        del self._rows[: self.needed - self._first]
        self._first = self.needed


class _Regions:
    """Speech by hysteresis: starts at `threshold`, ends after a silence under `release`.

    Attributes:
        speaking: Whether the last span may still grow.
    """

    def __init__(self, rules: ChunkRules) -> None:
        self._rules = rules
        self._min_speech = _rows(rules.min_speech_seconds)
        self._min_silence = _rows(rules.min_silence_seconds)
        self._count = 0
        self._closed: list[Span] = []
        self._onset: int | None = None
        self._fall: int | None = None
        self._continues = False

    @property
    def speaking(self) -> bool:
        return self._onset is not None

    @property
    def first(self) -> int | None:
        return self._closed[0][0] if self._closed else self._onset

    def spans(self) -> list[Span]:
        """Regions not dropped yet, the one that still grows included."""
        if self._onset is None:
            return list(self._closed)
        return [*self._closed, (self._onset, self._count if self._fall is None else self._fall)]

    def push(self, probability: float) -> None:
        if probability >= self._rules.threshold:
            self._fall = None
            if self._onset is None:
                self._onset = self._count
        elif self._onset is not None and self._fall is None and probability < self._rules.release:
            self._fall = self._count
        self._count += 1
        if self._fall is not None and self._count - self._fall >= self._min_silence:
            self.close()

    def close(self) -> None:
        """Ends the region that still grows; a short one is dropped unless it continues a cut."""
        if self._onset is None:
            return
        onset, stop = self.spans()[-1]
        if self._continues or stop - onset >= self._min_speech:
            self._closed.append((onset, stop))
        self._onset, self._fall, self._continues = None, None, False

    def drop(self, before: int) -> None:
        """Forgets what lies before a row; a region around it goes on from there."""
        self._closed = [(max(start, before), stop) for start, stop in self._closed if stop > before]
        if self._onset is not None and self._onset < before:
            self._onset, self._continues = before, True


def _rows(seconds: float) -> int:
    return math.ceil(seconds * _ROWS_PER_SECOND - 1e-9)


def _runs(flags: NDArray[np.bool_]) -> list[Span]:
    """Start and stop of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
