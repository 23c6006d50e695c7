"""Graphs that others have exported: their matrices quantized by our recipes, their weights moved.

What is a layer: `MatMul` or `Gemm` by a weight of two axes, and `Gather` of rows of one. All else,
convolutions above all, keeps its type. Weights are read one after another and written at once, so
that memory does not grow with the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import onnx_ir as ir

from .builder import CONTRIB, initializer
from .quantize import INT4_BLOCK32, INT8, INT8_BLOCK32, Recipe, Scheme
from .storage import WeightStore
from .weights import Array, Matrix

# Every matrix sees all positions of a piece at once, so signed int8 with dynamic activations is the
# fast kernel. The last matrix of a recogniser decides between letters, and is small.
PRESETS = {
    recipe.name: recipe
    for recipe in (
        Recipe("fp32", ()),
        Recipe("int8", (("*", INT8),)),
        Recipe("int4", (("*lm_head*", INT8_BLOCK32), ("*", INT4_BLOCK32))),
        Recipe("balanced", (("*", INT8_BLOCK32),)),
    )
}

_COPIES = ("Identity", "Transpose")
_OPERATORS = re.compile(r"[./](MatMul|Gemm|Gather)(_\d+)?$")


@dataclass(frozen=True, slots=True, eq=False)
class StoredMatrix:
    """A weight of a published graph as (output channels, inputs).

    Attributes:
        tensor: Two axes.
        transposed: Whether its first axis are the inputs, as `MatMul` has it.
    """

    tensor: ir.TensorProtocol
    transposed: bool

    @property
    def shape(self) -> tuple[int, int]:
        """See `Matrix`."""
        first, second = (int(size) for size in self.tensor.shape.numpy())
        return (second, first) if self.transposed else (first, second)

    def rows(self, start: int, stop: int) -> Array:
        """See `Matrix`."""
        values = self.tensor.numpy()
        part = values[:, start:stop].T if self.transposed else values[start:stop]
        return part.astype("float32")


def quantize_layers(model: ir.Model, store: WeightStore, recipe: Recipe) -> None:
    """Gives every layer the scheme that the recipe has for its name.

    A layer's name is that of its node without slashes and operator: `/encoder/layers.0/fc1/MatMul`
    is `encoder.layers.0.fc1`.
    """
    weights = _Weights(model, store)
    for node in list(model.graph.all_nodes()):
        if (found := _weight_of(node)) is None:
            continue
        scheme = recipe.scheme(layer_name(node))
        if scheme.bits == 32:
            continue
        if node.op_type == "Gather":
            if scheme.block_size:
                weights.gather(node, found, scheme)
        elif scheme.block_size:
            weights.blocks(node, found, scheme)
        else:
            weights.channels(node, found)
    if weights.used:
        model.graph.opset_imports[CONTRIB] = 1


def layer_name(node: ir.Node) -> str:
    """What recipes and reports call a layer; the weight's name where the node has none."""
    name = node.name or next(value.name or "" for value in node.inputs[1:] if value)
    return _OPERATORS.sub("", name).strip("/").replace("/", ".")


def move_weights(model: ir.Model, store: WeightStore) -> None:
    """Drops weights that nothing uses any more, and writes all others into the data file."""
    drop_unused(model.graph)
    for graph in (model.graph, *model.graph.subgraphs()):
        for name, value in graph.initializers.items():
            tensor = value.const_value
            if tensor is not None and tensor.dtype != ir.DataType.STRING:
                value.const_value = store.kept(name, tensor.numpy())
                let_go(tensor)


def let_go(tensor: ir.TensorProtocol) -> None:
    """Closes a tensor's file: mapped pages count as memory of the process."""
    if isinstance(tensor, ir.ExternalTensor):
        tensor.release()


def drop_unused(graph: ir.Graph) -> None:
    """Removes nodes and weights whose values nobody reads."""
    for node in reversed(list(graph)):
        if not any(value.uses() or value.is_graph_output() for value in node.outputs):
            graph.remove(node, safe=True)
    for name, value in list(graph.initializers.items()):
        if not value.uses() and not value.is_graph_output():
            del graph.initializers[name]


def rename(model: ir.Model, names: Mapping[str, str]) -> None:
    """Gives inputs and outputs our names.

    Args:
        model: Changed in place.
        names: Our name → the graph's.
    """
    theirs = {name: ours for ours, name in names.items()}
    for value in (*model.graph.inputs, *model.graph.outputs):
        value.name = theirs.get(value.name or "", value.name)


