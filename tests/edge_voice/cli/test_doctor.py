"""`edge-voice doctor` on this machine and on machines that exist only as files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from edge_voice.cli import diagnosis
from edge_voice.hub import store
from edge_voice.manifest import FILE_NAME

Call = Callable[..., Result]
LARGE = "memory for voxtral-tts and smaller"


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
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_this_machine(call: Call, home: Path) -> None:
    folder = home / "models" / "whisper-tiny.en" / "int8"
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_text("{}")
    result = call("doctor")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line for line in lines if line and line[0] != " "][:4] == [
        "machine",
        "software",
        "store",
        "network",
    ]
    assert "  installed  whisper-tiny.en int8" in result.stdout
    assert "telemetry off  yes" in result.stdout
    assert lines[-1].startswith("ok: ")


def test_json(call: Call, home: Path) -> None:
    found = json.loads(call("doctor", "--json").stdout)
    assert found["ok"] is True
    assert found["problems"] == []
    assert found["machine"]["cores_allowed"] >= 1
    assert found["software"]["onnxruntime"].startswith("1.")
    assert found["store"]["folder"] == str(home)
    assert not home.exists()


@pytest.mark.parametrize(
    ("kilobytes", "flags", "limit", "verdict"),
    [
        (8_000_000, "avx2 avx512_vnni", "max", f"with instructions for int8, {LARGE}"),
        (8_000_000, "avx2", "max", f"without instructions for int8, {LARGE}"),
        (3_000_000, "avx2", "max", "memory for whisper-large-v3 and smaller"),
        (8_000_000, "", str(600 << 20), "memory for whisper-small and smaller"),
        (400_000, "", "max", "memory for whisper-base and smaller"),
        (200_000, "", "max", "not ok: too little memory is free for even the smallest model"),
    ],
)
def test_verdict(tmp_path: Path, kilobytes: int, flags: str, limit: str, verdict: str) -> None:
    root = machine(tmp_path, available_kilobytes=kilobytes, flags=flags, limit=limit)
    found = diagnosis.examine(root)
    assert verdict in found.verdict
    assert found.verdict.startswith("not ok" if found.problems else "ok: ")


def test_something_missing_is_a_problem(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "edge_voice.session", None)
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    result = call("doctor")
    assert result.exit_code == 1
    problems = [line for line in result.stdout.splitlines() if line.startswith("problem: ")]
    assert len(problems) == 2
    assert "telemetry" in problems[0]
    assert "edge_voice.session" in problems[1]


def test_store_that_is_a_file(call: Call, home: Path) -> None:
    home.write_text("")
    result = call("doctor")
    assert (result.exit_code, store.root()) == (1, home)
    assert f"problem: the store {home} cannot be" in result.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_store_without_permission(call: Call, home: Path) -> None:
    home.parent.chmod(0o500)
    result = call("doctor")
    home.parent.chmod(0o700)
    assert result.exit_code == 1
    assert "cannot be written" in result.stdout


@pytest.mark.parametrize("name", ["EDGE_VOICE_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_is_told(call: Call, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    result = call("doctor")
    assert result.exit_code == 0
    assert f"forbidden by  {name}=1" in result.stdout
