"""Speech faster or slower at the same pitch, a block at a time.

Waveform similarity overlap-add (Verhelst and Roelands, ICASSP 1993): windows of the input are laid
over one another at another distance than they had, each moved a little to where it continues the
one before it best.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edge_voice.errors import OptionError
from edge_voice.synthesizer import AudioChunk

if TYPE_CHECKING:
    import numpy.typing as npt

    Block = npt.NDArray[np.float32]

SLOWEST, FASTEST = 0.25, 4.0
# Two periods of the lowest voice fit in the window, and one in the search.
_WINDOW_SECONDS = 0.040
_SEARCH_SECONDS = 0.012


def check_speed(speed: float) -> float:
    """Returns `speed` if it is one that can be spoken.

    Raises:
        OptionError: It is not.
    """
    if not SLOWEST <= speed <= FASTEST:
        raise OptionError(f"speed {speed:g} (allowed: {SLOWEST:g} to {FASTEST:g})")
    return speed


def stretched(chunks: Iterable[AudioChunk], speed: float) -> Iterator[AudioChunk]:
    """Chunks at another speed, for models that have none of their own.

    Args:
        chunks: Speech, one chunk after the other, all at one rate.
        speed: 2.0 is twice as fast; 1.0 passes the chunks on as they are.

    Raises:
        OptionError: The speed is out of range.
    """
    if check_speed(speed) == 1.0:
        yield from chunks
        return
    stretcher, last = None, None
    for chunk in chunks:
        stretcher = stretcher or TimeStretcher(speed, chunk.sample_rate)
        waveform, last = stretcher.push(chunk.waveform), chunk
        if len(waveform):
            yield replace(chunk, waveform=waveform)
    if stretcher and last and len(rest := stretcher.finish()):
        yield replace(last, waveform=rest)


class TimeStretcher:
    """State between blocks; what `push` and `finish` return, laid end to end, is the speech.

    Its length is that of the input divided by the speed, to half a sample.
    """

    def __init__(self, speed: float, sample_rate: int) -> None:
        """Prepares.

        Args:
            speed: 0.25 to 4; 2.0 is twice as fast.
            sample_rate: Samples per second of input and output.
        """
        self._speed = check_speed(speed)
        self._hop = max(1, round(_WINDOW_SECONDS * sample_rate / 2))
        self._reach = round(_SEARCH_SECONDS * sample_rate)
        ramp = np.arange(self._hop, dtype=np.float32) + np.float32(0.5)
        self._rise = np.sin(np.pi / 2 * ramp / self._hop).astype(np.float32) ** 2
        self._input = np.zeros(0, np.float32)
        self._start = 0  # position in the whole input of the first sample of _input
        self._received = 0
        self._windows = 0
        self._natural = 0  # where the last window goes on in the input
        self._written = 0

    def push(self, block: Block) -> Block:
        """Takes (n,) samples and returns what can be said of them now."""
        self._received += len(block)
        self._input = np.concatenate([self._input, block])
        return self._advance(self._received)

    def finish(self) -> Block:
        """The end, after the last block."""
        total = round(self._received / self._speed)
        silence = np.zeros(2 * self._hop + 2 * self._reach + self._natural, np.float32)
        self._input = np.concatenate([self._input, silence])
        parts = []
        while self._written < total:
            parts.append(self._next())
        end = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        return end[: max(0, len(end) - (self._written - total))]

    def _advance(self, available: int) -> Block:
        parts = []
        while self._needed() <= available:
            parts.append(self._next())
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _ideal(self) -> int:
        """Where the next window begins in the input if nothing is moved."""
        return round(self._windows * self._hop * self._speed)

    def _needed(self) -> int:
        """How much input there must be before the next hop can be said.

        It covers all that the window may look at, and as much as the hop itself stands for.
        """
        seen = max(self._ideal() + self._reach, self._natural) + 2 * self._hop
        return max(seen, math.ceil((self._written + self._hop) * self._speed))

    def _next(self) -> Block:
        """One hop of output: the end of the last window fades into the beginning of the next."""
        before = self._slice(self._natural, self._hop)
        at = self._best(self._ideal(), before) if self._windows else 0
        after = self._slice(at, self._hop)
        faded = after if not self._windows else before + self._rise * (after - before)
        self._natural = at + self._hop
        self._windows += 1
        self._written += self._hop
        self._forget()
        return faded

    def _best(self, ideal: int, before: Block) -> int:
        """The beginning near `ideal` that is most like what would have come without a cut."""
        first = max(0, ideal - self._reach)
        candidates = self._slice(first, ideal + self._reach - first + self._hop)
        likeness = np.correlate(candidates, before, "valid")
        squares = np.concatenate([[0.0], np.cumsum(np.square(candidates, dtype=np.float64))])
        energy = squares[self._hop :] - squares[: -self._hop]
        return first + int(np.argmax(likeness / np.sqrt(np.maximum(energy, 1e-9))))

    def _slice(self, start: int, length: int) -> Block:
        return self._input[start - self._start : start - self._start + length]

    def _forget(self) -> None:
        """Drops input that no window will look at again."""
        keep = min(self._natural, max(0, self._ideal() - self._reach))
        keep = min(keep, self._start + len(self._input))
        self._input = self._input[keep - self._start :]
        self._start = keep
