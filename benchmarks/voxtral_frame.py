"""Voxtral TTS at its published size: milliseconds for a frame, distance from the floor, memory.

    python -m benchmarks.voxtral_frame --work DIR

Weights are random numbers made up on the fly: nothing of the 8 GB has to be had. Every measurement
is a fresh process. A bundle (2.7 GB at int4) is exported, measured with the model's own number of
steps and with those of the fast preset, and deleted. The floor is the time of the products by
weights alone, measured in turns with the model in the same process. The first precision also speaks
texts of growing length (`benchmarks.voxtral_cost`).
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks import machine
from benchmarks.children import call, memory_bytes
from benchmarks.timed_graphs import timed_graphs
from benchmarks.voxtral_cost import TEXT

FAST_STEPS = 3  # of the solver ab2, one of which takes as long as one of Euler's
_FRAMES = 60
_CODEC_CHUNKS = (5, 25)
_QUERY_HEADS = 32  # of the published backbone
_EXPORT_LIMIT_BYTES = 2_000_000_000
_ME = "benchmarks.voxtral_frame"


def export(precision: str, folder: str) -> dict[str, Any]:
    """Exports a model of published size in this process."""
    from benchmarks.synthetic_voxtral import SyntheticVoxtral, write_companions
    from benchmarks.voxtral_sizes import PUBLISHED
    from edge_voice.manifest import SourceEntry
    from edge_voice_export.pipeline import export_checkpoint

    bundle, companions = Path(folder) / "bundle", Path(folder) / "checkpoint"
    begin = time.perf_counter()
    write_companions(PUBLISHED, companions, words=TEXT)
    export_checkpoint(
        SyntheticVoxtral(PUBLISHED, companions),
        bundle,
        precision=precision,
        name="voxtral-tts (random weights)",
        licence="",
        provenance=SourceEntry(file="none"),
    )
    return {
        "export_seconds": round(time.perf_counter() - begin, 1),
        "export_peak_bytes": memory_bytes("VmHWM"),
        "bundle_bytes": sum(path.stat().st_size for path in bundle.iterdir()),
    }


def measure(folder: str, threads: int, steps: int | None, rounds: int) -> dict[str, Any]:
    """One bundle: load, first sound, memory, codec; then frames and floor in turns.

    Args:
        folder: The bundle. Its first voice is prepared on the way.
        threads: Cores to use.
        steps: Steps of the solver; the model's own number without.
        rounds: Turns.
    """
    import edge_voice

    begin = time.perf_counter()
    model: Any = edge_voice.load(Path(folder), threads=threads)
    loaded = time.perf_counter() - begin
    row: dict[str, Any] = {"load_seconds": round(loaded, 2), "loaded_bytes": memory_bytes("VmRSS")}
    with patch.object(model._frames, "_load_prefix", lambda voice: None):
        row["first_sound_seconds"] = _first_sound(model, steps)
    model.prepare_voice(model.voices[0])
    row["first_sound_prepared_seconds"] = _first_sound(model, steps)
    row |= _codec(model, rounds)
    _frames(model, steps)
    row["resident_bytes"] = memory_bytes("VmRSS")
    row["steps"] = steps = steps or model.config.steps
    floor = _Floor(Path(folder), threads, steps)
    row["positions"] = model.backbone.length - _FRAMES // 2
    attention = _attention_floor(model, row["positions"], threads)
    turns = [
        _frames(model, steps) | floor.milliseconds() | _probe(threads) for _ in range(rounds)
    ]
    row |= _summary(turns, attention)
    codec = row["codec_milliseconds"][f"{max(_CODEC_CHUNKS)} frames"]
    each = 1000 * model.config.samples_per_frame / model.sample_rate
    return row | {"real_time_factor": round((row["frame_milliseconds"] + codec) / each, 3)}


def _attention_floor(model: Any, positions: int, threads: int) -> float:
    """Milliseconds of the products of all the backbone's attention layers, queries by group."""
    from benchmarks.bare_graphs import attention_seconds

    session, layers = model.backbone._session, model.backbone._session.layers
    _, groups, _, size = session.shape("past_key_values.0.key")
    shared = _QUERY_HEADS // groups
    return 1000 * layers * attention_seconds(groups, groups * size, shared, positions, threads)


