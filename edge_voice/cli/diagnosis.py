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
from edge_voice import cgroup, cpu, memory
from edge_voice.cli.advice import advice_as_dict
from edge_voice.errors import EdgeVoiceError, OptionError
from edge_voice.hub import store
from edge_voice.hub.catalog import load_catalog
from edge_voice.hub.fetch import forbidden_by
from edge_voice.recommend import REAL_TIME_LIMITS, Recommendation, recommend


@dataclass(slots=True)
class Diagnosis:
    """Facts by section, models for this machine, what is wrong, and one line to remember."""

    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    installed: list[tuple[str, str]] = field(default_factory=list)
    recommendations: list[Recommendation] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    verdict: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        advice = {one.task: advice_as_dict(one, self.installed) for one in self.recommendations}
        problems = {"problems": self.problems, "ok": not self.problems}
        return {**self.sections, "recommended": advice, **problems, "verdict": self.verdict}


def examine(root: Path = cgroup.ROOT, *, probe: bool = True, language: str = "en") -> Diagnosis:
    """Looks at everything; what it finds wrong becomes a problem.

    Args:
        root: Where /proc and /sys are found.
        probe: Whether to measure the speed, which takes about five seconds.
        language: ISO 639 code of what shall be heard and spoken.

    Raises:
        OptionError: No known model understands or speaks the language.
    """
    diagnosis = Diagnosis()
    memory_bytes = memory.usable_bytes(root)
    diagnosis.recommendations = _recommendations(language, memory_bytes, None)
    diagnosis.sections["machine"] = _machine(root)
    diagnosis.sections["software"] = _software(diagnosis.problems)
    diagnosis.sections["store"] = _store(diagnosis)
    diagnosis.sections["network"] = {"forbidden_by": forbidden_by()}
    if probe and diagnosis.sections["software"]["onnxruntime"]:
        _measure_speed(diagnosis, root, language, memory_bytes)
    if struct.calcsize("P") < 8:
        diagnosis.problems.append("this Python is 32-bit, and onnxruntime is 64-bit only")
    if all(one.choice is None for one in diagnosis.recommendations):
        diagnosis.problems.append("too little memory is free for even the smallest model")
    diagnosis.verdict = _verdict(diagnosis, root)
    return diagnosis


def _recommendations(
    language: str, memory_bytes: int, speed: dict[str, float] | None
) -> list[Recommendation]:
    found = [recommend(task, language, memory_bytes, speed) for task in REAL_TIME_LIMITS]
    if not any(one.candidates for one in found):
        codes = sorted(
            {code for model in load_catalog().models.values() for code in model.languages}
        )
        raise OptionError(f"no model for language {language!r} (known: {', '.join(codes)})")
    return found


def _measure_speed(diagnosis: Diagnosis, root: Path, language: str, memory_bytes: int) -> None:
    """Adds the section `speed`, and recommends anew by what it says."""
    from edge_voice import speed_probe

    try:
        speed = speed_probe.measure(cpu.allowed_cores(root))
    except (EdgeVoiceError, MemoryError) as error:
        diagnosis.problems.append(f"the speed cannot be measured: {error}")
        return
    diagnosis.sections["speed"] = {
        f"{kind}_milliseconds": float(f"{1000 * seconds:.3g}") for kind, seconds in speed.items()
    }
    diagnosis.recommendations = _recommendations(language, memory_bytes, speed)


def _machine(root: Path) -> dict[str, Any]:
    fields = memory.system(root)
    return {
        "architecture": platform.machine(),
        "processor": cpu.name(root),
        "features": list(cpu.features(root)),
        "cores_allowed": cpu.allowed_cores(root),
        "cores_present": cpu.present_cores(),
        "memory_total_bytes": fields.get("MemTotal"),
        "memory_available_bytes": fields.get("MemAvailable"),
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


def _store(diagnosis: Diagnosis) -> dict[str, Any]:
    folder, problems = store.root(), diagnosis.problems
    facts: dict[str, Any] = {"folder": str(folder)}
    try:
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        facts["writable"] = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
        facts["free_bytes"] = shutil.disk_usage(existing).free
        diagnosis.installed = [(bundle.name, bundle.precision) for bundle in store.installed()]
        facts["installed"] = list(map(" ".join, diagnosis.installed))
    except OSError as error:
        problems.append(f"the store {folder} cannot be read: {error.strerror}")
        return facts
    if not facts["writable"]:
        problems.append(f"the store {folder} cannot be written (look at {existing})")
    return facts


def _verdict(diagnosis: Diagnosis, root: Path) -> str:
    if diagnosis.problems:
        return f"not ok: {diagnosis.problems[0]}"
    fast = "with" if cpu.has_int8_dot_product(root) else "without"
    cores = cpu.allowed_cores(root)
    choices = (
        f"{one.task}: {one.choice.cost.model if one.choice else 'nothing'}"
        for one in diagnosis.recommendations
    )
    plural = "s" if cores > 1 else ""
    return f"ok: {cores} core{plural} {fast} instructions for int8; {', '.join(choices)}"
