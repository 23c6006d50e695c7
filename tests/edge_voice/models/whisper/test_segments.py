"""From the tokens of a window to segments. Times are in steps of 0.02 s."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from edge_voice.models.whisper.config import WhisperConfig
from edge_voice.models.whisper.segments import split_window


def tokens(config: WhisperConfig, text: str) -> list[int]:
    """`<50>ab<75>` → timestamp 1.00 s, two words, timestamp 1.50 s."""
    parts = text.replace(">", "<").split("<")
    found: list[int] = []
    for number, part in enumerate(parts):
        found += [config.first_timestamp + int(part)] if number % 2 else part.encode()
    return found


@pytest.mark.parametrize(
    ("said", "stretches", "done"),
    [
        # nothing, and no times at all: the whole window
        ("", [], 2.0),
        ("ab", [(0.0, 2.0, "ab")], 2.0),
        # one segment, closed or not: the window is done with
        ("<0>ab<50>", [(0.0, 1.0, "<0>ab<50>")], 2.0),
        ("<10>ab<50>", [(0.2, 1.0, "<10>ab<50>")], 2.0),
        ("<10>ab", [(0.2, 2.0, "<10>ab")], 2.0),
        ("ab<50>", [(0.0, 1.0, "ab<50>")], 2.0),
        # several, the last one closed: the rest of the window is silence
        (
            "<0>a<25><30>b<50>",
            [(0.0, 0.5, "<0>a<25>"), (0.6, 1.0, "<30>b<50>")],
            2.0,
        ),
        # the last one broken off: the next window starts where the one before it closed
        ("<0>a<25><25>b", [(0.0, 0.5, "<0>a<25>")], 0.5),
        (
            "<0>a<25><25>b<50><60>c",
            [(0.0, 0.5, "<0>a<25>"), (0.5, 1.0, "<25>b<50>")],
            1.0,
        ),
        ("<0>a<25><25>", [(0.0, 0.5, "<0>a<25>")], 0.5),
        ("a<25><25>b<50>", [(0.0, 0.5, "a<25>"), (0.5, 1.0, "<25>b<50>")], 2.0),
        # times behind the audio
        ("<0>a<120>", [(0.0, 2.0, "<0>a<120>")], 2.0),
        ("<0>a<120><120>b", [(0.0, 2.0, "<0>a<120>")], 2.0),
        # a lone time says nothing about an end
        ("<0>", [(0.0, 2.0, "<0>")], 2.0),
    ],
)
def test_split(
    config: WhisperConfig, said: str, stretches: list[tuple[float, float, str]], done: float
) -> None:
    found, seconds = split_window(tokens(config, said), config, 2.0)
    assert seconds == pytest.approx(done)
    assert [stretch.tokens for stretch in found] == [
        tuple(tokens(config, text)) for _, _, text in stretches
    ]
    assert [(stretch.start, stretch.end) for stretch in found] == [
        pytest.approx((start, end)) for start, end, _ in stretches
    ]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_said_the_window_moves_on(config: WhisperConfig, seed: int) -> None:
    """Segments of a well-formed window are in order, whole, and end where the next one starts."""
    random = np.random.default_rng(seed)
    times = np.sort(random.choice(np.arange(1, 100), 2 * random.integers(1, 5), replace=False))
    said: list[int] = []
    for time in times[: random.integers(1, len(times) + 1)]:
        said.append(config.first_timestamp + int(time))
        if len(said) % 3 != 0:
            said.append(ord("a"))
    found, done = split_window(said, config, 2.0)
    assert 0 < done <= 2.0
    assert all(0 <= stretch.start <= stretch.end <= 2.0 for stretch in found)
    joined = [token for stretch in found for token in stretch.tokens]
    assert joined == said[: len(joined)]
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert done == 2.0 or done == pytest.approx(found[-1].end)
