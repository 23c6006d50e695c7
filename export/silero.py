"""Silero's voice activity detector with its convolutions written as matrix products.

    python -m edge_voice_export.silero SOURCE -o edge_voice/data/silero_vad.onnx

SOURCE is `silero_vad_16k_sequence.onnx` of the Python package silero-vad 6.2.3. The published
graph spends four fifths of its time in convolutions: the kernel of onnxruntime 1.31 takes one
32 ms row after the other, and multiplies by a matrix of only 1 to 4 columns each time. The graph
written here gathers the windows of all rows first and multiplies them at once, by the same
weights: 20 µs a row instead of 67 at 32 rows a call, on one core of a Sapphire Rapids.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx_ir as ir

from edge_voice.errors import (
    ChecksumMismatch,
    EdgeVoiceError,
    ModelNotFound,
    StoreError,
)
from edge_voice.hub.verify import sha256_file
from edge_voice.session import Session
from edge_voice.silero import GRAPH, ROW_SAMPLES

from .silero_check import compare

SOURCE_SHA256 = "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85"

_OPSET, _IR_VERSION = 21, 10
_CONTEXT_SAMPLES = 64
_SAMPLES = _CONTEXT_SAMPLES + ROW_SAMPLES
_HOP_SAMPLES = 128
_FRAMES = 4
_BINS = 129
_STATE = 128

Array = np.ndarray[Any, np.dtype[Any]]
Weights = dict[str, Array]


def export_detector(source: Path, output: Path) -> float:
    """Writes the restructured graph, after a comparison of the two.

    Args:
        source: The published graph.
        output: File to write; an older one is replaced at the very end.

    Returns:
        Largest difference between the probabilities of the two graphs.

    Raises:
        ModelNotFound: Nothing at `source`.
        ChecksumMismatch: `source` is another file than the one this code was written for.
        GraphMismatch: The graphs do not agree.
        StoreError: The output cannot be written.
    """
    weights = _read_weights(source)
    try:
        # A folder of its own, in the same file system: what a failure leaves behind goes with it.
        with tempfile.TemporaryDirectory(prefix=".silero.", dir=output.parent) as folder:
            written = Path(folder) / output.name
            ir.save(build(weights), written)
            difference = compare(Session(source, GRAPH), Session(written, GRAPH))
            os.replace(written, output)
    except OSError as error:
        raise StoreError(f"cannot write {output}: {error.strerror}") from None
    return difference


def build(weights: Weights) -> ir.Model:
    """Emits the detector: samples → magnitudes → four layers → LSTM → probability.

    Args:
        weights: Tensors of the published graph by name.

    Returns:
        A model with the inputs and outputs of `edge_voice.silero.GRAPH`.
    """
    emit = _Emitter(weights)
    samples = emit.input("input", ["rows", _SAMPLES])
    state = [emit.input(name, [1, 1, _STATE]) for name in ("h", "c")]
    x = _magnitudes(emit, _frames(emit, samples))
    x = emit.layer(_neighbours(emit, x, _BINS, stride=1), "encoder.0")
    x = emit.layer(_neighbours(emit, x, 128, stride=2), "encoder.1")
    # Two frames are left. `encoder.2` takes every second one, so its window starts in the
    # padding; its result is a single frame, and `encoder.3` sees it between two of padding.
    x = emit.layer(emit.op("Reshape", x, emit.integers(-1, 2 * 64)), "encoder.2", taps=(1, 2))
    x = emit.layer(x, "encoder.3", taps=(1,))
    x, *carried = _recurrent(emit, x, state)
    emit.output(_probabilities(emit, x), "speech_probs", ["rows"])
    for value, name in zip(carried, ("hn", "cn"), strict=True):
        emit.output(value, name, [1, 1, _STATE])
    return emit.model()


class _Emitter:
    """Collects nodes over the published weights."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._tape = ir.tape.Tape()
        self._inputs: list[ir.Value] = []
        self._outputs: list[ir.Value] = []

    def input(self, name: str, shape: list[int | str]) -> ir.Value:
        value = ir.val(name, dtype=ir.DataType.FLOAT, shape=shape)
        self._inputs.append(value)
        return value

    def output(self, value: ir.Value, name: str, shape: list[int | str]) -> None:
        value.name, value.dtype, value.shape = name, ir.DataType.FLOAT, ir.Shape(shape)
        self._outputs.append(value)

    def op(self, op_type: str, *inputs: ir.Value | None, **attributes: Any) -> ir.Value:
        return self._tape.op(op_type, inputs, attributes)

    def ops(
        self, op_type: str, *inputs: ir.Value | None, outputs: int, **attributes: Any
    ) -> list[ir.Value]:
        return [*self._tape.op_multi_out(op_type, inputs, attributes, num_outputs=outputs)]

    def integers(self, *values: int) -> ir.Value:
        """A constant of one axis."""
        return self.constant(np.array(values, np.int64))

    def constant(self, array: Array, name: str = "") -> ir.Value:
        name = name or f"constant_{len(self._tape.initializers)}"
        return self._tape.initializer(ir.tensor(np.ascontiguousarray(array), name=name))

    def weight(self, name: str) -> Array:
        return self._weights[name]

    def layer(self, x: ir.Value, name: str, taps: tuple[int, ...] = (0, 1, 2)) -> ir.Value:
        """The convolution `name` over windows that are laid out already: relu(x · kernel + bias).

        Its kernel (channels, inputs, taps) becomes one matrix (taps · inputs, channels), without
        the taps that only ever meet padding. onnxruntime makes Gemm and Relu one kernel.
        """
        kernel, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        table = np.concatenate([kernel[:, :, tap].T for tap in taps])
        tables = self.constant(table, f"{name}.weight"), self.constant(bias, f"{name}.bias")
        return self.op("Relu", self.op("Gemm", x, *tables))

    def model(self) -> ir.Model:
        graph = ir.Graph(
            self._inputs,
            self._outputs,
            nodes=self._tape.nodes,
            initializers=self._tape.initializers,
            opset_imports={"": _OPSET},
            name="silero_vad",
        )
        return ir.Model(graph, ir_version=_IR_VERSION, producer_name="edge_voice")


