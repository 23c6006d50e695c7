"""The command line as its users run it: in processes of its own, on a tiny model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.export.checkpoints import write_tiny_whisper

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole Whisper bundle with random weights: it hears nothing, but everything runs."""
    from edge_voice_export import export_bundle

    folder = tmp_path_factory.mktemp("tiny")
    export_bundle(write_tiny_whisper(folder / "checkpoint"), folder / "bundle", precision="int8")
    return folder / "bundle"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An empty home and store, and no network."""
    home = tmp_path / "home"
    home.mkdir()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(tmp_path),
        "EDGE_VOICE_HOME": str(tmp_path / "store"),
        "EDGE_VOICE_OFFLINE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Runs `edge-voice ARGUMENTS…` in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()

    def call(*arguments: object, before: tuple[str, ...] = ()) -> Result:
        command = [*before, sys.executable, "-m", "edge_voice", *map(str, arguments)]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
        )

    return call
