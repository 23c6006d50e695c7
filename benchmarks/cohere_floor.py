"""Cohere Transcribe's graphs with everything taken out of them but matrix multiplications.

A bare graph reads the weights of the bundle's own data file: the same kernels, the same shapes,
other weights in every layer, none of them twice in memory. Its products do not depend on one
another. All inputs of one shape are one array, and so are all outputs, so that activations stay in
the cache as they do in the whole graph, where memory is used again.

Counted as multiplications: all linear layers; of the encoder also the two products of attention,
in tiles as the fused kernel computes them, the product with the table of positions, and the
convolutions over all channels as matrices; of a decoder step the two products of cross-attention.
Left out as too small or no multiplication of matrices: depthwise convolutions, and attention of
the decoder to its own short text.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_voice.graph import GraphSpec
from edge_voice.session import Session

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int | str, ...]

_PRODUCTS = ("MatMul", "FusedMatMul", "DynamicQuantizeMatMul", "MatMulNBits")
_TILES = 3  # of attention's queries: 125 rows of scores at 30 s
_STAGES = 3  # of subsampling, each of half the height and half the width
_OPSETS = {"": 21, "com.microsoft": 1}


@dataclass(frozen=True, slots=True)
class Bare:
    """An open bare graph with its inputs and outputs bound.

    Attributes:
        run: Computes all products once.
        products: How many there are.
    """

    run: Any
    products: int

    @classmethod
    def encoder(cls, folder: Path, threads: int, positions: int) -> Bare:
        """That of a bundle's encoder, for a clip of so many positions."""
        graph = _read(folder, "encoder")
        mels = graph.input[0].type.tensor_type.shape.dim[2].dim_value
        made = bare_encoder(graph)
        sizes = {"positions": positions, "distances": 2 * positions}
        sizes["tile"] = -(-positions // _TILES)
        for stage in range(1, _STAGES + 1):
            factor = 2 ** (_STAGES - stage)
            sizes[f"pixels_{stage}"] = positions * factor * (mels >> stage)
        return _open(made, folder, threads, sizes, {}, any_shape=True)

    @classmethod
    def decoder(
        cls, folder: Path, threads: int, positions: int, cross: Mapping[str, Array]
    ) -> Bare:
        """That of a bundle's decoder at one token of one row, listening to `cross`."""
        made = bare_decoder(_read(folder, "decoder"))
        return _open(made, folder, threads, {"positions": positions}, cross, any_shape=False)


def bare_encoder(graph: onnx.GraphProto) -> Collected:
    """The products of an encoder, in its order."""
    found = Collected(graph)
    heads, size = _attention_sizes(graph)
    stage = 0
    for node in graph.node:
        if node.op_type == "Conv":
            stage += _is_strided(node)
            found.add_convolution(node, f"pixels_{stage}")
        elif node.op_type == "MultiHeadAttention":
            found.add_attention(heads, size)
        elif node.op_type in _PRODUCTS and node.input[1] in found.stored:
            found.add_linear(node, (1, "positions"))
        elif node.op_type in _PRODUCTS:
            found.add_distances(node, heads, size)
    return found


def bare_decoder(graph: onnx.GraphProto) -> Collected:
    """The products of a decoder step."""
    found = Collected(graph)
    given = {value.name: value for value in graph.input}
    for node in graph.node:
        if node.op_type not in _PRODUCTS:
            continue
        if node.input[1] in found.stored:
            found.add_linear(node, (1, 1))
        else:
            found.add_cross(node, given[node.input[1]])
    return found


class Collected:
    """Products on their way into a bare graph."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.stored = {tensor.name: tensor for tensor in graph.initializer}
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: dict[str, onnx.ValueInfoProto] = {}
        self.outputs: dict[str, onnx.ValueInfoProto] = {}
        self._weights: dict[str, onnx.TensorProto] = {}

    def model(self) -> onnx.ModelProto:
        """The graph, ready to be saved beside the data file that it reads."""
        graph = helper.make_graph(
            self.nodes,
            "bare",
            list(self.inputs.values()),
            list(self.outputs.values()),
            list(self._weights.values()),
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
        return helper.make_model(graph, ir_version=10, opset_imports=opsets)

    def add_linear(self, node: onnx.NodeProto, rows: Shape) -> None:
        """A layer as it stands, its weights and bias included."""
        inner, outer = _widths(node, self.stored[node.input[1]])
        self._add(node, self._feed((*rows, inner)), None, (*rows, outer))

    def add_distances(self, node: onnx.NodeProto, heads: int, size: int) -> None:
        """Queries by the part of the table of positions that a clip needs."""
        coded = node.op_type == "DynamicQuantizeMatMul"
        table = self._feed(
            (heads, size, "distances"), TensorProto.INT8 if coded else TensorProto.FLOAT
        )
        query = self._feed((1, heads, "positions", size))
        self._add(node, query, table, (1, heads, "positions", "distances"))

    def add_attention(self, heads: int, size: int) -> None:
        """Queries by keys and scores by values, tile by tile."""
        key = self._feed((heads, size, "positions"))
        value = self._feed((heads, "positions", size))
        for _ in range(_TILES):
            for left, right, out in (
                ((heads, "tile", size), key, (heads, "tile", "positions")),
                ((heads, "tile", "positions"), value, (heads, "tile", size)),
            ):
                product = helper.make_node("MatMul", ["", ""], [""])
                self._add(product, self._feed(left), right, out)

    def add_convolution(self, node: onnx.NodeProto, pixels: str) -> None:
        """A convolution over all channels as a matrix; a depthwise one is left out."""
        out, channels, *kernel = self.stored[node.input[1]].dims
        if any(a.name == "group" and a.i > 1 for a in node.attribute):
            return
        inner = channels * int(np.prod(kernel))
        values = np.random.default_rng(0).standard_normal((inner, out), np.float32)
        weight = numpy_helper.from_array(values, f"convolution_{len(self.nodes)}")
        self._weights[weight.name] = weight
        product = helper.make_node("MatMul", ["", weight.name], [""])
        self._add(product, self._feed((pixels, inner)), None, (pixels, out))

    def add_cross(self, node: onnx.NodeProto, right: onnx.ValueInfoProto) -> None:
        """One row's query or scores by a layer's keys or values, which the caller has."""
        _, heads, inner, outer = (
            size.dim_value or size.dim_param for size in right.type.tensor_type.shape.dim
        )
        self.inputs[right.name] = helper.make_tensor_value_info(
            right.name, TensorProto.FLOAT, (1, heads, inner, outer)
        )
        query = self._feed((1, heads, 1, inner))
        self._add(node, query, right.name, (1, heads, 1, outer))

    def _feed(self, shape: Shape, dtype: int = TensorProto.FLOAT) -> str:
        """The input of this shape, declared when it is first wanted."""
        name = "_".join(map(str, ("x", dtype, *shape)))
        self.inputs.setdefault(name, helper.make_tensor_value_info(name, dtype, shape))
        return name

    def _add(self, node: onnx.NodeProto, left: str, right: str | None, shape: Shape) -> None:
        bare = onnx.NodeProto()
        bare.CopyFrom(node)
        bare.input[0] = left
        if right is not None:
            bare.input[1] = right
        for name in bare.input:
            if name in self.stored:
                self._weights[name] = self.stored[name]
        name = f"y_{len(self.nodes)}"
        bare.output[0] = bare.name = name
        self.nodes.append(bare)
        self.outputs[name] = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _read(folder: Path, role: str) -> onnx.GraphProto:
    return onnx.load(folder / f"{role}.onnx", load_external_data=False).graph


def _open(
    found: Collected,
    folder: Path,
    threads: int,
    sizes: dict[str, int],
    given: Mapping[str, Array],
    *,
    any_shape: bool,
) -> Bare:
    path = folder / "bare.onnx"  # beside the data file, for as long as it takes to open it
    onnx.save(found.model(), path)
    spec = GraphSpec(tuple(found.inputs), tuple(found.outputs))
    try:
        session = Session(path, spec, threads=threads, any_shape=any_shape, spinning=True)
    finally:
        path.unlink()

    def shape_of(name: str) -> tuple[int, ...]:
        return tuple(sizes[n] if isinstance(n, str) else n for n in session.shape(name))

    binding = session.bind()
    for name in found.inputs:
        array = given.get(name)
        made = _random(shape_of(name), session.dtype(name)) if array is None else array
        binding.input(name, np.ascontiguousarray(made))
    targets: dict[tuple[int, ...], Array] = {}
    for name in found.outputs:
        shape = shape_of(name)
        binding.output(name, targets.setdefault(shape, np.zeros(shape, np.float32)))
    return Bare(binding.run, len(found.nodes))


def _random(shape: tuple[int, ...], dtype: type[np.generic]) -> Array:
    generator = np.random.default_rng(1)
    if dtype is np.int8:
        return generator.integers(-127, 128, shape, np.int8)
    return generator.standard_normal(shape, np.float32)


def _widths(node: onnx.NodeProto, weight: onnx.TensorProto) -> tuple[int, int]:
    """Inputs and outputs of a linear layer."""
    attributes = {a.name: a.i for a in node.attribute}
    if node.op_type == "MatMulNBits":
        return attributes["K"], attributes["N"]
    first, second = weight.dims
    return (second, first) if attributes.get("transB") else (first, second)


def _is_strided(node: onnx.NodeProto) -> bool:
    return any(a.name == "strides" and max(a.ints) > 1 for a in node.attribute)


def _attention_sizes(graph: onnx.GraphProto) -> tuple[int, int]:
    """Heads and channels of a head, from the fused kernel and its content bias."""
    node = next(n for n in graph.node if n.op_type == "MultiHeadAttention")
    heads = next(a.i for a in node.attribute if a.name == "num_heads")
    stored = {tensor.name: tensor for tensor in graph.initializer}
    biases = (t for name, t in stored.items() if name.endswith(".content_bias"))
    return heads, next(biases).dims[0] // heads
