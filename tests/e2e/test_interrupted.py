"""Ctrl-C and full disks: one line, the right exit code, and nothing half written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.export.checkpoints import write_tiny_whisper

from .conftest import Run

INTERRUPTED = 130
STORE_ERROR = 5


def wait_for(condition: object, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not condition():  # type: ignore[operator]
        # It may have ended since, if that is one of the conditions.
        assert process.poll() is None or condition(), process.communicate()  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def start(environment: dict[str, str], folder: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "edge_voice", *map(str, arguments)],
        cwd=folder,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def maps(process: subprocess.Popen[str], name: str) -> bool:
    try:
        return name in Path(f"/proc/{process.pid}/maps").read_text()
    except OSError:
        return False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc to see the phases")
@pytest.mark.parametrize("phase", ["opening audio", "waiting for audio"])
def test_ctrl_c_while_transcribing(
    tiny_bundle: Path, environment: dict[str, str], tmp_path: Path, phase: str
) -> None:
    process = start(
        environment, tmp_path, "transcribe", "-", "--model", tiny_bundle, "-o", "out"
    )
    if phase == "opening audio":
        process.stdin.close()  # type: ignore[union-attr]
        process.stdin = None
        wait_for(lambda: process.poll() is not None or maps(process, "libsndfile"), process)
    else:
        wait_for(lambda: (tmp_path / "out").exists(), process)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode in (INTERRUPTED, 4)  # an ended stdin may be noticed first
    assert len(printed.splitlines()) == 1
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_ctrl_c_in_the_middle_of_a_recording(
    tiny_bundle: Path, environment: dict[str, str], tmp_path: Path, data: Path
) -> None:
    samples, rate = soundfile.read(data / "jfk.wav", dtype="int16")
    soundfile.write(tmp_path / "long.wav", np.tile(samples, 60), rate)
    process = start(
        environment, tmp_path, "transcribe", "long.wav", "--model", tiny_bundle, "--language", "en",
        "--no-vad", "-o", "out", "--format", "txt,json",
    )  # fmt: skip
    wait_for(lambda: maps(process, "onnxruntime") and (tmp_path / "out").exists(), process)
    process.send_signal(signal.SIGINT)
    printed_out, printed = process.communicate(timeout=60)
    assert printed == "edge-voice: interrupted\n"
    assert (process.returncode, printed_out) == (INTERRUPTED, "")
    assert not list((tmp_path / "out").iterdir())


def test_ctrl_c_during_an_export(environment: dict[str, str], tmp_path: Path) -> None:
    source = write_tiny_whisper(tmp_path / "checkpoint", layers=24, width=256)
    process = start(
        environment, tmp_path, "export", "--source", source, "--precision", "int4", "-o", "bundle"
    )
    wait_for(lambda: any(tmp_path.glob(".bundle.*/encoder.data")), process)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert printed.splitlines()[-1] == "edge-voice: interrupted"
    assert not (tmp_path / "bundle").exists()
    assert not list(tmp_path.glob(".bundle*"))


def test_a_disk_that_fills_up_during_an_export(run: Run, tmp_path: Path) -> None:
    """A limit on file sizes stands in for the disk: writing fails in the middle just the same."""
    source = write_tiny_whisper(tmp_path / "checkpoint")
    limited = ("bash", "-c", "trap '' XFSZ; ulimit -f 100; exec \"$@\"", "limited")
    result = run("export", "--source", source, "-o", tmp_path / "bundle", before=limited)
    assert result.returncode == STORE_ERROR
    assert result.stderr.splitlines()[-1].startswith("edge-voice: error: cannot write")
    assert not (tmp_path / "bundle").exists()
    assert not list(tmp_path.glob(".bundle*"))


def test_a_full_disk_under_the_output(run: Run, tiny_bundle: Path, data: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    full = ("bash", "-c", 'exec "$@" > /dev/full', "full")
    result = run(
        "transcribe", data / "jfk.wav", "--model", tiny_bundle, "--language", "en", "--format",
        "json", before=full,
    )  # fmt: skip
    assert result.returncode == STORE_ERROR
    [line] = result.stderr.splitlines()
    assert line.startswith("edge-voice: error: ")
