"""What is computed from the events of speech while it is spoken."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from benchmarks import live
from benchmarks.corpus import Clip
from benchmarks.live_tables import live as table
from benchmarks.peers import live_child


def event(
    second: float, index: int, stable: str, tail: str = "", final: bool = False
) -> dict[str, Any]:
    return live_child.event(second, index, stable, tail, final)


def report(*events: dict[str, Any], end: float = 3.0) -> dict[str, Any]:
    return {
        "events": list(events), "start": 0.5, "end": end, "seconds": 4.0, "computed": 1.0,
        "offline": "a b c d",
    }  # fmt: skip


SPOKEN = report(
    event(1.5, 0, "", "a x"),
    event(2.0, 0, "a", " b"),
    event(2.5, 0, "a b", " see"),
    event(2.9, 0, "a b c", final=True),
    event(3.4, 1, "", "d"),
    event(3.75, 1, "d", final=True),
)


def test_latencies_begin_where_speech_does() -> None:
    assert live.final_latency(SPOKEN) == 0.75
    assert live.first_latency(SPOKEN) == 1.0
    assert live.final_latency(report(event(2.0, 0, "a", final=True))) is None
    assert live.first_latency(report()) is None


def test_words_taken_back() -> None:
    assert live.erased_words(SPOKEN) == 2  # x and see
    assert live.stable_words(SPOKEN) == 2
    assert live.retracted_words(SPOKEN) == 0
    assert live.live_text(SPOKEN) == "a b c d"
    assert live.retracted_words(report(event(1, 0, "a b"), event(2, 0, "a c", final=True))) == 1
    assert live.retracted_words(report(event(1, 0, "a b c"), event(2, 0, "a", final=True))) == 2
    cut = [event(1, 0, "a b c"), event(2, 0, "a b", final=True)]  # c begins the next phrase
    assert live.retracted_words(report(*cut, event(3, 1, "c d", final=True))) == 0
    assert live.retracted_words(report(*cut, event(3, 1, "d", final=True))) == 1


def test_a_row_and_its_table() -> None:
    pytest.importorskip("whisper_normalizer")
    clips = tuple(Clip(name, "lj", Path(name), "a b c e", 4.0) for name in ("one", "two"))
    row = live.summary(clips, {"one": SPOKEN, "two": SPOKEN})
    assert row["final_latency"] == {"median": 0.75, "p90": 0.75}
    assert (row["clips"], row["clips_with_final"], row["retracted"]) == (2, 2, 0)
    assert (row["rtf"], row["stable_share"], row["erased_per_word"]) == (0.25, 0.5, 0.5)
    machine = {"cpu": "CPU", "cores": 2, "cpu_flags": [], "date": "2026-11-25"}
    rows = [{"engine": "ours", "model": "tiny", **row}, {"engine": "x", "model": "y", **row}]
    rows[1]["first_latency"] = None
    lines = table({"machine": machine, "threads": 2, "rows": rows}).splitlines()
    assert lines[2] == (
        "| ours | tiny | 0.75 s | 0.75 s | 1.00 s | 0.50 | 50 % | 0.250 | 25.0 % | 25.0 % |"
    )
    assert "| – | 0.50 |" in lines[3]
    assert lines[-1].startswith("2 threads; 2 short clips")


def test_the_simulated_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    real = [0.0]
    monkeypatch.setattr(live_child.time, "perf_counter", lambda: real[0])
    clock = live_child.SimulatedClock()
    seen = []
    for cost, chunk in zip([0.25, 1.5, 0.0], clock.chunks(np.zeros(24_000), 8_000), strict=True):
        seen.append((len(chunk), clock.now()))
        real[0] += cost
    # The third chunk was there long before the second one was dealt with.
    assert seen == [(8_000, 0.5), (8_000, 1.0), (8_000, 2.5)]
    assert clock.computed == 1.75


def test_where_speech_is(tmp_path: Path) -> None:
    tone = np.sin(np.arange(16_000) / 5)
    quiet = np.zeros(8_000)
    soundfile.write(tmp_path / "a.wav", np.concatenate((quiet, tone, quiet)), 16_000)
    samples, start, end = live.recording(tmp_path / "a.wav")
    assert len(samples) == 16_000 * 4.5
    assert (start, end) == pytest.approx((1.0, 2.0), abs=0.011)


def test_common_prefix() -> None:
    for first, second in itertools.product(["", "a", "a b", "a c"], repeat=2):
        count = live.common_prefix(first.split(), second.split())
        assert first.split()[:count] == second.split()[:count]
    assert live.common_prefix(["a", "b"], ["a", "b", "c"]) == 2
