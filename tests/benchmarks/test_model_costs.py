"""What the doctor knows about models: measured, computed, shipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import board_tables, machine, model_costs, model_costs_computed, tables
from edge_voice import speed_probe
from edge_voice.manifest import Manifest, SourceEntry

ROOT = Path(__file__).parents[2]
PROBE = {"products": 0.001, "convolutions": 0.001, "steps": 0.002, "front": 0.01}
BASE = {
    "model": "whisper-base",
    "precision": "int8",
    "basis": "measured",
    "peak_bytes": 300_000_000,
    "runs": {"front": 0.5, "products": 10.0, "steps": 4.0},
}


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Windows of made-up cost: each later size takes twice the time; the sizes asked for."""
    asked: list[str] = []

    def window(size: str, rounds: int) -> dict[str, float]:
        asked.append(size)
        power = 2.0 ** list(model_costs_computed.SIZES).index(size)
        return {"encoder": power, "decoder": 3 * power, "peak_bytes": 1e6 * power}

    monkeypatch.setattr(model_costs_computed.whisper_random, "window", window)
    monkeypatch.setattr(model_costs_computed, "_probe", lambda threads: PROBE)
    return asked


def test_other_whispers_are_computed_from_their_windows(
    windows: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "RESULTS", tmp_path)
    rows = {row["model"]: row for row in model_costs_computed.computed([BASE], 1)}
    assert "whisper-base" not in rows
    assert rows["whisper-base.en"]["runs"] == BASE["runs"]
    assert rows["whisper-small"]["runs"] == {"front": 0.5, "products": 20.0, "steps": 8.0}
    assert rows["whisper-small"]["peak_bytes"] == 304_000_000
    assert rows["whisper-tiny"]["runs"]["products"] == 5.0
    assert len(windows) == len(set(windows))


def test_cohere_comes_from_its_own_benchmark_of_this_machine(
    windows: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = {"seconds": 30.0, "encoder_seconds": {"median": 1.2}}
    run = {
        "clips": [{**clip, "seconds": 5.0}, clip],
        "context": {"step_milliseconds": {"1": {"median": 5.0}}},
        "peak_bytes": 2_000_000_000,
        "threads": 1,
    }
    other = {**run, "threads": 2, "clips": []}
    row = {"engine": "edge-voice", "precision": "balanced", "runs": [other, run]}
    path = tmp_path / f"{machine.slug()}-cohere-full-size.json"
    path.write_text(json.dumps({"rows": [row, {**row, "engine": "transformers"}]}))
    monkeypatch.setattr(machine, "RESULTS", tmp_path)

    found = model_costs_computed.computed([BASE], 1)

    (cohere,) = (row for row in found if row["model"] == "cohere-transcribe")
    # 1.2 s of encoder for 30 s are 40 runs of 1 ms a second; 4 tokens of 5 ms are 10 runs of 2 ms.
    assert cohere["runs"] == {"front": 0.5, "products": 40.0, "steps": 10.0}


def test_a_voice_of_frames_counts_its_codec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {
        "precision": "int4",
        "steps": 7,
        "frame_milliseconds": 70.0,
        "codec_milliseconds": {"5 frames": 10.0},
        "probe_milliseconds": 2.0,
        "resident_bytes": 1_800_000_000,
    }
    rows = [row, {**row, "steps": 4, "frame_milliseconds": 50.0}]
    (tmp_path / f"{machine.slug()}-voxtral-frame.json").write_text(
        json.dumps({"rows": rows})
    )
    monkeypatch.setattr(machine, "RESULTS", tmp_path)

    (found,) = model_costs_computed.computed([], 1)

    assert found["runs"] == {"steps": 500.0}  # a second takes a second: 500 runs of 2 ms


def test_a_graph_of_unknown_kind_is_named() -> None:
    def manifest(model_type: str, **graphs: str) -> Manifest:
        return Manifest(
            model_type, "n", "speak", "int8", ("en",), "", SourceEntry("f"), "x", graphs, {}, {}
        )

    kinds = model_costs._graph_kinds(manifest("whisper", encoder="e.onnx", decoder="d.onnx"))
    assert kinds == {"silero_vad": "front", "e": "products", "d": "steps"}
    with pytest.raises(RuntimeError, match="what is 'codec' like"):
        model_costs._graph_kinds(manifest("other", codec="c.onnx"))


def test_kinds_are_those_of_the_probe() -> None:
    named = {kind for graphs in model_costs._KINDS.values() for kind in graphs.values()}
    assert named <= set(speed_probe.KINDS)


def test_what_is_shipped_is_the_newest_result() -> None:
    results = tables.load_results(ROOT / "benchmarks" / "results")
    newest = tables._pick(results, "model-costs", None)
    shipped = json.loads((ROOT / "edge_voice" / "data" / "model_costs.json").read_text())
    assert shipped["models"] == newest["models"]


def test_the_table() -> None:
    result = {
        "machine": {"cpu": "C", "cores": 2, "cpu_flags": ["avx2"], "date": "2026-11-25"},
        "threads": 2,
        "models": [BASE],
        "accuracy": [
            {"model": "m", "precision": "int8", "what": "1 thread", "predicted_to_measured": 1.25}
        ],
    }
    lines = board_tables.model_costs(result).splitlines()
    assert lines[2] == "| whisper-base int8 | 300 MB | 10.0 | – | 4.0 | 0.5 | measured |"
    assert lines[-1] == "| m int8 | 1 thread | 1.25 |"
