"""How far transcription is from the time of its bare matrix multiplications.

Counts the encoder and decoder calls that a transcription really makes, builds graphs that hold
nothing but the matrix multiplications of the bundle's own graphs (same kernels, same shapes,
random weights, different ones in every layer because onnxruntime shares equal prepacked weights),
and multiplies their times by the counts. Counted as multiplications: all linear layers, the
convolutions as matrices, encoder attention in tiles that stay in the cache, and the decoder's
attention to the audio. Left out as too small: its attention to its own short text.

    python -m benchmarks.floor --bundle int8=DIR --clips tests/data/speech
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import onnx

from benchmarks import corpus, machine, wer
from benchmarks.bare_graphs import attention_seconds, bare_session, timed

_ROUNDS = 3
_TILE_ROWS = 128
_ROUND_POSITIONS = 50  # lengths are rounded up to a second: fewer graphs to time


@dataclass(frozen=True, slots=True)
class EncoderCall:
    """One run of the encoder over `batch` windows of `positions` (20 ms each)."""

    batch: int
    positions: int


@dataclass(frozen=True, slots=True)
class DecoderCall:
    """One run of the decoder: tokens fed, rows of logits wanted, positions attended to."""

    tokens: int
    logits: int
    positions: int


@contextmanager
def counted_calls() -> Iterator[Counter[EncoderCall | DecoderCall]]:
    """Counts the graph runs that happen inside."""
    from edge_voice.session import Binding

    calls: Counter[EncoderCall | DecoderCall] = Counter()
    original = Binding.run

    def run(self: Binding) -> None:
        calls[_describe({name: array.shape for name, array in self._arrays.items()})] += 1
        original(self)

    Binding.run = run
    try:
        yield calls
    finally:
        Binding.run = original


def _describe(shapes: dict[str, tuple[int, ...]]) -> EncoderCall | DecoderCall:
    if "input_features" in shapes:
        batch, _, frames = shapes["input_features"]
        return EncoderCall(batch, _rounded(frames // 2))
    rows, count = shapes["input_ids"]
    (wanted,) = shapes["logits_positions"]
    return DecoderCall(rows * count, rows * wanted, _rounded(shapes["encoder.0.value"][2]))


def _rounded(positions: int) -> int:
    return -(-positions // _ROUND_POSITIONS) * _ROUND_POSITIONS


class Floor:
    """Times of the bare multiplications of one bundle."""

    def __init__(self, folder: Path, threads: int) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        self._threads = threads
        graphs = {
            role: onnx.load(folder / file, load_external_data=False).graph
            for role, file in manifest["graphs"].items()
        }
        outputs = {
            value.name: [size.dim_value for size in value.type.tensor_type.shape.dim]
            for value in graphs["encoder"].output
        }
        self._width = outputs["encoder_hidden_states"][2]
        self._heads = outputs["encoder.0.value"][1]
        self._layers = sum(
            node.op_type in ("MultiHeadAttention", "Softmax") for node in graphs["encoder"].node
        )
        self._decoder_layers = sum(
            n.op_type == "GroupQueryAttention" for n in graphs["decoder"].node
        )
        self._encoder = bare_session(graphs["encoder"], threads)
        self._decoder = bare_session(graphs["decoder"], threads)
        self.seconds = cache(self._seconds)

    def _seconds(self, call: EncoderCall | DecoderCall) -> float:
        """Seconds of one call's multiplications."""
        if isinstance(call, EncoderCall):
            return self._encoder_seconds(call)
        rows = {"rows": call.tokens, "head_rows": call.logits, "frames": 0}
        linear = timed(self._decoder, rows)
        return linear + self._decoder_layers * self._attention_seconds(call.tokens, call.positions)

    def _encoder_seconds(self, call: EncoderCall) -> float:
        rows = call.batch * call.positions
        linear = timed(self._encoder, {"rows": rows, "head_rows": 0, "frames": 2 * rows})
        tile = min(_TILE_ROWS, call.positions)
        tiles = call.batch * call.positions / tile
        return linear + self._layers * tiles * self._attention_seconds(tile, call.positions)

    def _attention_seconds(self, rows: int, positions: int) -> float:
        """One layer's two attention products for a few rows of queries."""
        return attention_seconds(self._heads, self._width, rows, positions, self._threads)


def _transcribe_all(model: Any, clips: list[corpus.Clip]) -> float:
    begin = time.perf_counter()
    for clip in clips:
        model.transcribe(clip.path, language="en")
    return time.perf_counter() - begin


def measure(
    precision: str, folder: Path, audio: str, clips: list[corpus.Clip], threads: int
) -> dict[str, Any]:
    """One row: transcription, its calls, and their floor."""
    import edge_voice

    model = edge_voice.load(folder, threads=threads)
    with counted_calls() as calls:
        _transcribe_all(model, clips)
    measured = median(_transcribe_all(model, clips) for _ in range(_ROUNDS))
    floor = Floor(folder, threads)
    spent = Counter({EncoderCall: 0.0, DecoderCall: 0.0})
    for call, count in calls.items():
        spent[type(call)] += count * floor.seconds(call)
    return {
        "precision": precision,
        "audio": audio,
        "audio_seconds": round(sum(clip.seconds for clip in clips), 1),
        "encoder_calls": sum(n for call, n in calls.items() if isinstance(call, EncoderCall)),
        "decoder_calls": sum(n for call, n in calls.items() if isinstance(call, DecoderCall)),
        "measured_seconds": round(measured, 3),
        "encoder_floor_seconds": round(spent[EncoderCall], 3),
        "decoder_floor_seconds": round(spent[DecoderCall], 3),
        "floor_seconds": round(sum(spent.values()), 3),
    }


def main() -> None:
    """Measures every bundle on the short clips and on the long one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    corpus.add_options(parser)
    parser.add_argument("--bundle", action="append", required=True, metavar="PRECISION=DIR")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    prepared = corpus.from_options(options)
    sets = {f"{len(prepared.short)} short clips": list(prepared.short)}
    if prepared.long:
        sets["two minutes"] = [prepared.long]
    rows = []
    for precision, folder in wer.parse_bundles(options.bundle).items():
        for audio, clips in sets.items():
            row = measure(precision, folder, audio, clips, options.threads)
            rows.append(row)
            ratio = row["measured_seconds"] / row["floor_seconds"]
            print(f"{precision}, {audio}: {row['measured_seconds']:.2f} s", end="")
            print(f" = {ratio:.2f} × the floor of {row['floor_seconds']:.2f} s", flush=True)
    facts = machine.facts(("edge-voice", "onnxruntime"))
    result = {"kind": "floor", "machine": facts, "threads": options.threads, "rows": rows}
    out = machine.result_path("whisper-tiny.en-floor", options.out)
    out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
