"""Do other processors compute the same? Every model on emulated ARM64 and older x86-64 cores.

    python -m benchmarks.cores --work DIR

Transcribes two clips and speaks a sentence, on this machine and on each core, and
compares the texts and the samples. DIR takes QEMU, an ARM64 Python and wheels, about 1 GB; see
`emulation.py`. Models are pulled into the store if they are not there. Each row is saved as soon as
it is there. Times on emulated cores mean nothing, and none is written down.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import edge_voice
from benchmarks import emulation, machine
from benchmarks.packages import last_error
from edge_voice.features import LogMel
from edge_voice.hub.pull import pull

_ROOT = Path(__file__).parents[1]
_CLIPS = ("tests/data/LJ001-0002.wav", "tests/data/jfk.wav")
_TEXT = "At 9:45 she read the record aloud."
_LISTENER = ("whisper-tiny.en", "int8")
_LISTENER_RATE = 16_000

# One line for each model, as `edge-voice pull` takes it: name and precision.
MODELS = (
    ("whisper-tiny.en", "int8"),
    ("moonshine-tiny", "int8"),
    ("hibari", "int8"),
    ("kokoro-82m", "int8"),
    ("whisper-tiny.en", "fp32"),
)


@dataclass(frozen=True, slots=True)
class Core:
    """One kind of processor.

    Attributes:
        name: As QEMU calls it.
        boards: Where it is found.
        x86_flags: What /proc/cpuinfo shall say, if it is an x86-64 core; None for ARM64.
    """

    name: str
    boards: str
    x86_flags: str | None = None

    def command(self, folder: Path) -> tuple[list[str], dict[str, str]]:
        """What runs Python on it."""
        if self.x86_flags is None:
            return emulation.arm_command(folder, self.name)
        return emulation.x86_command(folder, self.name, self.x86_flags)


CORES = (
    Core("cortex-a72", "Raspberry Pi 4"),
    Core("cortex-a76", "Raspberry Pi 5, RK3588"),
    Core("max", "all that QEMU knows: SVE2, i8mm, bf16"),
    Core("cortex-a53", "Raspberry Pi 3, Zero 2 W"),
    Core("neoverse-n1", "Ampere Altra, Graviton 2"),
    Core("Haswell", "x86-64 of 2013: AVX2, no VNNI", "sse4_2 f16c fma avx2"),
    Core("Nehalem", "x86-64 of 2008, no AVX", "sse4_2"),
)


def _here() -> tuple[list[str], dict[str, str]]:
    return [sys.executable], {}


def run(
    command: tuple[list[str], dict[str, str]], bundle: Path, work: Path
) -> tuple[dict[str, Any], np.ndarray[Any, Any] | None]:
    """Lets one core do its work; a core that fails has `failed` in its result.

    Returns:
        What the core printed, and the samples it spoke, if it spoke.
    """
    output = work / "spoken.npy"
    output.unlink(missing_ok=True)
    clips = [os.fspath(_ROOT / clip) for clip in _CLIPS]
    arguments = (os.fspath(bundle), os.fspath(output), _TEXT, *clips)
    done = emulation.run_python(command, "benchmarks.cores_child", *arguments)
    if done.returncode:
        reason = last_error(done.stderr) if done.stderr else f"signal {-done.returncode}"
        return {"features": [], "failed": reason}, None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found, np.load(output) if output.exists() else None


def compare(
    expected: np.ndarray[Any, Any], found: np.ndarray[Any, Any], sample_rate: int
) -> dict[str, int | float | None]:
    """Two waveforms in numbers; differences only where they have the same length.

    `spectrum_difference_decibels` is what can be heard: the root mean square difference of levels
    in 80 mel bands of 25 ms, down to 60 dB below the loudest. Samples also differ where a pitch
    that differs in its last digits has shifted the phase of a voice.
    """
    found_all: dict[str, int | float | None] = {"samples": len(found), "expected": len(expected)}
    if len(expected) != len(found):
        return found_all
    levels = [_levels(waveform, sample_rate) for waveform in (expected, found)]
    return {
        **found_all,
        "max_difference": float(np.abs(expected - found).max()),
        "correlation": float(np.corrcoef(expected, found)[0, 1]),
        "spectrum_difference_decibels": float(np.sqrt(np.mean((levels[0] - levels[1]) ** 2))),
    }


def _levels(waveform: np.ndarray[Any, Any], sample_rate: int) -> np.ndarray[Any, Any]:
    window, hop = sample_rate // 40, sample_rate // 100
    mel = LogMel(80, sample_rate=sample_rate, window_samples=window, hop_samples=hop)
    power = mel.power(waveform)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-6 * power.max())))


def measure(folder: Path, models: tuple[tuple[str, str], ...]) -> Iterator[dict[str, Any]]:
    """Rows as they are ready: each model on this machine, then on each core."""
    listener = edge_voice.load(_LISTENER[0], precision=_LISTENER[1], task="transcribe")

    def heard(waveform: np.ndarray[Any, Any], sample_rate: int) -> str:
        return str(listener.transcribe(_at_listener_rate(waveform, sample_rate)).text)

    with tempfile.TemporaryDirectory() as name:
        for model, precision in models:
            bundle = pull(model, precision)
            expected, speech = run(_here(), bundle, Path(name))
            if "failed" in expected:
                raise RuntimeError(f"{model} {precision} on this machine: {expected['failed']}")
            if speech is not None:
                expected["heard"] = heard(speech, expected["sample_rate"])
            for core in CORES:
                found, samples = run(core.command(folder), bundle, Path(name))
                if samples is not None and speech is not None:
                    found |= compare(speech, samples, found["sample_rate"])
                    found["heard"] = heard(samples, found["sample_rate"])
                row = {"model": model, "precision": precision, "core": core.name}
                yield {**row, "boards": core.boards, **found, "here": expected}


def _at_listener_rate(waveform: np.ndarray[Any, Any], sample_rate: int) -> np.ndarray[Any, Any]:
    import soxr

    return np.asarray(soxr.resample(waveform, sample_rate, _LISTENER_RATE), np.float32)


def main() -> None:
    """Builds the emulation, measures, writes the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for QEMU and wheels")
    parser.add_argument("--only", action="append", metavar="MODEL", help="keep others")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    emulation.build(options.work.resolve())
    models = tuple(m for m in MODELS if not options.only or m[0] in options.only)
    out = machine.result_path("cores", options.out)
    rows = _kept(out, models)
    result = {
        "kind": "cores",
        "machine": machine.facts(["onnxruntime", "numpy"]),
        "qemu": emulation.qemu_version(options.work),
        "clips": list(_CLIPS),
        "text": _TEXT,
        "rows": rows,
    }
    for row in measure(options.work.resolve(), models):
        rows.append(row)
        out.write_text(json.dumps(result, indent=1) + "\n")
        print(f"{row['model']} {row['precision']} on {row['core']}", flush=True)


def _kept(out: Path, models: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    """Rows of an earlier result for models that are known and not measured now."""
    rows = json.loads(out.read_text())["rows"] if out.exists() else []
    left = set(MODELS) - set(models)
    return [row for row in rows if (row["model"], row["precision"]) in left]


if __name__ == "__main__":
    main()
