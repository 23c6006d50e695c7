"""A published VITS graph made steerable: its noise and its speed become inputs.

Kim et al. 2021 (arXiv:2106.06103). Both transformers' and Piper's graphs round durations up with
the only `Ceil` in them and draw noise with `RandomNormalLike`: first for the durations (unless
these are predicted without noise), then for the sound, whose length the durations decide.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edge_voice.errors import GraphMismatch
from edge_voice.models.vits import graphs

from ...weights import Array

_RANDOM = "RandomNormalLike"
# What the two exporters call things.
_NAMES = {
    "input_ids": graphs.INPUT_IDS,
    "input": graphs.INPUT_IDS,
    "attention_mask": graphs.MASK,
    "input_lengths": graphs.LENGTHS,
    "speaker_id": graphs.SPEAKER,
    "sid": graphs.SPEAKER,
    "waveform": graphs.WAVEFORM,
    "output": graphs.WAVEFORM,
}
_SCALES = "scales"


def make_steerable(model: ir.Model, where: str, scales: Sequence[float] = ()) -> tuple[str, ...]:
    """Renames inputs and outputs and adds those for speed and noise.

    Args:
        model: Changed in place.
        where: Name of the file, for messages.
        scales: What Piper's input of that name is fixed to: noise, length, noise of durations.

    Returns:
        Which of `graphs.OPTIONAL` the graph has.

    Raises:
        GraphMismatch: It is not the graph of a VITS voice.
    """
    graph = model.graph
    _rename(graph, where, scales)
    rounding = [node for node in graph if node.op_type == "Ceil"]
    random = [node for node in graph if node.op_type == _RANDOM]
    if len(rounding) != 1 or len(random) not in (1, 2):
        raise GraphMismatch(
            f"{where}: not the graph of a VITS voice: {len(random)} {_RANDOM} and"
            f" {len(rounding)} Ceil (expected 1 or 2, and 1)"
        )
    if [_depends_on(node, rounding[0]) for node in random].count(True) != 1:
        raise GraphMismatch(
            f"{where}: not the graph of a VITS voice: noise of the sound does not follow durations"
        )
    _scale_durations(graph, rounding[0])
    if len(random) == 2:
        random.sort(key=lambda node: _depends_on(node, rounding[0]))
        _draw_from(graph, random[0], graphs.DURATION_NOISE)
    _draw_from(graph, random[-1], graphs.LATENT_NOISE)
    found = {value.name for value in graph.inputs}
    return tuple(name for name in graphs.OPTIONAL if name in found)


def _rename(graph: ir.Graph, where: str, scales: Sequence[float]) -> None:
    for value in list(graph.inputs):
        if value.name == _SCALES and scales:
            value.replace_all_uses_with(_constant(graph, _SCALES, np.array(scales, np.float32)))
            graph.inputs.remove(value)
        elif value.name in _NAMES:
            value.name = _NAMES[value.name]
        else:
            raise GraphMismatch(f"{where}: not the graph of a VITS voice: input {value.name}")
    sound = [value for value in graph.outputs if _NAMES.get(value.name or "") == graphs.WAVEFORM]
    if len(sound) != 1:
        names = ", ".join(str(value.name) for value in graph.outputs)
        raise GraphMismatch(f"{where}: not the graph of a VITS voice: outputs {names}")
    sound[0].name = graphs.WAVEFORM
    graph.outputs[:] = sound


def _scale_durations(graph: ir.Graph, rounding: ir.Node) -> None:
    """Durations are multiplied by an input before they are rounded up."""
    scale = _input(graph, graphs.LENGTH_SCALE, 1)
    scaled = ir.Node("", "Mul", [rounding.inputs[0], scale], name="length_scale")
    scaled.outputs[0].name = "scaled_durations"
    graph.insert_before(rounding, scaled)
    rounding.replace_input_with(0, scaled.outputs[0])


def _draw_from(graph: ir.Graph, random: ir.Node, name: str) -> None:
    """Noise of a node comes from an input, read in order and again from its start."""
    noise = _input(graph, name, None)
    like = random.inputs[0]
    zero, one = (
        _constant(graph, f"{name}_{number}", np.array(number, np.int64)) for number in (0, 1)
    )
    nodes: list[ir.Node] = []

    def op(kind: str, *inputs: ir.Value | None) -> ir.Value:
        nodes.append(ir.Node("", kind, inputs, name=f"{name}_{kind}_{len(nodes)}"))
        nodes[-1].outputs[0].name = f"{name}_{kind}_{len(nodes)}"
        return nodes[-1].outputs[0]

    places = op("Mod", op("Range", zero, op("Size", like), one), op("Size", noise))
    drawn = op("Reshape", op("Gather", noise, places), op("Shape", like))
    graph.insert_before(random, nodes)
    random.outputs[0].replace_all_uses_with(drawn)
    graph.remove(random, safe=True)


def _depends_on(node: ir.Node, other: ir.Node) -> bool:
    seen: set[ir.Node] = set()
    waiting = [node]
    while waiting:
        for value in waiting.pop().inputs:
            producer = value.producer() if value is not None else None
            if producer is other:
                return True
            if producer is not None and producer not in seen:
                seen.add(producer)
                waiting.append(producer)
    return False


def _input(graph: ir.Graph, name: str, size: int | None) -> ir.Value:
    shape = ir.Shape([f"{name}_size" if size is None else size])
    value = ir.Value(name=name, shape=shape, type=ir.TensorType(ir.DataType.FLOAT))
    graph.inputs.append(value)
    return value


def _constant(graph: ir.Graph, name: str, values: Array) -> ir.Value:
    tensor = ir.tensor(values, name=f"constant_{name}")
    value = ir.Value(
        name=tensor.name,
        shape=ir.Shape(values.shape),
        type=ir.TensorType(tensor.dtype),
        const_value=tensor,
    )
    graph.register_initializer(value)
    return value
