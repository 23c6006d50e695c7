"""`edge-voice speak` in a process of its own: pipes, Ctrl-C, and what is left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge_voice import audio
from edge_voice_export import export_bundle
from tests import hibari_files

from .conftest import Run
from .test_interrupted import INTERRUPTED, start, wait_for

CLOSED_PIPE = 141


@pytest.fixture(scope="session")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voice")
    export_bundle(hibari_files.write_published(folder / "published"), folder / "bundle")
    return folder / "bundle"


def test_a_sentence(run: Run, voice: Path, tmp_path: Path) -> None:
    done = run("speak", "Hello world.", "--model", voice, "-o", "out/hello.flac")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(audio.read(tmp_path / "work" / "out" / "hello.flac")) > 8000


def test_ctrl_c_leaves_nothing(voice: Path, environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "long.txt").write_text("Hello world. " * 1_000_000)
    arguments = ("--file", "long.txt", "--model", voice, "-o", "out/long.wav")
    process = start(environment, tmp_path, "speak", *arguments)
    wait_for(lambda: any(path.stat().st_size > 100_000 for path in folder.iterdir()), process)
    assert not (folder / "long.wav").exists()
    process.send_signal(signal.SIGINT)
    printed_out, printed = process.communicate(timeout=60)
    assert (process.returncode, printed_out) == (INTERRUPTED, "")
    assert printed == "edge-voice: interrupted\n"
    assert not list(folder.iterdir())


def test_a_player_that_stops_listening(voice: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "edge_voice", "speak", "Hello world. " * 10_000]
    process = subprocess.Popen(
        [*command, "--model", str(voice)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    assert process.stdout.read(4) == b"RIFF"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == CLOSED_PIPE


def test_a_listener_cannot_speak(run: Run, tiny_bundle: Path, voice: Path, data: Path) -> None:
    done = run("speak", "Hello.", "--model", tiny_bundle, "-o", "a.wav")
    assert done.returncode == 2
    assert "cannot speak: it is a model that turns speech into text" in done.stderr
    done = run("transcribe", data / "jfk.wav", "--model", voice)
    assert done.returncode == 2
    assert "cannot transcribe: it is a model that turns text into speech" in done.stderr
