"""How fast this machine does what models spend their time on; a few seconds, nothing is fetched.

The graphs in data/ are written by export/speed_probe.py; each is one layer of a usual size.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from edge_voice.graph import GraphSpec
from edge_voice.session import Session
from edge_voice.silero import SAMPLE_RATE, VoiceActivity

INPUT, OUTPUT = "x", "y"
GRAPHS = {
    "products": "speed_products.onnx",
    "convolutions": "speed_convolutions.onnx",
    "steps": "speed_steps.onnx",
}
"""File of each kind of layer."""

INPUT_SHAPES: dict[str, tuple[int, ...]] = {
    "products": (256, 512),
    "convolutions": (1, 256, 512),
    "steps": (1, 2048),
}
KINDS = (*GRAPHS, "front")
"""What is timed: int8 products of many rows, float32 convolutions, int8 products of one row, and
what surrounds the graphs: numpy, spectra, the voice activity detector."""

Clock = Callable[[], float]

_SPEC = GraphSpec(inputs=(INPUT,), outputs=(OUTPUT,))
_FOLDER = Path(__file__).with_name("data")
_WARM_UP_RUNS = 2
# A cgroup's quota stops a process for the rest of each tenth of a second: a window holds two of
# those. The best window leaves out what other programs took for a moment.
_WINDOWS, _WINDOW_SECONDS = 5, 0.2


def measure(
    threads: int, *, windows: int = _WINDOWS, clock: Clock = time.perf_counter
) -> dict[str, float]:
    """Seconds of one run of each kind: the mean of the best window.

    Takes about five seconds. A very slow machine takes longer, as it does each thing three times
    at least.

    Args:
        threads: Cores to use, as a model would.
        windows: How many stretches of 0.2 s each kind is repeated for.
        clock: Seconds that pass.

    Raises:
        ModelError: onnxruntime cannot run a graph.
        MemoryError: Less than about 100 MB are free.
    """
    found = {}
    for kind, name in GRAPHS.items():
        session = Session(_FOLDER / name, _SPEC, threads=threads, spinning=kind == "steps")
        action = partial(session.run, {INPUT: _noise(INPUT_SHAPES[kind])})
        found[kind] = _best_mean_seconds(action, windows, clock)
    found["front"] = _best_mean_seconds(_front(), windows, clock)
    return found


def _front() -> Callable[[], object]:
    """What comes before a model hears one second: the detector, and spectra of 25 ms."""
    detector = VoiceActivity()
    second = _noise((SAMPLE_RATE,)) * np.float32(0.1)
    frames = second.reshape(-1, SAMPLE_RATE // 40).repeat(3, axis=0)
    return lambda: (detector.probabilities(second), np.square(np.abs(np.fft.rfft(frames))))


def _best_mean_seconds(action: Callable[[], object], windows: int, clock: Clock) -> float:
    for _ in range(_WARM_UP_RUNS):
        action()
    limit = clock() + windows * _WINDOW_SECONDS
    best = math.inf
    while best == math.inf or clock() < limit:
        best = min(best, _mean_seconds(action, clock))
    return best


def _mean_seconds(action: Callable[[], object], clock: Clock) -> float:
    """Over one window."""
    begin = clock()
    runs = elapsed = 0.0
    while elapsed < _WINDOW_SECONDS:
        action()
        runs += 1
        elapsed = clock() - begin
    return elapsed / runs


def _noise(shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(0).standard_normal(shape, np.float32)
