"""Fresh processes, and times of actions that take turns."""

from __future__ import annotations

import os

import pytest

from benchmarks.children import call, peak_bytes
from benchmarks.timing import in_turns, summary


def test_a_failure_in_a_child_is_one_line_that_names_the_function():
    target = "benchmarks.cohere_ours:export"
    with pytest.raises(RuntimeError, match=rf"^{target}: KeyError: 'huge'$"):
        call(target, size="huge", precision="int8", folder="/nowhere")


def test_a_child_has_its_own_memory(tmp_path):
    ballast = bytearray(300 << 20)
    folder = tmp_path / "bundle"

    made = call(
        "benchmarks.cohere_ours:export", size="smallest", precision="fp32", folder=os.fspath(folder)
    )

    assert peak_bytes() > len(ballast)
    assert made["peak_bytes"] < len(ballast)
    assert made["bundle_bytes"] == sum(path.stat().st_size for path in folder.iterdir())


def test_actions_take_turns():
    order: list[str] = []

    times = in_turns({name: lambda n=name: order.append(n) for name in "ab"}, rounds=2, repeats=2)

    assert "".join(order) == "aabbaabb"
    assert [len(times[name]) for name in "ab"] == [4, 4]
    assert all(seconds > 0 for seconds in times["a"])


def test_a_summary_has_the_least_and_the_middle():
    assert summary([0.003, 0.001, 0.002], unit=1000, digits=1) == {"min": 1.0, "median": 2.0}
