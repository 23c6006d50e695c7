"""`edge-voice doctor` on this machine and on machines that exist only as files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from edge_voice import cpu, recommend, speed_probe
from edge_voice.cli import diagnosis
from edge_voice.hub import store
from edge_voice.manifest import FILE_NAME
from tests.edge_voice.file_trees import write_tree

Call = Callable[..., Result]
CHOICE = "transcribe: cohere-transcribe, speak: hibari"


COSTS = [
    ("whisper-tiny.en", "int8", 200_000_000, {"products": 10.0, "front": 1.0}),
    ("whisper-small", "int8", 500_000_000, {"products": 60.0, "steps": 10.0}),
    ("whisper-large-v3", "int8", 2_000_000_000, {"products": 300.0, "steps": 60.0}),
    ("cohere-transcribe", "int4", 1_600_000_000, {"products": 80.0, "steps": 10.0}),
    ("cohere-transcribe", "balanced", 2_500_000_000, {"products": 50.0, "steps": 10.0}),
    ("hibari", "int8", 200_000_000, {"convolutions": 3.0}),
]


@pytest.fixture(autouse=True)
def costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs that no measurement changes."""
    names = ("model", "precision", "peak_bytes", "runs")
    rows = [{**dict(zip(names, row, strict=True)), "basis": "made up"} for row in COSTS]
    path = tmp_path / "costs.json"
    path.write_text(json.dumps({"models": rows}))
    monkeypatch.setattr(recommend, "_COSTS", path)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("EDGE_VOICE_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EDGE_VOICE_HOME", str(tmp_path / "store"))
    return tmp_path / "store"


def machine(root: Path, *, available_kilobytes: int, flags: str = "", limit: str = "max") -> Path:
    files = {
        "proc/meminfo": f"MemTotal: 9000000 kB\nMemAvailable: {available_kilobytes} kB\n",
        "proc/cpuinfo": f"model name : Fake\nflags : {flags}\n",
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": limit,
    }
    return write_tree(root, files)


def test_this_machine(call: Call, home: Path) -> None:
    folder = home / "models" / "whisper-tiny.en" / "int8"
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_text("{}")
    result = call("doctor", "--no-probe")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line for line in lines if line and line[0] not in " >"][:-1] == [
        "machine",
        "software",
        "store",
        "network",
        "transcribe in en",
        "speak in en",
    ]
    assert "  installed  whisper-tiny.en int8" in result.stdout
    assert "telemetry off  yes" in result.stdout
    assert lines[-1].startswith("ok: ")


def test_json(call: Call, home: Path) -> None:
    found = json.loads(call("doctor", "--json", "--no-probe").stdout)
    assert found["ok"] is True
    assert found["problems"] == []
    assert found["machine"]["cores_allowed"] >= 1
    assert found["software"]["onnxruntime"].startswith("1.")
    assert found["store"]["folder"] == str(home)
    assert not home.exists()


@pytest.mark.parametrize(
    ("kilobytes", "flags", "limit", "verdict"),
    [
        (8_000_000, "avx2 avx512_vnni", "max", f"with instructions for int8; {CHOICE}"),
        (8_000_000, "avx2", "max", f"without instructions for int8; {CHOICE}"),
        (3_000_000, "avx2", "max", "transcribe: cohere-transcribe, speak: hibari"),
        (8_000_000, "", str(650_000_000), "transcribe: whisper-small, speak: hibari"),
        (200_000, "", "max", "not ok: too little memory is free for even the smallest model"),
    ],
)
def test_verdict(tmp_path: Path, kilobytes: int, flags: str, limit: str, verdict: str) -> None:
    root = machine(tmp_path, available_kilobytes=kilobytes, flags=flags, limit=limit)
    found = diagnosis.examine(root, probe=False)
    assert verdict in found.verdict
    assert found.verdict.startswith("not ok" if found.problems else "ok: ")


