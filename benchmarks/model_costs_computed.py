"""Costs of models whose weights no package index carries, computed from what was measured.

Whisper's sizes differ in layers and width only: the encoder's time grows with its multiply-adds and
with its activations, a step's with the weights it reads, memory with the number of parameters.
Cohere Transcribe and Voxtral TTS were measured at their published size with random weights, which
are as fast as others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.whisper_sizes import SIZES, WhisperSize
from edge_voice.hub.catalog import load_catalog

_RESULTS = Path(__file__).parent / "results"
_WHISPERS = {f"whisper-{name}": size for name, size in SIZES.items()}
# Words of English speech are 2.5 to 3 a second, and 1.3 tokens each.
_COHERE_TOKENS_PER_SECOND = 4.0
_COHERE_CLIP_SECONDS = 30.0
_VOXTRAL_FRAME_MILLISECONDS = 80.0
# Bytes that one more parameter takes in int8: the weights and their scales. What activations need
# beyond is in the model that is scaled.
_BYTES_PER_PARAMETER = 1.25


def computed(measured: list[dict[str, Any]], probe: Mapping[str, float]) -> list[dict[str, Any]]:
    """Rows of the models that were not measured, in the catalog's order.

    Args:
        measured: Rows of this machine.
        probe: What the speed probe finds here; seconds of other results are turned into its runs.
    """
    known = {row["model"] for row in measured}
    rows = [*_whisper(measured), *_cohere(measured, probe), *_voxtral(probe)]
    return [row for row in rows if row["model"] not in known]


def _whisper(measured: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """From the Whispers that were measured; the largest gives what does not grow."""
    rows = {row["model"]: row for row in measured if row["precision"] == "int8"}
    bases = [name for name in _WHISPERS if name in rows]
    if not bases:
        return
    base, models = rows[bases[-1]], load_catalog().models
    products, steps = _growth([(_WHISPERS[name], rows[name]["runs"]) for name in bases])
    for name, model in models.items():
        size = _WHISPERS.get(name) or _WHISPERS.get(name.removesuffix(".en"))
        if model.model_type != "whisper" or size is None:
            continue
        more = model.parameters - models[base["model"]].parameters
        runs = {"front": base["runs"]["front"], "products": products(size), "steps": steps(size)}
        yield {
            "model": name,
            "precision": "int8",
            "basis": f"scaled from {' and '.join(bases)}",
            "peak_bytes": round(base["peak_bytes"] + more * _BYTES_PER_PARAMETER),
            "runs": {kind: _short(value) for kind, value in runs.items()},
        }


def _growth(
    known: list[tuple[WhisperSize, dict[str, float]]],
) -> tuple[Callable[[WhisperSize], float], Callable[[WhisperSize], float]]:
    """How the encoder's and the decoder's runs grow with the size: two functions of it.

    With two sizes measured, the encoder has a price for multiply-adds and one for activations;
    with one, or where noise makes a price negative, all grows with the multiply-adds.
    """
    size, runs = known[-1]
    prices = np.array([runs["products"] / _encoder_work(size)[0], 0.0])
    if len(known) > 1:
        work = np.array([_encoder_work(one) for one, _ in known[-2:]])
        found = np.linalg.solve(work, [one["products"] for _, one in known[-2:]])
        prices = found if (found > 0).all() else prices
    step = runs["steps"] / _step_weights(size)
    return (lambda one: float(prices @ _encoder_work(one))), (lambda one: step * _step_weights(one))


def _encoder_work(size: WhisperSize) -> tuple[float, float]:
    """For one frame: multiply-adds with weights, and activations."""
    return float(_encoder_multiply_adds(size)), float(size.layers * size.width)


def _encoder_multiply_adds(size: WhisperSize) -> int:
    """For one frame: four projections and the feed-forward layer; then keys and values."""
    layer = 12 * size.width**2
    crossing = 2 * size.width**2 * (size.decoder_layers or size.layers)
    return size.layers * layer + crossing


def _step_weights(size: WhisperSize) -> int:
    """Read for one token: self-attention, two projections to the encoder, feed-forward, head."""
    return (size.decoder_layers or size.layers) * 14 * size.width**2 + size.vocab * size.width


def _cohere(measured: list[dict[str, Any]], probe: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """From its own benchmark on this kind of machine, if there is one."""
    path = _RESULTS / f"{machine.slug()}-cohere-full-size.json"
    front = [row["runs"]["front"] for row in measured if row["model"].startswith("whisper-")]
    if not path.exists() or not front:
        return
    rows = json.loads(path.read_text())["rows"]
    for name, model in load_catalog().models.items():
        for row in rows if model.model_type == "cohere_transcribe" else []:
            if row["engine"] == "edge-voice" and row["precision"] != "fp32":
                yield _cohere_row(name, row["precision"], row["runs"][0], probe, front[0])


def _cohere_row(
    name: str, precision: str, run: dict[str, Any], probe: Mapping[str, float], front: float
) -> dict[str, Any]:
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


def _voxtral(probe: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """From its own benchmark on this kind of machine, if there is one."""
    path = _RESULTS / f"{machine.slug()}-voxtral-frame.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    usual_steps = max((row["steps"] for row in rows), default=0)
    for row in rows:
        if row["steps"] == usual_steps:
            frame = row["frame_milliseconds"] + row["codec_milliseconds"]["5 frames"]
            yield {
                "model": "voxtral-tts",
                "precision": row["precision"],
                "basis": "measured with random weights",
                "peak_bytes": row["resident_bytes"],
                "runs": {"steps": _short(frame / _VOXTRAL_FRAME_MILLISECONDS / probe["steps"])},
            }


def _short(value: float) -> float:
    return float(f"{value:.3g}")