def _probe(threads: int) -> dict[str, float]:
    """Milliseconds of the layer in which `edge-voice doctor` counts a model's steps."""
    from edge_voice import speed_probe

    return {"probe": 1000 * speed_probe.measure(threads, windows=2)["steps"]}


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
        "probe_milliseconds": round(median(turn["probe"] for turn in turns), 4),
        "attention_floor_milliseconds": round(attention, 2),
        "ratio": round(median(turn["frame"] / ms for turn, ms in pairs), 3),
        "ratio_with_attention": round(
            median(turn["frame"] / (ms + attention) for turn, ms in pairs), 3
        ),
    }


def _first_sound(model: Any, steps: int | None) -> float:
    model.forget()  # as if the voice had not been spoken before
    begin = time.perf_counter()
    stream = model.synthesize(TEXT, seed=1, **({} if steps is None else {"steps": steps}))
    next(stream)
    seconds = time.perf_counter() - begin
    stream.close()
    return round(seconds, 2)


def _frames(model: Any, steps: int | None) -> dict[str, float]:
    """Milliseconds of a frame: whole, by graph, and what is left for Python."""
    noise = np.random.default_rng(0).standard_normal((_FRAMES, 36)).astype(np.float32)
    options = {"noise": noise, "max_frames": _FRAMES, "normalize": False, "steps": steps}
    frames = model.frames(TEXT, model.voices[0], **options)
    next(frames)
    with timed_graphs(time.perf_counter) as spent:
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


def main() -> None:
    """Exports and measures every precision; fails when an export needs too much memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", action="append", help="preset; repeatable (int4, balanced)")
    parser.add_argument("--work", type=Path, required=True, help="folder with 5 GB free")
    parser.add_argument("--keep", action="store_true", help="leave the bundles there (8 GB)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, action="append", help=f"repeatable; 7, {FAST_STEPS}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--characters", type=int, default=2000, help="longest text; 0 for none")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    load = round(os.getloadavg()[0], 2)
    rows: list[dict[str, Any]] = []
    costs: list[dict[str, Any]] = []
    precisions = options.precision or ["int4", "balanced"]
    for precision in precisions:
        work = options.work / precision
        exported = _exported(precision, work)
        rows += [row | exported for row in _measured(precision, work, options)]
        if precision == precisions[0] and options.characters:
            costs += _costs(precision, work, options)
        if not options.keep:
            shutil.rmtree(work)
    result = {
        "kind": "voxtral_frame",
        "machine": machine.facts(("edge-voice", "onnxruntime", "numpy")),
        "load_average": load,
        "threads": options.threads,
        "rows": rows,
        "costs": costs,
    }
    out = machine.result_path("voxtral-frame", options.out)
    out.write_text(json.dumps(result, indent=1) + "\n")
    if any(row["export_peak_bytes"] > _EXPORT_LIMIT_BYTES for row in rows):
        sys.exit("an export took more memory than allowed")


def _exported(precision: str, work: Path) -> dict[str, Any]:
    """Exports a bundle unless it is there; what that took."""
    done = work / "exported.json"
    if not done.exists():
        print(f"{precision}: exporting", flush=True)
        done.parent.mkdir(parents=True, exist_ok=True)
        done.write_text(json.dumps(call(f"{_ME}:export", precision=precision, folder=str(work))))
    found: dict[str, Any] = json.loads(done.read_text())
    return found


def _measured(
    precision: str, work: Path, options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """One row for each number of steps."""
    for steps in options.steps or (7, FAST_STEPS):
        found = call(
            f"{_ME}:measure",
            folder=str(work / "bundle"), threads=options.threads, steps=steps,
            rounds=options.rounds,
        )  # fmt: skip
        row = {"precision": precision, **found}
        print(json.dumps(row), flush=True)
        yield row


def _costs(precision: str, work: Path, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for steps in options.steps or (7, FAST_STEPS):
        found = call(
            "benchmarks.voxtral_cost:measure",
            folder=str(work / "bundle"), threads=options.threads, steps=steps,
            most_characters=options.characters,
        )  # fmt: skip
        print(json.dumps(found), flush=True)
        yield {"precision": precision, **found}


if __name__ == "__main__":
    main()
