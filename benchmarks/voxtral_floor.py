"""The least time that Voxtral's matrix multiplications take: its graphs with all else removed.

A bare graph keeps a bundle's products by weights, side by side, and reads the same data file, so
it multiplies by the same numbers in the same kernels. Each runs on as many rows as in the model.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import re
from collections.abc import Callable
from math import prod
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from benchmarks.bare_graphs import timed
from edge_voice.graph import GraphSpec
from edge_voice.manifest import Manifest
from edge_voice.session import Session

_LINEAR = ("MatMul", "DynamicQuantizeMatMul", "MatMulNBits")
_SEQUENCES = 6  # two branches of three tokens
_LAST_ROWS = 2  # of the last acoustic layer, only the x tokens are read


def bare_graph(
    folder: Path, manifest: Manifest, role: str, *, threads: int, frames: int = 1
) -> Callable[[], float]:
    """A function that runs a graph's products by weights; it returns the seconds of one run.

    Args:
        folder: The bundle; a small file is put there for a moment.
        manifest: Its manifest.
        role: Which graph.
        threads: Cores to use.
        frames: Frames that the codec is given at once.
    """
    graph = onnx.load(folder / manifest.graphs[role], load_external_data=False).graph
    bare, inputs = _bare(graph, role, frames)
    path = folder / f"bare-{role}.onnx"
    onnx.save(bare, path)
    try:
        spec = GraphSpec(tuple(inputs), tuple(value.name for value in bare.graph.output))
        session = Session(path, spec, threads=threads, spinning=True)
    finally:
        path.unlink()
    return lambda: timed(session._session, {})


def _bare(
    graph: onnx.GraphProto, role: str, frames: int
) -> tuple[onnx.ModelProto, dict[str, onnx.ValueInfoProto]]:
    stored = {tensor.name: tensor for tensor in graph.initializer}
    steps = _codec_steps(graph) if role == "codec" else {}
    inputs: dict[str, onnx.ValueInfoProto] = {}
    nodes, outputs, used = [], [], set()
    for node in graph.node:
        if node.op_type not in _LINEAR or node.input[1] not in stored:
            continue
        weight = stored[node.input[1]]
        layer = weight.name.removesuffix(".weight")
        rows = frames * steps[layer] if steps else rows_of(role, layer, _last_layer(stored))
        shape = (rows, _inner(node, weight))
        name = "x_{}_{}".format(*shape)
        inputs.setdefault(name, helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        kept = onnx.NodeProto()
        kept.CopyFrom(node)
        kept.input[0] = name
        used.update(value for value in kept.input[1:] if value)
        nodes.append(kept)
        outputs.append(helper.make_tensor_value_info(kept.output[0], TensorProto.FLOAT, None))
    weights = [tensor for tensor in graph.initializer if tensor.name in used]
    made = helper.make_graph(nodes, "bare", list(inputs.values()), outputs, weights)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(made, ir_version=10, opset_imports=opsets), inputs


def _inner(node: onnx.NodeProto, weight: onnx.TensorProto) -> int:
    return next((a.i for a in node.attribute if a.name == "K"), weight.dims[0])


def rows_of(role: str, layer: str, last: int) -> int:
    """Rows that a layer multiplies in one run of its graph, the codec excepted."""
    if role != "velocity" or layer.endswith("input_projection"):
        return 1
    found = re.search(r"layers\.(\d+)\.(.*)", layer)
    if not found or (int(found[1]) == last and not found[2].endswith("wkv")):
        return _LAST_ROWS
    return 1 if int(found[1]) == 0 and found[2].endswith("wqkv") else _SEQUENCES


def _last_layer(stored: dict[str, onnx.TensorProto]) -> int:
    numbers = (re.search(r"acoustic_transformer\.layers\.(\d+)\.", name) for name in stored)
    return max((int(found[1]) for found in numbers if found), default=-1)


def _codec_steps(graph: onnx.GraphProto) -> dict[str, int]:
    """Steps of a frame that each of the codec's layers sees; a convolution sees its input's."""
    stored = {t.name.removesuffix(".weight"): t for t in graph.initializer}
    steps, found = 1, {}
    for node in graph.node:
        layer = node.input[1].removesuffix(".weight") if len(node.input) > 1 else ""
        if node.op_type not in _LINEAR or layer not in stored:
            continue
        found[layer] = steps
        if convolution := re.fullmatch(r"codec\.(\d+)\.conv", layer):
            wide = prod(stored[layer].dims)
            inner = stored[layer].dims[0]
            steps *= _stride(graph, int(convolution[1]), wide // inner)
    return found


def _stride(graph: onnx.GraphProto, block: int, outputs: int) -> int:
    """How many steps of output a convolution makes of one: its outputs by the width."""
    width = next(v for v in graph.input if v.name == f"past_keys.{block}").type.tensor_type
    return int(outputs // width.shape.dim[2].dim_value)
