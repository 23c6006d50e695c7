"""Layers of published graphs are quantized, and compute what they did."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
import pytest

from edge_voice_export.adopted_graph import move_weights, quantize_layers
from edge_voice_export.quantize import INT4_BLOCK32, INT8, INT8_BLOCK32, Recipe, Scheme
from edge_voice_export.report import Report
from edge_voice_export.storage import WeightStore
from edge_voice_export.weights import DataFile

Array = np.ndarray[Any, np.dtype[Any]]

WIDTH, ROWS = 64, 48


def weight(name: str, *shape: int) -> ir.Value:
    seed = sum(map(ord, name))
    values = np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)
    tensor = ir.tensor(values, name=name)
    value = ir.Value(name=name, type=ir.TensorType(tensor.dtype), const_value=tensor)
    value.shape = ir.Shape(shape)
    return value


def network() -> ir.Model:
    """ids → table → MatMul, MatMul by a turned weight, three kinds of Gemm → y."""
    ids = ir.val("ids", ir.DataType.INT64, ["n"])
    table, one, other = (
        weight("table", 20, WIDTH),
        weight("one", WIDTH, ROWS),
        weight("other", WIDTH, ROWS),
    )
    plain, turned, bias = (
        weight("plain", ROWS, WIDTH),
        weight("turned", WIDTH, WIDTH),
        weight("bias", WIDTH),
    )
    unused = weight("unused", 4, 4)
    nodes: list[ir.Node] = []

    def node(name: str, op: str, *inputs: ir.Value, **attributes: Any) -> ir.Value:
        attrs = [ir.convenience.convert_attribute(k, v) for k, v in attributes.items()]
        nodes.append(ir.Node("", op, inputs, attributes=attrs, name=name))
        nodes[-1].outputs[0].name = f"{name}_out"
        return nodes[-1].outputs[0]

    x = node("/embed/Gather", "Gather", table, ids, axis=0)
    x = node("/first/MatMul", "MatMul", x, one)
    flipped = node("/t", "Transpose", node("/i", "Identity", other), perm=[1, 0])
    x = node("/second/MatMul", "MatMul", x, flipped)
    x = node("/third/MatMul", "MatMul", x, one)  # shares its weight
    x = node("/fourth/Gemm", "Gemm", x, plain, bias)
    x = node("/fifth/Gemm", "Gemm", x, turned, transB=1)
    x = node("/odd/Gemm", "Gemm", x, turned, alpha=0.5)
    x.name, x.type, x.shape = "y", ir.TensorType(ir.DataType.FLOAT), ir.Shape(["n", WIDTH])
    weights = [table, one, other, plain, turned, bias, unused]
    graph = ir.Graph(
        [ids], [x], nodes=nodes, initializers=weights, opset_imports={"": 17}, name="n"
    )
    return ir.Model(graph, ir_version=8)


def adopt(folder: Path, scheme: Scheme | None) -> tuple[ir.Model, Report]:
    model, report = network(), Report("network", "test")
    rules = () if scheme is None else (("odd", scheme), ("*", scheme))
    with DataFile(folder / "model.data") as data:
        store = WeightStore(data, report)
        quantize_layers(model, store, Recipe("test", rules))
        move_weights(model, store)
    ir.save(model, folder / "model.onnx")
    return model, report


def run(path: Path) -> Array:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"ids": np.arange(20)})[0])


@pytest.mark.parametrize(
    ("scheme", "operator", "layers", "error"),
    [
        (None, "MatMul", 0, 1e-6),
        (INT8, "DynamicQuantizeMatMul", 5, 0.05),
        (INT8_BLOCK32, "MatMulNBits", 5, 0.05),
        (INT4_BLOCK32, "MatMulNBits", 5, 0.35),
    ],
)
def test_the_same_within_what_rounding_does(
    tmp_path: Path, scheme: Scheme | None, operator: str, layers: int, error: float
) -> None:
    ir.save(network(), tmp_path / "original.onnx")
    model, report = adopt(tmp_path, scheme)
    operators = Counter(node.op_type for node in model.graph)
    assert layers == 0 or operators[operator] == layers
    assert operators["Gemm"] == (3 if scheme is None else 1)  # one is scaled by 0.5
    assert operators["GatherBlockQuantized"] == (scheme is not None and scheme.block_size > 0)
    found, expected = run(tmp_path / "model.onnx"), run(tmp_path / "original.onnx")
    assert np.linalg.norm(found - expected) <= error * np.linalg.norm(expected)
    names = [layer.name for layer in report.layers]
    assert "unused" not in names
    if scheme is not None:
        assert names[:4] == (["embed"] if scheme.block_size else []) + [
            "first", "second", "fourth", "fifth"
        ][: 3 if scheme.block_size else 4]  # fmt: skip
        assert "first" in names
        assert "third" not in names


def test_large_weights_leave_the_graph(tmp_path: Path) -> None:
    model, _ = adopt(tmp_path, None)
    kinds = {name: type(v.const_value) for name, v in model.graph.initializers.items()}
    assert kinds["one"] is ir.ExternalTensor
    assert kinds["bias"] is not ir.ExternalTensor
    assert (tmp_path / "model.onnx").stat().st_size < 8000
