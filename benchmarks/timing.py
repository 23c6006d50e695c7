"""Times of actions that take turns, so that a machine that slows down does so for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def in_turns(
    actions: Mapping[str, Callable[[], object]], *, rounds: int, repeats: int = 1
) -> dict[str, list[float]]:
    """Seconds of every run of every action: A A B B, A A B B, …

    Args:
        actions: Name → what is timed.
        rounds: How often each has its turn.
        repeats: Runs in one turn, for actions so short that the first finds cold caches.
    """
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            times[name] += [timed(action) for _ in range(repeats)]
    return times


def summary(seconds: Sequence[float], *, unit: float = 1.0, digits: int = 4) -> dict[str, float]:
    """The least and the middle time, multiplied by `unit` (1000 for milliseconds).

    On a machine that others use too, the least is what the work takes and the middle what was
    seen; far apart, they say that the measurement deserves another one.
    """
    return {
        "min": round(unit * min(seconds), digits),
        "median": round(unit * median(seconds), digits),
    }
