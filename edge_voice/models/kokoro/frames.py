"""What the encoder says of each frame, and where the decoder may be given it in pieces.

The decoder's norms look at everything that it is given, so a piece does not sound exactly like
the same stretch of the whole; it was trained on such pieces, however (Li et al. 2023 train it on
a few seconds at a time). They are cut where the voice is quietest, and overlap there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# Frames that a piece sees beyond each end, and does not speak. The convolutions reach about that
# far.
_CONTEXT = 8
_CROSSFADE_SECONDS = 0.010


@dataclass(frozen=True, slots=True)
class Frames:
    """The encoder's outputs for one utterance.

    Attributes:
        text: (1, channels, frames).
        pitch: (1, 2 · frames).
        energy: (1, 2 · frames).
        source: (1, bins, steps), `frame_steps` for each frame and one more.
        frame_steps: Steps of the excitation in a frame.
    """

    text: Array
    pitch: Array
    energy: Array
    source: Array
    frame_steps: int

    def __len__(self) -> int:
        """Frames."""
        return int(self.text.shape[2])

    def feeds(self, start: int, stop: int) -> dict[str, Array]:
        """Inputs of the decoder for some of the frames."""
        steps = slice(start * self.frame_steps, stop * self.frame_steps + 1)
        parts = {
            "aligned_text": self.text[:, :, start:stop],
            "pitch": self.pitch[:, 2 * start : 2 * stop],
            "energy": self.energy[:, 2 * start : 2 * stop],
            "source": self.source[:, :, steps],
        }
        return {name: np.ascontiguousarray(part) for name, part in parts.items()}


def cuts(frames: Frames, first: int, longest: int) -> list[int]:
    """Ends of the pieces, in frames: the quietest places, not too early and not too late.

    Args:
        frames: An utterance.
        first: Most frames of the first piece. Each further one may be half as long again as the
            one before, so that it is there when that has been heard.
        longest: Most frames of any; the last may have a quarter more.

    Returns:
        Rising numbers, of which the last is the number of frames.
    """
    loudness = frames.energy[0].reshape(-1, 2).mean(axis=1)
    ends: list[int] = []
    start, limit = 0, first
    while len(frames) - start > limit + limit // 4:  # a short rest is spoken with what is before
        early = start + 2 * limit // 3
        start = early + int(np.argmin(loudness[early : start + limit]))
        ends.append(start)
        limit = min(3 * limit // 2, longest)
    return [*ends, len(frames)]


def spoken(
    frames: Frames,
    ends: list[int],
    decode: Callable[[dict[str, Array]], Array],
    frame_samples: int,
    sample_rate: int,
) -> Iterator[Array]:
    """Samples piece by piece, each faded over into the next.

    Args:
        frames: An utterance.
        ends: As `cuts` gives them.
        decode: From `Frames.feeds` to (n,) samples, `frame_samples` for each frame.
        frame_samples: Samples of a frame.
        sample_rate: Samples per second.
    """
    fade = round(_CROSSFADE_SECONDS * sample_rate)
    ramp = (np.arange(fade, dtype=np.float32) + np.float32(0.5)) / np.float32(fade)
    tail = np.zeros(0, np.float32)
    start = 0
    for end in ends:
        low, high = max(start - _CONTEXT, 0), min(end + _CONTEXT, len(frames))
        samples = decode(frames.feeds(low, high))
        offset = low * frame_samples
        piece = samples[start * frame_samples - offset : end * frame_samples - offset].copy()
        count = len(tail)
        piece[:count] = piece[:count] * ramp[:count] + tail * (1 - ramp[:count])
        tail = samples[end * frame_samples - offset :][:fade]
        start = end
        yield piece
