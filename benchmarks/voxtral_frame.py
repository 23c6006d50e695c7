"""Milliseconds for a frame of Voxtral TTS at its published size, and how far from the floor.

    python -m benchmarks.voxtral_frame --precision int4 --precision balanced --work DIR

Weights are random numbers made up on the fly: nothing of the 8 GB has to be had. Each precision is
exported in a process of its own, whose peak memory is noted; the bundle (about 3 GB) is measured
and deleted. The floor is the time of the products by weights alone, measured in turns with the
model in the same process.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.packages import last_error

_FRAMES = 60
_TEXT = "It was a bright cold day in April, and the clocks were striking thirteen."
_CODEC_CHUNKS = (5, 25)
_QUERY_HEADS = 32  # of the published backbone
_EXPORT_LIMIT_BYTES = 2_000_000_000


def export_here(precision: str, folder: Path) -> dict[str, Any]:
    """Exports a model of published size in this process."""
    from benchmarks.synthetic_voxtral import SyntheticVoxtral, write_companions
    from benchmarks.voxtral_sizes import PUBLISHED
    from edge_voice.manifest import SourceEntry
    from edge_voice_export.pipeline import export_checkpoint

    begin = time.perf_counter()
    write_companions(PUBLISHED, folder / "checkpoint")
    export_checkpoint(
        SyntheticVoxtral(PUBLISHED, folder / "checkpoint"),
        folder / "bundle",
        precision=precision,
        name="voxtral-tts (random weights)",
        licence="",
        provenance=SourceEntry(file="none"),
    )
    return {
        "export_seconds": round(time.perf_counter() - begin, 1),
        "export_peak_bytes": memory_bytes("VmHWM"),
        "bundle_bytes": sum(path.stat().st_size for path in (folder / "bundle").iterdir()),
    }


def memory_bytes(field: str) -> int:
    """One of this process's sizes, as the kernel counts it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) * 1024


@contextmanager
def timed_graphs() -> Iterator[Counter[str]]:
    """Adds up the seconds that each graph runs inside, by file name."""
    from edge_voice.session import Binding

    spent: Counter[str] = Counter()
    original = Binding.run

    def run(self: Binding) -> None:
        begin = time.perf_counter()
        original(self)
        spent[self._name.removesuffix(".onnx")] += time.perf_counter() - begin

    Binding.run = run  # type: ignore[method-assign]
    try:
        yield spent
    finally:
        Binding.run = original  # type: ignore[method-assign]


def measure(folder: Path, threads: int, steps: int | None, rounds: int) -> dict[str, Any]:
    """One bundle: load, first sound, memory, codec; then frames and floor in turns."""
    import edge_voice

    begin = time.perf_counter()
    model: Any = edge_voice.load(folder, threads=threads)
    loaded = time.perf_counter() - begin
    row: dict[str, Any] = {"load_seconds": round(loaded, 2), "loaded_bytes": memory_bytes("VmRSS")}
    row["first_sound_seconds"] = _first_sound(model)
    model.prepare_voice(model.voices[0])
    row["first_sound_prepared_seconds"] = _first_sound(model)
    row |= _codec(model, rounds)
    _frames(model, steps)
    row["resident_bytes"] = memory_bytes("VmRSS")
    row["steps"] = steps = steps or model.config.steps
    floor = _Floor(folder, threads, steps)
    row["positions"] = model.backbone.length - _FRAMES // 2
    attention = _attention_floor(model, row["positions"], threads)
    turns = [_frames(model, steps) | floor.milliseconds() for _ in range(rounds)]
    return row | _summary(turns, attention)


def _attention_floor(model: Any, positions: int, threads: int) -> float:
    """Milliseconds of the products of all the backbone's attention layers, queries by group."""
    from benchmarks.bare_graphs import attention_seconds

    session, layers = model.backbone._session, model.backbone._session.layers
    _, groups, _, size = session.shape("past_key_values.0.key")
    shared = _QUERY_HEADS // groups
    return 1000 * layers * attention_seconds(groups, groups * size, shared, positions, threads)


class _Floor:
    """The bare products of a frame, beside the model whose floor they are."""

    def __init__(self, folder: Path, threads: int, steps: int) -> None:
        from benchmarks.voxtral_floor import bare_graph
        from edge_voice.manifest import Manifest

        manifest = Manifest.load(folder)
        self._runs = {"backbone": 1, "head": 1, "velocity": steps}
        self._graphs = {
            role: bare_graph(folder, manifest, role, threads=threads) for role in self._runs
        }

    def milliseconds(self) -> dict[str, float]:
        """Of a frame, by graph."""
        return {
            f"floor {role}": 1000 * self._runs[role] * run() for role, run in self._graphs.items()
        }


