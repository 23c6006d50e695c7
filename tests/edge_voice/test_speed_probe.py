"""The probe of `edge-voice doctor`."""

from __future__ import annotations

import pytest

from edge_voice import speed_probe
from edge_voice.recommend import load_costs


def test_this_machine() -> None:
    found = speed_probe.measure(1, windows=1)

    assert tuple(found) == speed_probe.KINDS
    assert all(0 < seconds < 10 for seconds in found.values())


def test_what_other_programs_take_for_a_moment_is_left_out() -> None:
    clock = Clock([0.05] * 6 + [0.2] * 3 + [0.05] * 40)
    assert speed_probe._best_mean_seconds(clock.run, 5, clock.now) == pytest.approx(0.05)


def test_what_a_quota_takes_is_counted() -> None:
    # Half a core: 50 ms of work in five runs, then 50 ms of waiting inside the next.
    clock = Clock([0.01, 0.01, 0.01, 0.01, 0.06] * 60)
    assert speed_probe._best_mean_seconds(clock.run, 5, clock.now) == pytest.approx(0.02, rel=0.1)


def test_a_slow_machine_is_measured_too() -> None:
    clock = Clock([30.0] * 9)
    assert speed_probe._best_mean_seconds(clock.run, 5, clock.now) == pytest.approx(30.0)
    assert clock.runs == 3


def test_costs_are_counted_in_what_is_measured() -> None:
    assert {kind for cost in load_costs() for kind in cost.runs} <= set(speed_probe.KINDS)


class Clock:
    """Time passes only while something runs."""

    def __init__(self, durations: list[float]) -> None:
        self.durations = durations
        self.runs = 0

    def now(self) -> float:
        return sum(self.durations[: self.runs])

    def run(self) -> None:
        self.runs += 1
