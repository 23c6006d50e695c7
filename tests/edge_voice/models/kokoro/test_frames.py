"""Where an utterance is cut, and how its pieces are joined."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from edge_voice.models.kokoro.frames import Frames, cuts, spoken
from edge_voice.synthesizer import Array

STEPS, SAMPLES, RATE = 3, 400, 24_000


def utterance(count: int, quiet: tuple[int, ...] = ()) -> Frames:
    energy = np.ones((1, 2 * count), np.float32)
    for frame in quiet:
        energy[0, 2 * frame : 2 * frame + 2] = 0
    return Frames(
        text=np.arange(count, dtype=np.float32)[None, None],
        pitch=np.zeros((1, 2 * count), np.float32),
        energy=energy,
        source=np.zeros((1, 2, STEPS * count + 1), np.float32),
        frame_steps=STEPS,
    )


def ramp(feeds: dict[str, Array]) -> Array:
    """A stand-in for the decoder: the samples of frame n are n."""
    text = feeds["aligned_text"][0, 0]
    assert feeds["source"].shape[2] == STEPS * len(text) + 1
    return np.repeat(text, SAMPLES)


@pytest.mark.parametrize("count", [1, 2, 43, 44, 55])
def test_what_is_short_is_not_cut(count: int) -> None:
    assert cuts(utterance(count), 44, 160) == [count]


def test_cuts_are_at_the_quietest_places() -> None:
    assert cuts(utterance(160, quiet=(10, 30, 72, 80)), 40, 160) == [30, 72, 160]


@pytest.mark.parametrize("count", [56, 100, 333, 2000])
def test_pieces_grow_and_are_never_too_long(count: int) -> None:
    random = np.random.default_rng(count)
    frames = utterance(count, quiet=tuple(random.integers(0, count, count // 20)))
    ends = cuts(frames, 44, 160)
    sizes = np.diff([0, *ends])
    assert ends[-1] == count
    assert sizes.min() >= 11
    assert all(size <= limit for size, limit in zip(sizes[:-1], (44, 66), strict=False))
    assert sizes.max() <= 160 + 40


@pytest.mark.parametrize("ends", [[50], [20, 50], [9, 20, 40, 50]])
def test_pieces_are_the_whole(ends: list[int]) -> None:
    frames = utterance(50)
    pieces = list(spoken(frames, ends, ramp, SAMPLES, RATE))
    frames_of = [b - a for a, b in pairwise([0, *ends])]
    assert [len(piece) for piece in pieces] == [count * SAMPLES for count in frames_of]
    whole = np.concatenate(pieces)
    np.testing.assert_allclose(whole, np.repeat(np.arange(50), SAMPLES), atol=1)
    assert np.abs(np.diff(whole)).max() <= 1.01


def test_pieces_fade_into_each_other() -> None:
    def level(feeds: dict[str, Array]) -> Array:
        """Louder for each piece: what a join must hide."""
        return np.full(feeds["aligned_text"].shape[2] * SAMPLES, feeds["aligned_text"][0, 0, 0])

    whole = np.concatenate(list(spoken(utterance(60), [30, 60], level, SAMPLES, RATE)))
    assert whole[0] == 0
    assert whole[-1] == 22
    assert np.abs(np.diff(whole)).max() < 22 / 200


def test_the_decoder_sees_what_is_around_a_piece() -> None:
    seen: list[tuple[float, float]] = []

    def look(feeds: dict[str, Array]) -> Array:
        text = feeds["aligned_text"][0, 0]
        seen.append((text[0], text[-1]))
        return ramp(feeds)

    list(spoken(utterance(100), [40, 100], look, SAMPLES, RATE))
    assert seen == [(0, 47), (32, 99)]