SPEED = {"products": 0.001, "convolutions": 0.001, "steps": 0.001, "front": 0.01}


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A machine that takes some milliseconds for a layer; the threads it was measured with."""
    asked: list[int] = []

    def measure(threads: int) -> dict[str, float]:
        asked.append(threads)
        return {kind: 4 * seconds for kind, seconds in SPEED.items()}

    monkeypatch.setattr(speed_probe, "measure", measure)
    return asked


def test_recommendations(call: Call, home: Path, slow: list[int]) -> None:
    folder = home / "models" / "hibari" / "int8"
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_text("{}")
    result = call("doctor")
    assert result.exit_code == 0, result.output
    assert slow == [cpu.allowed_cores()]
    lines = result.stdout.splitlines()
    tables = lines[lines.index("speed") : -1]
    assert max(map(len, tables)) <= 80
    assert "  products      4 ms" in tables
    (chosen, spoken) = (line.split() for line in tables if line.startswith("> "))
    assert float(chosen[-1]) <= 0.5
    assert f"  edge-voice pull {chosen[1]} --precision {chosen[2]}" in tables
    assert (spoken[1], spoken[-1]) == ("hibari", "installed")
    assert "edge-voice pull hibari" not in result.stdout
    assert any("too slow (limit 0.5)" in line for line in tables)


def test_recommendations_as_json(call: Call, slow: list[int]) -> None:
    found = json.loads(call("doctor", "--json", "--language", "de").stdout)
    assert found["speed"]["products_milliseconds"] == 4
    best = found["recommended"]["transcribe"]
    assert (best["language"], best["installed"]) == ("de", False)
    row = next(one for one in best["candidates"] if one["model"] == best["model"])
    assert row["fits"] is row["fast_enough"] is True
    assert 0 < row["real_time_factor"] <= 0.5


def test_without_the_probe_there_are_no_factors(call: Call, slow: list[int]) -> None:
    found = json.loads(call("doctor", "--json", "--no-probe").stdout)
    assert not slow
    assert "speed" not in found
    factors = {one["real_time_factor"] for one in found["recommended"]["speak"]["candidates"]}
    assert factors == {None}


def test_the_probe_itself(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed_probe, "_WINDOW_SECONDS", 0.01)
    found = json.loads(call("doctor", "--json").stdout)
    assert set(found["speed"]) == {f"{kind}_milliseconds" for kind in speed_probe.KINDS}
    assert min(found["speed"].values()) > 0


def test_a_probe_that_fails_is_a_problem(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(threads: int) -> dict[str, float]:
        raise MemoryError(f"not enough memory for {threads}")

    monkeypatch.setattr(speed_probe, "measure", measure)
    result = call("doctor")
    assert result.exit_code == 1
    assert "problem: the speed cannot be measured: not enough memory" in result.stdout


def test_a_language_that_nobody_speaks(call: Call) -> None:
    assert (
        "speak in fi\n  no known model" in call("doctor", "--no-probe", "--language", "fi").stdout
    )
    result = call("doctor", "--language", "klingon")
    assert result.exit_code == 2
    assert "no model for language 'klingon' (known: af, " in result.stderr


def test_something_missing_is_a_problem(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "edge_voice.session", None)
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    result = call("doctor", "--no-probe")
    assert result.exit_code == 1
    problems = [line for line in result.stdout.splitlines() if line.startswith("problem: ")]
    assert len(problems) == 2
    assert "telemetry" in problems[0]
    assert "edge_voice.session" in problems[1]


def test_store_that_is_a_file(call: Call, home: Path) -> None:
    home.write_text("")
    result = call("doctor", "--no-probe")
    assert (result.exit_code, store.root()) == (1, home)
    assert f"problem: the store {home} cannot be" in result.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_store_without_permission(call: Call, home: Path) -> None:
    home.parent.chmod(0o500)
    result = call("doctor", "--no-probe")
    home.parent.chmod(0o700)
    assert result.exit_code == 1
    assert "cannot be written" in result.stdout


@pytest.mark.parametrize("name", ["EDGE_VOICE_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_is_told(call: Call, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    result = call("doctor", "--no-probe")
    assert result.exit_code == 0
    assert f"forbidden by  {name}=1" in result.stdout