def _summary(turns: list[dict[str, float]], attention: float) -> dict[str, Any]:
    """Medians over the turns; the ratio is that of each turn, as machines change their speed.

    `ratio` is to the products by weights, `ratio_with_attention` to these and the attention's.
    """
    middle = {name: round(median(turn[name] for turn in turns), 2) for name in turns[0]}
    graphs = {name: ms for name, ms in middle.items() if name in ("backbone", "head", "velocity")}
    floor = {name.split()[1]: ms for name, ms in middle.items() if name.startswith("floor")}
    bare = [sum(ms for name, ms in turn.items() if name.startswith("floor")) for turn in turns]
    pairs = list(zip(turns, bare, strict=True))
    return {
        "frame_milliseconds": middle["frame"],
        "graph_milliseconds": graphs,
        "python_milliseconds": round(median(turn["python"] for turn in turns), 2),
        "floor_milliseconds": floor,
        "attention_floor_milliseconds": round(attention, 2),
        "ratio": round(median(turn["frame"] / ms for turn, ms in pairs), 3),
        "ratio_with_attention": round(
            median(turn["frame"] / (ms + attention) for turn, ms in pairs), 3
        ),
    }


def _first_sound(model: Any) -> float:
    model.forget()  # as if the voice had not been spoken before
    begin = time.perf_counter()
    stream = model.synthesize(_TEXT, seed=1)
    next(stream)
    seconds = time.perf_counter() - begin
    stream.close()
    return round(seconds, 2)


def _frames(model: Any, steps: int | None) -> dict[str, float]:
    """Milliseconds of a frame: whole, by graph, and what is left for Python."""
    noise = np.random.default_rng(0).standard_normal((_FRAMES, 36)).astype(np.float32)
    options = {"noise": noise, "max_frames": _FRAMES, "normalize": False, "steps": steps}
    frames = model.frames(_TEXT, model.voices[0], **options)
    next(frames)
    with timed_graphs() as spent:
        begin = time.perf_counter()
        made = sum(1 for _ in frames)
        total = time.perf_counter() - begin
    each = {name: 1000 * seconds / made for name, seconds in spent.items()}
    whole = 1000 * total / made
    return {"frame": whole, "python": whole - sum(each.values()), **each}


def _codec(model: Any, rounds: int) -> dict[str, Any]:
    """Milliseconds of the codec for a frame, in small chunks and in large ones."""
    from edge_voice.models.voxtral_tts.codec import CodecStream

    codes = np.random.default_rng(0).integers(0, 21, (max(_CODEC_CHUNKS), 37))
    found = {}
    for size in _CODEC_CHUNKS:
        stream = CodecStream(model._codec)
        stream.decode(codes[:size])
        times = []
        for _ in range(2 * rounds):
            begin = time.perf_counter()
            stream.decode(codes[:size])
            times.append(time.perf_counter() - begin)
        found[f"{size} frames"] = round(1000 * median(times) / size, 2)
    return {"codec_milliseconds": found}


def in_child(*arguments: str) -> dict[str, Any]:
    """Runs one step in a fresh process; raises RuntimeError with its last line if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.voxtral_frame", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    if done.returncode:
        raise RuntimeError(last_error(done.stderr))
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Exports and measures every precision; fails when an export needs too much memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", action="append", help="preset; repeatable (int4, balanced)")
    parser.add_argument("--work", type=Path, required=True, help="folder with 10 GB free")
    parser.add_argument("--keep", action="store_true", help="leave the bundles there")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, action="append", help="repeatable; 7 and 4")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--export-child", metavar="PRECISION", help=argparse.SUPPRESS)
    parser.add_argument("--measure-child", type=int, metavar="STEPS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.export_child:
        print(json.dumps(export_here(options.export_child, options.work)))
        return
    if options.measure_child:
        bundle = options.work / "bundle"
        row = measure(bundle, options.threads, options.measure_child, options.rounds)
        print(json.dumps(row))
        return
    rows = [
        row
        for precision in options.precision or ["int4", "balanced"]
        for row in _one_precision(precision, options)
    ]
    facts = machine.facts(("edge-voice", "onnxruntime", "numpy"))
    result = {"kind": "voxtral_frame", "machine": facts, "threads": options.threads, "rows": rows}
    name = f"{machine.slug()}-voxtral-frame.json"
    out = options.out or Path(__file__).parent / "results" / name
    out.write_text(json.dumps(result, indent=1) + "\n")
    if any(row["export_peak_bytes"] > _EXPORT_LIMIT_BYTES for row in rows):
        sys.exit("an export took more memory than allowed")


def _one_precision(precision: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    work = options.work / precision
    if not (work / "exported.json").exists():
        exported = in_child("--export-child", precision, "--work", os.fspath(work))
        (work / "exported.json").write_text(json.dumps(exported))
    exported = json.loads((work / "exported.json").read_text())
    for steps in options.steps or (7, 4):
        arguments = ["--measure-child", str(steps), "--work", os.fspath(work)]
        arguments += ["--threads", str(options.threads), "--rounds", str(options.rounds)]
        row = {"precision": precision, **exported, **in_child(*arguments)}
        print(json.dumps(row), flush=True)
        yield row
    if not options.keep:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
