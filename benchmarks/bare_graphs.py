"""Graphs that hold nothing but matrix multiplications, and the time they take."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import cache
from statistics import median

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

_LINEAR = ("MatMul", "FusedMatMul", "DynamicQuantizeMatMul", "MatMulNBits")
_TIMED_SECONDS = 0.4


@cache
def attention_seconds(heads: int, width: int, rows: int, positions: int, threads: int) -> float:
    """Seconds of one layer's two attention products, `rows` queries over `positions` keys."""
    size = width // heads
    shapes = {
        "query": (heads, rows, size),
        "key": (heads, size, positions),
        "scores": (heads, rows, positions),
        "value": (heads, positions, size),
    }
    nodes = [
        helper.make_node("MatMul", ["query", "key"], ["product"]),
        helper.make_node("MatMul", ["scores", "value"], ["mixed"]),
    ]
    inputs = [_float_value(name, shape) for name, shape in shapes.items()]
    outputs = [_float_value(name, None) for name in ("product", "mixed")]
    session = _session(helper.make_graph(nodes, "attention", inputs, outputs), threads)
    return timed(session, {})


def bare_session(graph: onnx.GraphProto, threads: int) -> ort.InferenceSession:
    """A session with only the graph's multiplications by weights, all side by side.

    Its inputs are named after their rows: `rows` everywhere, `frames` before the strided
    convolution, `head_rows` for the output head.
    """
    generator = np.random.default_rng(0)
    stored = {tensor.name: tensor for tensor in graph.initializer}
    nodes, inputs, outputs, weights = [], {}, [], []
    for index, node in enumerate(graph.node):
        if not _multiplies_by_weight(node, stored):
            continue
        rows = _rows_of(node)
        bare, width, constants = (_conv_as_matrix if node.op_type == "Conv" else _copy)(
            node, index, stored, generator
        )
        name = f"{rows}_{width}"
        inputs.setdefault(name, _float_value(name, (rows, width)))
        bare.input[0] = name
        nodes.append(bare)
        weights += constants
        outputs.append(_float_value(bare.output[0], None))
    made = helper.make_graph(nodes, "bare", list(inputs.values()), outputs, weights)
    return _session(made, threads)


def _multiplies_by_weight(node: onnx.NodeProto, stored: dict[str, onnx.TensorProto]) -> bool:
    return node.op_type in (*_LINEAR, "Conv") and node.input[1] in stored


def _rows_of(node: onnx.NodeProto) -> str:
    strides = [list(a.ints) for a in node.attribute if a.name == "strides"]
    if strides == [[1]]:
        return "frames"
    return "head_rows" if node.output[0] == "logits" else "rows"


def _copy(
    node: onnx.NodeProto,
    index: int,
    stored: dict[str, onnx.TensorProto],
    generator: np.random.Generator,
) -> tuple[onnx.NodeProto, int, list[onnx.TensorProto]]:
    """The same node with random weights of the same shape; its input width; the weights."""
    bare = onnx.NodeProto()
    bare.CopyFrom(node)
    bare.output[0] = f"out_{index}"
    constants = []
    for place, name in enumerate(node.input):
        if place and name:
            bare.input[place] = f"w_{index}_{place}"
            constants.append(_random(f"w_{index}_{place}", stored[name], generator))
    attributes = {a.name: a.i for a in node.attribute}
    inner = 1 if attributes.get("transB") else 0
    return bare, attributes.get("K") or stored[node.input[1]].dims[inner], constants


def _conv_as_matrix(
    node: onnx.NodeProto,
    index: int,
    stored: dict[str, onnx.TensorProto],
    generator: np.random.Generator,
) -> tuple[onnx.NodeProto, int, list[onnx.TensorProto]]:
    out, channels, kernel = stored[node.input[1]].dims
    values = generator.standard_normal((channels * kernel, out), np.float32)
    weight = numpy_helper.from_array(values, f"w_{index}")
    bare = helper.make_node("MatMul", ["", weight.name], [f"out_{index}"])
    return bare, channels * kernel, [weight]


def _random(name: str, like: onnx.TensorProto, generator: np.random.Generator) -> onnx.TensorProto:
    dtype = helper.tensor_dtype_to_np_dtype(like.data_type)
    if dtype == np.float32:
        values = generator.standard_normal(tuple(like.dims), np.float32) * np.float32(0.02)
    elif len(like.dims) == 1:  # zero points: anything else leaves the fast path
        values = np.zeros(tuple(like.dims), dtype)
    else:
        limits = np.iinfo(dtype)
        values = generator.integers(limits.min, limits.max, tuple(like.dims), dtype, endpoint=True)
    return numpy_helper.from_array(values, name)


def _float_value(name: str, shape: tuple[int | str, ...] | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _session(graph: onnx.GraphProto, threads: int) -> ort.InferenceSession:
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def timed(session: ort.InferenceSession, rows: dict[str, int]) -> float:
    """Median seconds of a run, its outputs bound to memory that is in use already."""
    binding = session.io_binding()
    arrays = []
    for value in session.get_inputs():
        shape = [rows[size] if isinstance(size, str) else size for size in value.shape]
        arrays.append(np.random.default_rng(1).standard_normal(shape, np.float32))
        binding.bind_cpu_input(value.name, arrays[-1])
    for value in session.get_outputs():
        binding.bind_output(value.name)
    session.run_with_iobinding(binding)
    for value, output in zip(session.get_outputs(), binding.get_outputs(), strict=True):
        binding.bind_ortvalue_output(value.name, output)
    return _median_seconds(lambda: session.run_with_iobinding(binding))


def _median_seconds(action: Callable[[], None]) -> float:
    times: list[float] = []
    end = time.perf_counter() + _TIMED_SECONDS
    while len(times) < 5 or time.perf_counter() < end:
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return median(times)