def _weight_of(node: ir.Node) -> StoredMatrix | None:
    """The weight that a layer multiplies by or looks rows up in; None if it is no layer."""
    if node.domain not in ("", "ai.onnx") or node.op_type not in ("MatMul", "Gemm", "Gather"):
        return None
    if node.op_type == "Gather":
        axis = node.attributes.get("axis")
        tensor, turned = _constant(node.inputs[0])
        if tensor is None or turned or (axis and axis.as_int() != 0):
            return None
        return StoredMatrix(tensor, transposed=False)
    tensor, turned = _constant(node.inputs[1])
    if tensor is None:
        return None
    if node.op_type == "Gemm":
        if not _is_plain_gemm(node):
            return None
        turned ^= bool(_attribute(node, "transB", 0))
    return StoredMatrix(tensor, transposed=not turned)


def _is_plain_gemm(node: ir.Node) -> bool:
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    tensor = _constant(bias, axes=1)[0] if bias is not None else None
    return (
        _attribute(node, "alpha", 1.0) == 1.0
        and _attribute(node, "beta", 1.0) == 1.0
        and not _attribute(node, "transA", 0)
        and (bias is None or tensor is not None)
    )


def _attribute(node: ir.Node, name: str, default: float) -> float:
    found = node.attributes.get(name)
    return default if found is None else float(found.value)


def _constant(value: ir.Value | None, axes: int = 2) -> tuple[ir.TensorProtocol | None, bool]:
    """The float32 weight behind a value, through copies of it, and whether it is turned."""
    turned = False
    while value is not None and (node := value.producer()) is not None:
        if node.op_type not in _COPIES:
            return None, False
        turned ^= node.op_type == "Transpose" and axes == 2
        value = node.inputs[0]
    tensor = value.const_value if value is not None and value.is_initializer() else None
    if tensor is None or tensor.dtype != ir.DataType.FLOAT or len(tensor.shape) != axes:
        return None, False
    return tensor, turned


class _Weights:
    """Turns layers into nodes that multiply by quantized weights; a shared weight stays shared."""

    def __init__(self, model: ir.Model, store: WeightStore) -> None:
        self._graph = model.graph
        self._initializer = partial(initializer, model.graph)
        self._store = store
        self._matrices: dict[tuple[int, bool], Matrix] = {}
        self._channels: dict[Matrix, Sequence[ir.Value]] = {}
        self.used = False

    def channels(self, node: ir.Node, weight: StoredMatrix) -> None:
        matrix = self._shared(weight)
        if matrix not in self._channels:
            tensors = self._store.channels(layer_name(node), matrix)
            self._channels[matrix] = [self._initializer(tensor) for tensor in tensors]
            let_go(weight.tensor)
        inputs = [node.inputs[0], *self._channels[matrix], _bias(node)]
        self._become(node, "DynamicQuantizeMatMul", inputs, {})

    def blocks(self, node: ir.Node, weight: StoredMatrix, scheme: Scheme) -> None:
        matrix, name = self._shared(weight), layer_name(node)
        blocks = self._store.blocks(name, matrix, scheme)
        let_go(weight.tensor)
        codes = self._initializer(self._store.codes(f"{name}.weight", blocks, flat=False))
        inputs = [node.inputs[0], codes, self._initializer(blocks.scales), None, None, _bias(node)]
        rows, width = matrix.shape
        numbers = {"K": width, "N": rows, "bits": scheme.bits, "block_size": scheme.block_size}
        self._become(node, "MatMulNBits", inputs, {**numbers, "accuracy_level": 4})

    def gather(self, node: ir.Node, weight: StoredMatrix, scheme: Scheme) -> None:
        matrix, name = self._shared(weight), layer_name(node)
        if matrix.shape[1] % scheme.block_size:
            return  # the kernel gives whole blocks, which would be wider than the table
        blocks = self._store.blocks(name, matrix, scheme)
        let_go(weight.tensor)
        codes = self._initializer(self._store.codes(f"{name}.rows", blocks, flat=True))
        inputs = [codes, node.inputs[1], self._initializer(blocks.scales)]
        numbers = {"bits": scheme.bits, "block_size": scheme.block_size}
        axes = {"gather_axis": 0, "quantize_axis": 1}
        self._become(node, "GatherBlockQuantized", inputs, {**numbers, **axes})

    def _shared(self, weight: StoredMatrix) -> Matrix:
        return self._matrices.setdefault((id(weight.tensor), weight.transposed), weight)

    def _become(
        self, node: ir.Node, operator: str, inputs: list[ir.Value | None], numbers: dict[str, int]
    ) -> None:
        """Changes a node in place: its outputs keep their names and readers."""
        while inputs and inputs[-1] is None:
            inputs.pop()
        node.resize_inputs(len(inputs))
        for index, value in enumerate(inputs):
            node.replace_input_with(index, value)
        node.domain, node.op_type = CONTRIB, operator
        node.attributes.clear()
        for name, number in numbers.items():
            node.attributes[name] = ir.AttrInt64(name, number)
        self.used = True


def _bias(node: ir.Node) -> ir.Value | None:
    return node.inputs[2] if node.op_type == "Gemm" and len(node.inputs) > 2 else None
