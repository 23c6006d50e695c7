"""Costs of models whose weights no package index carries, computed from what was measured.

Whisper's sizes are measured with random weights, one window of each, beside a size whose weights
could be had. Cohere Transcribe and Voxtral TTS were measured likewise at their published size.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import cache, partial
from statistics import median
from typing import Any

from benchmarks import machine, whisper_random
from benchmarks.whisper_sizes import SIZES
from edge_voice import speed_probe
from edge_voice.hub.catalog import load_catalog

_WHISPERS = {f"whisper-{name}": name for name in SIZES}
# Words of English speech are 2.5 to 3 a second, and 1.3 tokens each.
_COHERE_TOKENS_PER_SECOND = 4.0
_COHERE_CLIP_SECONDS = 30.0
_VOXTRAL_FRAME_MILLISECONDS = 80.0


def computed(measured: list[dict[str, Any]], rounds: int) -> list[dict[str, Any]]:
    """Rows of the models that were not measured.

    Args:
        measured: Rows of this machine.
        rounds: How often each Whisper's window is measured.
    """
    known = {row["model"] for row in measured}
    rows = [*_whisper(measured, rounds), *_cohere(measured), *_voxtral()]
    return [row for row in rows if row["model"] not in known]


@cache
def _probe(threads: int) -> dict[str, float]:
    """What the speed probe finds here, in which seconds of other results are counted."""
    return speed_probe.measure(
        threads, clock=time.process_time if threads == 1 else time.perf_counter
    )


def _whisper(measured: list[dict[str, Any]], rounds: int) -> Iterator[dict[str, Any]]:
    """From the largest Whisper that was measured."""
    rows = {row["model"]: row for row in measured}
    bases = [name for name in _WHISPERS if name in rows]
    if not bases:
        return
    window = cache(partial(whisper_random.window, rounds=rounds))
    base = window(_WHISPERS[bases[-1]])
    for name in load_catalog().models:
        size = _WHISPERS.get(name) or _WHISPERS.get(name.removesuffix(".en"))
        if name not in rows and size is not None:
            yield _whisper_row(name, window(size), base, rows[bases[-1]])


def _whisper_row(
    name: str, window: dict[str, float], base_window: dict[str, float], base: dict[str, Any]
) -> dict[str, Any]:
    """One size: the other's costs, times the ratio of their windows."""
    runs = base["runs"]
    encoder, decoder = (window[graph] / base_window[graph] for graph in ("encoder", "decoder"))
    return {
        "model": name,
        "precision": "int8",
        "basis": f"window with random weights beside {base['model']}",
        "peak_bytes": round(base["peak_bytes"] + window["peak_bytes"] - base_window["peak_bytes"]),
        "runs": {
            "front": runs["front"],
            "products": _short(runs["products"] * encoder),
            "steps": _short(runs["steps"] * decoder),
        },
    }


def _cohere(measured: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """From its own benchmark on this kind of machine, if there is one."""
    path = machine.result_path("cohere-full-size")
    front = [row["runs"]["front"] for row in measured if row["model"].startswith("whisper-")]
    if not path.exists() or not front:
        return
    rows = json.loads(path.read_text())["rows"]
    for name, model in load_catalog().models.items():
        for row in rows if model.model_type == "cohere_transcribe" else []:
            if row["engine"] == "edge-voice" and row["precision"] != "fp32":
                run = min(row["runs"], key=lambda one: int(one["threads"]))
                yield _cohere_row(name, row["precision"], run, front[0])


def _cohere_row(name: str, precision: str, run: dict[str, Any], front: float) -> dict[str, Any]:
    probe = _probe(run["threads"])
    (clip,) = (one for one in run["clips"] if one["seconds"] == _COHERE_CLIP_SECONDS)
    encoder = clip["encoder_seconds"]["median"] / _COHERE_CLIP_SECONDS
    step = run["context"]["step_milliseconds"]["1"]["median"] / 1000
    return {
        "model": name,
        "precision": precision,
        "basis": "measured with random weights",
        "peak_bytes": run["peak_bytes"],
        "runs": {
            "front": front,
            "products": _short(encoder / probe["products"]),
            "steps": _short(step * _COHERE_TOKENS_PER_SECOND / probe["steps"]),
        },
    }


def _voxtral() -> Iterator[dict[str, Any]]:
    """From its own benchmark on this kind of machine, if there is one."""
    path = machine.result_path("voxtral-frame")
    if not path.exists():
        return
    rows = json.loads(path.read_text())["rows"]
    usual_steps = max(row["steps"] for row in rows)
    # One for all rows: on this kind of machine the probe's small matrix is at times in a cache.
    step = median(row["probe_milliseconds"] for row in rows)
    for row in rows:
        if row["steps"] == usual_steps:
            frame = row["frame_milliseconds"] + row["codec_milliseconds"]["5 frames"]
            per_second = 1000 / _VOXTRAL_FRAME_MILLISECONDS
            yield {
                "model": "voxtral-tts",
                "precision": row["precision"],
                "basis": "measured with random weights",
                "peak_bytes": row["resident_bytes"],
                "runs": {"steps": _short(per_second * frame / step)},
            }


def _short(value: float) -> float:
    return float(f"{value:.3g}")
