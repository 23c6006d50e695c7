"""Writes the graphs that `edge-voice doctor` times; run once, and when the kernels change.

    python -m edge_voice_export.speed_probe -o edge_voice/data

Each holds one layer of a kind that models spend their time in. The weights are one repeated number,
which onnxruntime spreads out when it opens the graph: kernels are as fast with it as with others,
and the files have a few hundred bytes.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import onnx_ir as ir

from edge_voice.speed_probe import GRAPHS, INPUT, INPUT_SHAPES, OUTPUT

from .builder import CONTRIB

_OPSETS = {"": 21, CONTRIB: 1}
_IR_VERSION = 10
_HIDDEN = 2048  # of the products; their rows and width are the input's
_STEP_OUTPUTS = 16384
_STEP_BLOCK = 128


def write_graphs(folder: Path) -> None:
    """Writes all graphs into the folder; older ones are replaced."""
    for name, layer in (
        ("products", _products),
        ("convolutions", _convolutions),
        ("steps", _steps),
    ):
        tape = ir.tape.Tape()
        shape = INPUT_SHAPES[name]
        x = ir.val(INPUT, dtype=ir.DataType.FLOAT, shape=shape)
        y = layer(tape, x, shape)
        y.name, y.dtype = OUTPUT, ir.DataType.FLOAT
        graph = ir.Graph(
            [x],
            [y],
            nodes=tape.nodes,
            initializers=tape.initializers,
            opset_imports=_OPSETS,
            name=f"speed_{name}",
        )
        ir.save(
            ir.Model(graph, ir_version=_IR_VERSION, producer_name="edge_voice"),
            folder / GRAPHS[name],
        )


def _products(tape: ir.tape.Tape, x: ir.Value, shape: tuple[int, ...]) -> ir.Value:
    """Signed int8 weights, one scale a column: the linear layers of encoders."""
    weights = _spread(tape, (shape[-1], _HIDDEN), np.int8(3))
    scales = _spread(tape, (_HIDDEN,), np.float32(0.01))
    zeros = _spread(tape, (_HIDDEN,), np.int8(0))
    inputs = [x, weights, scales, zeros]
    return tape.op("DynamicQuantizeMatMul", inputs, domain=CONTRIB)


def _convolutions(tape: ir.tape.Tape, x: ir.Value, shape: tuple[int, ...]) -> ir.Value:
    """Three taps in float32, as many channels out as in: the layers of vocoders."""
    kernel = _spread(tape, (shape[1], shape[1], 3), np.float32(0.01))
    return tape.op("Conv", [x, kernel], {"pads": [1, 1]})


def _steps(tape: ir.tape.Tape, x: ir.Value, shape: tuple[int, ...]) -> ir.Value:
    """Int8 blocks times one row: a decoder's step, which waits for the memory."""
    width = shape[-1]
    blocks = width // _STEP_BLOCK
    codes = _spread(tape, (_STEP_OUTPUTS, blocks, _STEP_BLOCK), np.uint8(129))
    scales = _spread(tape, (_STEP_OUTPUTS, blocks), np.float32(0.01))
    sizes = {"K": width, "N": _STEP_OUTPUTS, "bits": 8, "block_size": _STEP_BLOCK}
    attributes = {**sizes, "accuracy_level": 4}
    return tape.op("MatMulNBits", [x, codes, scales], attributes, domain=CONTRIB)


def _spread(tape: ir.tape.Tape, shape: tuple[int, ...], value: np.generic) -> ir.Value:
    """A constant of the shape that is stored as one number."""
    count = len(tape.initializers)
    sizes = tape.initializer(ir.tensor(np.array(shape, np.int64), name=f"shape_{count}"))
    filler = ir.tensor(np.array([value], value.dtype))
    return tape.op("ConstantOfShape", [sizes], {"value": filler})


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    required=True,
    help="Folder to write into; older graphs are replaced.",
)
def main(output: Path) -> None:
    """Write the graphs that the doctor times."""
    write_graphs(output)


if __name__ == "__main__":
    main()
