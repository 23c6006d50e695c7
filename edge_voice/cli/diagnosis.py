"""Gathers what `edge-voice doctor` prints: machine, software, store, network."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import shutil
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import edge_voice
from edge_voice import cgroup, cpu
from edge_voice.hub import store
from edge_voice.hub.catalog import load_catalog
from edge_voice.hub.fetch import forbidden_by

# Rough, for the verdict only: a running int8 model takes its weights once, what the runtime
# packs of them, caches and the program itself.
_BYTES_PER_PARAMETER = 1.5
_PROGRAM_BYTES = 200e6


@dataclass(slots=True)
class Diagnosis:
    """Facts by section, what is wrong, and one line to remember."""

    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    verdict: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        problems = {"problems": self.problems, "ok": not self.problems}
        return {**self.sections, **problems, "verdict": self.verdict}


def examine(root: Path = cgroup.ROOT) -> Diagnosis:
    """Looks at everything; never raises for what it finds.

    Args:
        root: Where /proc and /sys are found.
    """
    diagnosis = Diagnosis()
    diagnosis.sections["machine"] = _machine(root)
    diagnosis.sections["software"] = _software(diagnosis.problems)
    diagnosis.sections["store"] = _store(diagnosis.problems)
    diagnosis.sections["network"] = {"forbidden_by": forbidden_by()}
    models = _models_that_fit(usable_memory_bytes(root))
    if struct.calcsize("P") < 8:
        diagnosis.problems.append("this Python is 32-bit, and onnxruntime is 64-bit only")
    if not models:
        diagnosis.problems.append("too little memory is free for even the smallest model")
    diagnosis.verdict = _verdict(diagnosis.problems, models, root)
    return diagnosis


def usable_memory_bytes(root: Path = cgroup.ROOT) -> int:
    """What is available now, or the cgroup's limit where that is less."""
    available = _meminfo_bytes(root).get("MemAvailable", 0)
    limit = cgroup.memory_limit(root)
    return available if limit is None else min(available, limit)


def _machine(root: Path) -> dict[str, Any]:
    memory = _meminfo_bytes(root)
    return {
        "architecture": platform.machine(),
        "processor": cpu.name(root),
        "features": list(cpu.features(root)),
        "cores_allowed": cpu.allowed_cores(root),
        "cores_present": cpu.present_cores(),
        "memory_total_bytes": memory.get("MemTotal"),
        "memory_available_bytes": memory.get("MemAvailable"),
        "memory_limit_bytes": cgroup.memory_limit(root),
    }


def _software(problems: list[str]) -> dict[str, Any]:
    telemetry_off = os.environ.get("ORT_DISABLE_TELEMETRY") == "1"
    if not telemetry_off:
        problems.append("ORT_DISABLE_TELEMETRY is not 1: onnxruntime would send telemetry")
    exporter = ("edge_voice_export", "onnx_ir", "onnx", "safetensors", "ml_dtypes")
    return {
        "edge_voice": edge_voice.__version__,
        "python": platform.python_version(),
        "onnxruntime": _attempt(_onnxruntime_version, problems),
        "telemetry_off": telemetry_off,
        "libsndfile": _attempt(_libsndfile_version, problems),
        "can_export": all(importlib.util.find_spec(name) is not None for name in exporter),
    }


def _onnxruntime_version() -> str:
    importlib.import_module("edge_voice.session")  # the only door to it
    return str(sys.modules["onnxruntime"].__version__)


def _libsndfile_version() -> str:
    from edge_voice import audio

    return audio.libsndfile_version()


def _attempt(version: Callable[[], str], problems: list[str]) -> str | None:
    try:
        return version()
    except (ImportError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        problems.append(reason)
        return None


def _store(problems: list[str]) -> dict[str, Any]:
    folder = store.root()
    facts: dict[str, Any] = {"folder": str(folder)}
    try:
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        facts["writable"] = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
        facts["free_bytes"] = shutil.disk_usage(existing).free
        facts["installed"] = [f"{bundle.name} {bundle.precision}" for bundle in store.installed()]
    except OSError as error:
        problems.append(f"the store {folder} cannot be read: {error.strerror}")
        return facts
    if not facts["writable"]:
        problems.append(f"the store {folder} cannot be written (look at {existing})")
    return facts


def _meminfo_bytes(root: Path) -> dict[str, int]:
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        return {}
    fields = (line.replace(":", " ").split() for line in lines)
    return {words[0]: int(words[1]) * 1024 for words in fields if len(words) == 3}


def _models_that_fit(memory_bytes: int) -> list[str]:
    """Names of the known models that run in so much memory as int8, the largest last."""
    models = load_catalog().models.values()
    known = sorted(models, key=lambda model: (model.parameters, len(model.languages)))
    return [
        model.name
        for model in known
        if _PROGRAM_BYTES + model.parameters * _BYTES_PER_PARAMETER <= memory_bytes
    ]


def _verdict(problems: list[str], models: list[str], root: Path) -> str:
    if problems:
        return f"not ok: {problems[0]}"
    fast = "with" if cpu.has_int8_dot_product(root) else "without"
    cores = cpu.allowed_cores(root)
    return (
        f"ok: {cores} core{'s' if cores > 1 else ''} {fast} instructions for int8, "
        f"memory for {models[-1]} and smaller"
    )
