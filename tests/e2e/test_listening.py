"""`edge-voice listen` on a slow pipe, in a process of its own: text comes while it is open."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from edge_voice import audio

# The whole program with its real detector; only the model is made up, and hears a word for every
# half second.
PROGRAM = """
import sys
from edge_voice.cli import listen, main
from tests.edge_voice.live_fakes import Reader

reader = Reader()
reader.hears = lambda waveform: ["la"] * (len(waveform) // 8000)
listen.open_model = lambda *arguments: reader
main(sys.argv[1:], prog_name="edge-voice")
"""


@pytest.fixture(scope="module")
def talk(data: Path) -> bytes:
    """1.9 s of speech and a pause."""
    clip = audio.read(data / "LJ001-0002.wav")
    return (np.concatenate((clip, np.zeros(16_000, np.float32))) * 32767).astype("<i2").tobytes()


@contextmanager
def listening(
    environment: dict[str, str], *options: str, stderr: int | IO[bytes] = subprocess.PIPE
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "listen", *options],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def speak(process: subprocess.Popen[bytes], samples: bytes) -> None:
    """Writes odd pieces with short breaks, as a recorder would, only faster."""
    assert process.stdin
    for start in range(0, len(samples), 4001):
        process.stdin.write(samples[start : start + 4001])
        process.stdin.flush()
        time.sleep(0.005)


def line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], 60)
    assert ready, "no text within a minute"
    return process.stdout.readline().decode()


def test_text_comes_while_the_pipe_is_open(environment: dict[str, str], talk: bytes) -> None:
    with listening(environment) as process:
        for _ in range(2):
            speak(process, talk)
            assert line(process) == "la la la la\n"
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, b"", b"")


def test_json_says_what_is_being_said(environment: dict[str, str], talk: bytes) -> None:
    with listening(environment, "--format", "json") as process:
        speak(process, talk[:50_000])
        first = json.loads(line(process))
        assert not first["is_final"]
        assert first["text"].startswith("la")
        assert process.poll() is None


def test_ctrl_c_ends_the_recording_and_keeps_its_last_phrase(
    environment: dict[str, str], talk: bytes
) -> None:
    with listening(environment, "--format", "json") as process:
        speak(process, talk[:50_000])
        line(process)
        process.send_signal(signal.SIGINT)
        # Python goes on waiting for the recorder, which has got the same signal and ends.
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, b"")
        last = json.loads(out.splitlines()[-1])
        assert last["is_final"]
        assert last["text"]


def test_a_reader_that_stops_ends_the_program(environment: dict[str, str], talk: bytes) -> None:
    with listening(environment) as process:
        assert process.stdout
        process.stdout.close()
        process.stdout = None
        with suppress(BrokenPipeError):
            for _ in range(1000):
                speak(process, talk)
        assert process.wait(60) == 141


def test_a_terminal_shows_what_is_being_said(environment: dict[str, str], talk: bytes) -> None:
    ours, theirs = pty.openpty()
    with listening(environment, stderr=theirs) as process:
        speak(process, talk)
        assert line(process) == "la la la la\n"
        out, _ = process.communicate(timeout=60)
        os.close(theirs)
        shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert (process.returncode, out) == (0, b"")
    growing = [text.strip() for text in shown.split("\r\x1b[K")]
    assert growing[:3] == ["", "la", "la la"]
    assert growing[-1] == ""
