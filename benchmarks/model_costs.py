"""What `edge-voice doctor` knows about each model: its work in runs of the speed probe, its memory.

    python -m benchmarks.model_costs

Measures the installed models (but not fp32), computes the others from them or from their own
benchmarks, and writes the result, and of it `edge_voice/data/model_costs.json`, which is shipped.
Each model runs in a fresh process on one thread, where the probe and the model take turns; seconds
are the processor's, so that other programs count little. `accuracy` of the result: the factors that
the doctor would predict for two threads, divided by those that were measured, in seconds that pass.
That needs a quiet machine.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import edge_voice
from benchmarks import machine
from benchmarks.children import call, peak_bytes
from benchmarks.model_costs_computed import computed
from benchmarks.timed_graphs import timed_graphs
from edge_voice import audio, speed_probe
from edge_voice.hub import store
from edge_voice.manifest import Manifest
from edge_voice.recommend import ModelCost

_ROOT = Path(__file__).parents[1]
_SHIPPED = _ROOT / "edge_voice" / "data" / "model_costs.json"
_CHECKED_THREADS = 2
_CLIPS = ("jfk.wav", "LJ001-0002.wav", "jfk.wav", "LJ001-0002.wav", "jfk.wav")
_TEXT = (
    "It was a bright cold day in April, and the clocks were striking thirteen. The kettle on the"
    " stove held three litres of water, which nobody had asked for. Why, she wondered, would a"
    " person read the same record twice? On the second of May, at 9:45, the answer came by post."
)
# Which kind of the probe's layers each graph of a model type is like. What runs outside of graphs,
# and the voice activity detector, counts as `front`.
_KINDS = {
    "whisper": {"encoder": "products", "decoder": "steps"},
    "moonshine": {"encoder": "products", "decoder": "steps"},
    "kokoro": {
        "encoder": "convolutions",
        "decoder": "convolutions",
        "unknown_words": "front",
        "unknown_words_gb": "front",
    },
    "hibari": {"acoustic": "convolutions", "unknown_words": "front"},
}


def measure_here(bundle: str, threads: int, rounds: int) -> dict[str, Any]:
    """One model in this process: runs of each kind for a second of audio, and the peak."""
    kinds_of_graphs = _graph_kinds(Manifest.load(Path(bundle)))
    clock = time.process_time if threads == 1 else time.perf_counter
    model = edge_voice.load(bundle, threads=threads)
    action = _action(model)
    action()
    peak = peak_bytes()  # before the probe, which is not the model's
    turns = [_turn(action, threads, clock, kinds_of_graphs) for _ in range(rounds)]
    kinds = {kind for turn in turns for kind in turn["runs"]}
    runs = {kind: median(turn["runs"].get(kind, 0.0) for turn in turns) for kind in kinds}
    factors = [(turn["real_time_factor"], turn["probe"]) for turn in turns]
    return {"runs": runs, "peak_bytes": peak, "turns": factors}


def _graph_kinds(manifest: Manifest) -> dict[str, str]:
    """Kind of each graph, by file name without ending.

    Raises:
        RuntimeError: Nobody has said yet what the model's graphs are like.
    """
    known = _KINDS.get(manifest.model_type, {})
    missing = [name for name in manifest.graphs if name not in known]
    if missing:
        raise RuntimeError(f"{manifest.model_type}: what is {missing[0]!r} like? Add it to _KINDS")
    files = {Path(manifest.graph(name)).stem: known[name] for name in manifest.graphs}
    return {"silero_vad": "front", **files}


def _turn(
    action: Callable[[], float],
    threads: int,
    clock: Callable[[], float],
    kinds_of_graphs: dict[str, str],
) -> dict[str, Any]:
    """The probe, the model, the probe: the model's seconds in units of the probe's."""
    before = speed_probe.measure(threads, windows=2, clock=clock)
    begin = clock()
    with timed_graphs(clock) as spent:
        audio_seconds = action()
    elapsed = clock() - begin
    after = speed_probe.measure(threads, windows=2, clock=clock)
    probe = {kind: (before[kind] + after[kind]) / 2 for kind in before}
    seconds: Counter[str] = Counter(front=elapsed - spent.total())
    for name, value in spent.items():
        seconds[kinds_of_graphs[name]] += value
    runs = {kind: value / audio_seconds / probe[kind] for kind, value in seconds.items()}
    return {"runs": runs, "real_time_factor": elapsed / audio_seconds, "probe": probe}


def _action(model: Any) -> Callable[[], float]:
    """Transcribes or speaks once; returns seconds of audio."""
    if not hasattr(model, "transcribe"):
        return lambda: float(sum(chunk.seconds for chunk in model.synthesize(_TEXT)))
    waveform = np.concatenate([_samples(name) for name in _CLIPS])

    def transcribe() -> float:
        if not model.transcribe(waveform).text:
            raise RuntimeError("nothing was transcribed")
        return len(waveform) / 16_000

    return transcribe


def _samples(name: str) -> np.ndarray[Any, Any]:
    path = _ROOT / "tests" / "data" / name
    with audio.open_stream(path) as stream:
        return np.concatenate(list(stream))


def _measured(bundle: store.Bundle, rounds: int) -> dict[str, Any]:
    found = call(
        "benchmarks.model_costs:measure_here",
        bundle=os.fspath(bundle.folder),
        threads=1,
        rounds=rounds,
    )
    row = {"model": bundle.name, "precision": bundle.precision, "basis": "measured"}
    runs = {kind: float(f"{value:.3g}") for kind, value in sorted(found["runs"].items())}
    return {**row, "peak_bytes": found["peak_bytes"], "runs": runs}


def _accuracy(bundle: store.Bundle, row: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Predicted ÷ measured factor where the costs were not measured: with more threads."""
    found = call(
        "benchmarks.model_costs:measure_here",
        bundle=os.fspath(bundle.folder),
        threads=_CHECKED_THREADS,
        rounds=rounds,
    )
    cost = ModelCost(**row)
    ratios = [cost.real_time_factor(probe) / factor for factor, probe in found["turns"]]
    what = f"{_CHECKED_THREADS} threads"
    return _predicted(row, what, median(ratios))


def _predicted(row: dict[str, Any], what: str, ratio: float) -> dict[str, Any]:
    facts = {"model": row["model"], "precision": row["precision"], "what": what}
    return {**facts, "predicted_to_measured": round(ratio, 2)}


def main() -> None:
    """Measures, computes, writes both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="append", help="of the installed ones; default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    bundles = [one for one in store.installed() if one.precision != "fp32"]
    bundles = [one for one in bundles if not options.model or one.name in options.model]
    measured, accuracy = [], []
    for bundle in bundles:
        measured.append(_measured(bundle, options.rounds))
        accuracy.append(_accuracy(bundle, measured[-1], options.rounds))
        print(json.dumps([measured[-1], accuracy[-1]]), flush=True)
    result = {
        "kind": "model_costs",
        "machine": machine.facts(["onnxruntime", "numpy"]),
        "threads": 1,
        "load_average": os.getloadavg()[0],
        "accuracy": accuracy,
        "models": [*measured, *computed(measured, options.rounds)],
    }
    out = machine.result_path("model-costs", options.out)
    out.write_text(json.dumps(result, indent=1) + "\n")
    _SHIPPED.write_text(json.dumps({"models": result["models"]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
