"""Weights out of graphs that an exporter traced: tensors under the names that the modules had.

A traced graph keeps the path of a module in the names of its nodes: `/layers.0/mlp/fc1/MatMul` was
the product of `layers.0.mlp.fc1`. What that node holds as a constant is the module's weight,
transposed in a product, and what the node `Add` beside it holds is its bias. Both branches of a
merged decoder are looked through.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from .weights import Array

# Operator → what its first constant is to the module, and whether it is transposed.
_PRODUCTS = {"MatMul": True, "Gemm": False, "Conv": False, "Gather": False}
_SCALES = ("Mul", "LayerNormalization")


def module_tensors(graph: ir.Graph) -> dict[str, Array]:
    """Weights and biases of all modules, as float32.

    Quantized products have no float weights, and are left out.

    Returns:
        Path of the module with dots, and `.weight` or `.bias` → values, as a checkpoint has them.
    """
    found: dict[str, Array] = {}
    for node in _nodes(graph):
        module = ".".join((node.name or "").strip("/").split("/")[:-1])
        constants = [_values(value) for value in node.inputs]
        weights = [values for values in constants if values is not None and values.ndim]
        if module and weights and weights[0].dtype == np.float32:
            for kind, values in _parts(node, weights):
                found.setdefault(f"{module}.{kind}", values)
    return found


def _nodes(graph: ir.Graph) -> Iterator[ir.Node]:
    for node in graph:
        yield node
        for attribute in node.attributes.values():
            if attribute.type == ir.AttributeType.GRAPH:
                yield from _nodes(attribute.as_graph())


def _parts(node: ir.Node, weights: list[Array]) -> Iterator[tuple[str, Array]]:
    values = weights[0]
    if node.op_type in _PRODUCTS and values.ndim > 1:
        yield "weight", np.ascontiguousarray(values.T) if _PRODUCTS[node.op_type] else values
        if node.op_type in ("Gemm", "Conv") and len(weights) > 1:
            yield "bias", weights[1]
    elif node.op_type in _SCALES:
        yield "weight", values.reshape(-1)
    elif node.op_type == "Add":
        yield "bias", values.reshape(-1)


def _values(value: ir.Value | None) -> Array | None:
    if value is None or value.const_value is None:
        return None
    values: Array = value.const_value.numpy()
    return values
