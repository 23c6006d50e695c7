"""One passage of text → chunks of waveform: frames in a loop, attempts, and when to decode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from edge_voice.models.voxtral_tts.passages import Passage

Array = np.ndarray[Any, np.dtype[Any]]

_ATTEMPTS = 3
# Frames of the first chunk, of the second, and so on: early first, then cheaper in larger ones.
_CHUNK_FRAMES = (5, 10, 20, 25)
# A passage of at most so many frames is heard only when it is whole: the shortest ones are the
# ones that go wrong, and they are quickly made again.
_SHORT_FRAMES = 24
# Of later passages this much is kept back, so that one that ends at once can be made again.
_HELD_FRAMES = 12


@dataclass(frozen=True, slots=True)
class Attempt:
    """Frames made so far, and what follows.

    Attributes:
        frames: Rows of codes that nobody has heard yet.
        rest: The frames behind them.
        ended: Whether the model itself has said that this is all.
    """

    frames: list[Array]
    rest: Iterator[Array]
    ended: bool


def first_good_attempt(
    start: Callable[[int], Iterator[Array]], passage: Passage, *, first: bool
) -> Attempt:
    """Starts to speak, again with other noise while what comes out is implausibly short or long.

    Only what nobody has heard can be made again: a short passage is made in full before it is
    judged, of a longer one its beginning.

    Args:
        start: Number of the attempt → its frames, at most `passage.most_frames`.
        passage: What is spoken.
        first: Whether somebody waits for the first sound.
    """
    if passage.fewest_frames <= _SHORT_FRAMES // 3:
        held = passage.most_frames
    else:
        held = _CHUNK_FRAMES[0] if first else _HELD_FRAMES
    for number in range(_ATTEMPTS):
        rest = start(number)
        frames = list(islice(rest, held))
        attempt = Attempt(frames, rest, ended=len(frames) < held)
        if _plausible(attempt, passage):
            break
    return attempt


def _plausible(attempt: Attempt, passage: Passage) -> bool:
    made = len(attempt.frames)
    if attempt.ended:
        return made >= max(passage.fewest_frames, 1)
    return made < passage.most_frames


def chunked(attempt: Attempt) -> Iterator[Array]:
    """Groups an attempt's frames for the codec: (n, 1 + codebooks) each."""
    sizes = iter(_CHUNK_FRAMES)
    size = next(sizes)
    waiting = list(attempt.frames)
    while len(waiting) >= size:
        yield np.stack(waiting[:size])
        del waiting[:size]
        size = next(sizes, _CHUNK_FRAMES[-1])
    for codes in attempt.rest:
        waiting.append(codes)
        if len(waiting) >= size:
            yield np.stack(waiting)
            waiting.clear()
            size = next(sizes, _CHUNK_FRAMES[-1])
    if waiting:
        yield np.stack(waiting)
