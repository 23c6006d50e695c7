"""Time and memory of a Whisper of any size, with random weights: as fast as with others.

What is compared is one window of 30 s: the encoder, and steps of the decoder. Their number in real
speech is that of a Whisper whose weights can be had; so another size costs what that one costs,
times the ratio of the two windows. Seconds are those of the processor, for one thread.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import edge_voice
from benchmarks.children import call, peak_bytes
from benchmarks.timed_graphs import timed_graphs
from edge_voice import speed_probe

_WINDOW_SAMPLES = 480_000
_TOKENS = 40


def window(size: str, rounds: int) -> dict[str, float]:
    """Exports a size and measures it, each in a fresh process.

    Args:
        size: A name of `whisper_sizes.SIZES`.
        rounds: How many windows; the middle result counts.

    Returns:
        `encoder`: runs of the probe's `products` for a window; `decoder`: runs of its `steps` for a
        token; `peak_bytes`.
    """
    with tempfile.TemporaryDirectory() as name:
        arguments = {"size": size, "precision": "int8"}
        call("benchmarks.whisper_random:export_here", folder=name, **arguments)
        found = call(
            "benchmarks.whisper_random:measure_here",
            bundle=os.path.join(name, "bundle"),
            threads=1,
            rounds=rounds,
        )
    return {key: float(value) for key, value in found.items()}


def export_here(size: str, precision: str, folder: str) -> dict[str, Any]:
    """Exports a random checkpoint of the size, whose 6 GB never exist."""
    from benchmarks.export_memory import export_here as export

    return export("synthetic", size, precision, Path(folder))


def measure_here(bundle: str, threads: int, rounds: int) -> dict[str, float]:
    """One window after the other, between two measurements of the probe."""
    model = edge_voice.load(bundle, threads=threads)
    noise = np.random.default_rng(0).standard_normal(_WINDOW_SAMPLES, np.float32) * np.float32(0.1)
    model.generate(noise, max_new_tokens=2)
    peak = peak_bytes()
    turns = [_turn(model, noise, threads) for _ in range(rounds)]
    return {
        "encoder": median(turn["encoder"] for turn in turns),
        "decoder": median(turn["decoder"] for turn in turns),
        "peak_bytes": peak,
    }


def _turn(model: Any, noise: Any, threads: int) -> dict[str, float]:
    before = speed_probe.measure(threads, windows=2, clock=time.process_time)
    with timed_graphs(time.process_time) as spent:
        tokens = len(model.generate(noise, max_new_tokens=_TOKENS))
    after = speed_probe.measure(threads, windows=2, clock=time.process_time)
    probe = {kind: (before[kind] + after[kind]) / 2 for kind in before}
    return {
        "encoder": spent["encoder"] / probe["products"],
        "decoder": spent["decoder"] / tokens / probe["steps"],
    }
