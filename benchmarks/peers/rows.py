"""The rows of the comparison: which engine, in which precision, with which model."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.packages import FetchFailed
from benchmarks.peers.environment import Environment
from benchmarks.peers.models import Models

CHILD = Path(__file__).with_name("child.py")


@dataclass(slots=True)
class Row:
    """One engine in one precision.

    Attributes:
        kind: Name of the engine, as in child.py.
        precision: As the engine calls it.
        model: Model's name for the table.
        path: The model's file or folder; None where it cannot be had.
        python: Interpreter that has the engine.
        version: Of the engine.
        detector: Voice activity model for engines that need one.
        skipped: Why it is not measured, in one line; empty when it is.
        rounds: Reports of child.py, one a round.
        starts: Seconds of a whole process that prints the text of one clip, one a start.
    """

    kind: str
    precision: str
    model: str
    path: Path | None
    python: Path
    version: str | None
    detector: Path | None = None
    skipped: str = ""
    rounds: list[dict[str, Any]] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Such as `whisper.cpp q8_0`."""
        return f"{self.kind} {self.precision}"

    def config(self, threads: int, warm_up: Path, clips: dict[str, str]) -> dict[str, Any]:
        """What child.py is told."""
        return {
            "kind": self.kind,
            "precision": self.precision,
            "model": str(self.path),
            "detector": str(self.detector),
            "threads": threads,
            "warm_up": str(warm_up),
            "clips": clips,
        }


def child_environment(threads: int) -> dict[str, str]:
    """Environment variables of every child: no telemetry, no network, no extra threads."""
    return {
        **os.environ,
        "ORT_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "EDGE_VOICE_OFFLINE": "1",
        "OMP_NUM_THREADS": str(threads),
    }


def our_rows(bundles: dict[str, Path], version: str, model: str = "tiny.en") -> list[Row]:
    """One row per exported bundle, run by the interpreter that runs the benchmark."""
    python = Path(sys.executable)
    return [
        Row("edge-voice", precision, model, folder.resolve(), python, version)
        for precision, folder in bundles.items()
    ]


def peer_rows(environment: Environment, models: Models) -> list[Row]:
    """All peers; those that cannot be prepared carry the reason."""
    return list(_peers(environment, models))


def _peers(environment: Environment, models: Models) -> Iterator[Row]:
    def row(
        kind: str,
        package: str,
        precision: str,
        path: Callable[[], Path],
        model: str = "tiny.en",
        needs_detector: bool = False,
    ) -> Row:
        made = Row(kind, precision, model, None, environment.python, environment.version(package))
        made.skipped = environment.failures.get(kind, "")
        try:
            made.path = None if made.skipped else path()
            made.detector = models.detector() if needs_detector else None
        except FetchFailed as error:
            made.skipped = str(error)
        return made

    for precision in ("float32", "int8"):
        yield row("faster-whisper", "faster-whisper", precision, models.ctranslate2)
    for kind in ("f16", "q8_0", "q5_1"):
        yield row("whisper.cpp", "pywhispercpp", kind, lambda kind=kind: models.ggml(kind))
    for precision in ("float32", "int8"):
        yield row("sherpa-onnx", "sherpa-onnx", precision, models.sherpa, needs_detector=True)
    yield row(
        "onnx-asr", "onnx-asr", "q8", models.optimum, "tiny (multilingual)", needs_detector=True
    )
    yield row("openai-whisper", "openai-whisper", "float32", models.openai)