def _frames(emit: _Emitter, samples: ir.Value) -> ir.Value:
    """(rows, 576) samples → (4 · rows, 256): windows of two hops, one hop apart.

    The last window lacks 64 samples; the published graph reflects the signal at its end. Its
    reflection at the start only serves a frame that it then drops. Gathering whole hops copies
    blocks: 0.3 µs a row, where gathering the 1024 samples one by one takes 5 µs.
    """
    mirrored = emit.op(
        "Slice",
        samples,
        emit.integers(_SAMPLES - 2),
        emit.integers(_SAMPLES - 2 - _CONTEXT_SAMPLES),
        emit.integers(1),
        emit.integers(-1),
    )
    padded = emit.op("Concat", samples, mirrored, axis=1)
    hops = emit.op("Reshape", padded, emit.integers(-1, _FRAMES + 1, _HOP_SAMPLES))
    pairs = emit.op("Gather", hops, emit.constant(_windows(_FRAMES, 2, 1)), axis=1)
    return emit.op("Reshape", pairs, emit.integers(-1, 2 * _HOP_SAMPLES))


def _magnitudes(emit: _Emitter, frames: ir.Value) -> ir.Value:
    """(n, 256) windows → (n, 129) magnitudes of their spectrum.

    The published transform is a convolution of 256 taps and step 128 with 129 windowed cosines
    and then 129 windowed sines: two products of the frames. Folding each window about its centre,
    whose two halves meet the same weights, would halve the products; turning the samples round
    costs most of that again, and 5 % was not worth another way to be wrong.
    """
    basis = emit.weight("stft.forward_basis_buffer")[:, 0].T
    parts = []
    for name, table in (("cosines", basis[:, :_BINS]), ("sines", basis[:, _BINS:])):
        part = emit.op("MatMul", frames, emit.constant(table, f"stft.{name}"))
        parts.append(emit.op("Mul", part, part))
    return emit.op("Sqrt", emit.op("Add", *parts))


def _neighbours(emit: _Emitter, x: ir.Value, width: int, *, stride: int) -> ir.Value:
    """(4 · rows, width) frames → (n, 3 · width): each `stride`th one between its neighbours.

    What a convolution of 3 taps and padding 1 sees at each position.
    """
    frames = emit.op("Reshape", x, emit.integers(-1, _FRAMES, width))
    padded = emit.op("Pad", frames, emit.integers(0, 1, 0, 0, 1, 0))
    windows = emit.constant(_windows(_FRAMES // stride, 3, stride))
    gathered = emit.op("Gather", padded, windows, axis=1)
    return emit.op("Reshape", gathered, emit.integers(-1, 3 * width))


def _recurrent(emit: _Emitter, x: ir.Value, state: list[ir.Value]) -> list[ir.Value]:
    """The rows one after another, as published: (rows, 128), and the state after the last.

    With 6 µs a row it is the largest part now: each step reads 256 KB of weights.
    """
    sequence = emit.op("Unsqueeze", x, emit.integers(1))
    names = [f"onnx::LSTM_{number}" for number in (209, 210, 211)]
    tables = [emit.constant(emit.weight(name), name) for name in names]
    heard, *carried = emit.ops(
        "LSTM", sequence, *tables, None, *state, outputs=3, hidden_size=_STATE
    )
    return [emit.op("Reshape", heard, emit.integers(-1, _STATE)), *carried]


def _probabilities(emit: _Emitter, x: ir.Value) -> ir.Value:
    """(rows, 128) → (rows,): a convolution of one tap and one channel is a scalar product."""
    table = emit.constant(emit.weight("output.weight")[0], "output.weight")
    bias = emit.constant(emit.weight("output.bias"), "output.bias")
    logits = emit.op("Gemm", emit.op("Relu", x), table, bias)
    return emit.op("Reshape", emit.op("Sigmoid", logits), emit.integers(-1))


def _windows(count: int, size: int, stride: int) -> Array:
    """(count, size) indices: 0, 1, … then stride, stride + 1, …"""
    return stride * np.arange(count)[:, None] + np.arange(size)


def _read_weights(source: Path) -> Weights:
    if not source.is_file():
        raise ModelNotFound(f"{source}: no such file (allowed: silero_vad_16k_sequence.onnx)")
    if (found := sha256_file(source)) != SOURCE_SHA256:
        raise ChecksumMismatch(f"{source.name}: sha256 is {found} (allowed: {SOURCE_SHA256})")
    tensors = ir.load(source).graph.initializers
    return {name: np.asarray(value.const_value) for name, value in tensors.items()}


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="File to write; an older one is replaced.",
)
def main(source: Path, output: Path) -> None:
    """Rewrite the published SOURCE, silero_vad_16k_sequence.onnx, for speed."""
    difference = export_detector(source, output)
    click.echo(f"{output}: probabilities differ by at most {difference:.1e}", err=True)


if __name__ == "__main__":
    try:
        main()
    except EdgeVoiceError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
