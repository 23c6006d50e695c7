"""Kernels against numpy: what onnxruntime makes of the weights that the builder writes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edge_voice.errors import ModelError
from edge_voice_export.builder import GraphBuilder, initializer
from edge_voice_export.quantize import (
    FLOAT32,
    INT4_BLOCK32,
    INT4_BLOCK128,
    INT4_BLOCK256,
    INT8,
    INT8_BLOCK32,
    INT8_BLOCK128,
    Scheme,
    dequantize_blocks,
    quantize_blocks,
    quantize_channels,
)

from .graphs import SmallGraph
from .matrices import ArrayMatrix, normal

Array = np.ndarray[Any, np.dtype[Any]]
FLOAT, INT64 = ir.DataType.FLOAT, ir.DataType.INT64
BLOCK_SCHEMES = [INT4_BLOCK32, INT4_BLOCK128, INT4_BLOCK256, INT8_BLOCK32, INT8_BLOCK128]


def stored(weight: Array, scheme: Scheme) -> Array:
    """The weight as the scheme remembers it."""
    if scheme == FLOAT32:
        return weight
    if scheme == INT8:
        codes, scales = quantize_channels(weight)
        return codes * scales[:, None]
    return dequantize_blocks(*quantize_blocks(weight, scheme), weight.shape[1])


def whole_numbers(*shape: int) -> Array:
    """Activations that 8 bits hold exactly: -128 or ±127 stands in each row and each block of 32.

    The kernels round activations to 8 bits, as whole tensors or block by block; these numbers
    survive that, so that results can be compared without a wide tolerance.
    """
    values = np.random.default_rng(5).integers(-127, 128, shape).astype(np.float32)
    values[..., ::32] = 127
    values[..., 0] = -128
    values[..., 1] = 127
    return values


def linear(folder: Any, weight: Array, bias: Array | None, scheme: Scheme, rank: int) -> SmallGraph:
    def emit(b: GraphBuilder) -> None:
        free = ["batch", "n"][: rank - 1]
        x = b.input("x", FLOAT, [*free, weight.shape[1]])
        y = b.linear(x, "some.layer", ArrayMatrix(weight), bias)
        b.output(y, "y", FLOAT, [*free, weight.shape[0]])

    return SmallGraph(folder, emit, ("some.*", scheme))


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("width", [32, 48, 129, 384])
@pytest.mark.parametrize("scheme", [FLOAT32, INT8, *BLOCK_SCHEMES], ids=lambda scheme: scheme.name)
def test_linear_multiplies_by_the_stored_weights(tmp_path, scheme, width, bias):
    weight, offset = normal(37, width), normal(37, seed=9) if bias else None
    expected_weight = stored(weight, scheme).astype(np.float64)
    graph = linear(tmp_path, weight, offset, scheme, rank=3)
    for rows in (1, 3, 40):  # kernels differ for one row, a few and many
        x = whole_numbers(1, rows, width)
        if scheme.block_size:
            x[..., 0] = 127  # these kernels know no -128
        expected = x @ expected_weight.T + (0 if offset is None else offset)
        np.testing.assert_allclose(
            graph.run(x=x)["y"], expected, rtol=2e-5, atol=2e-5 * np.abs(expected).max()
        )


@pytest.mark.parametrize(
    ("scheme", "largest"),
    [(INT8, 0.02), (INT8_BLOCK32, 0.01), (INT4_BLOCK32, 0.12)],
    ids=lambda value: getattr(value, "name", value),
)
def test_linear_stays_near_the_weights_that_were_given(tmp_path, scheme, largest):
    weight, x = normal(64, 256), normal(2, 5, 256, seed=1)
    result = linear(tmp_path, weight, None, scheme, rank=3).run(x=x)["y"]
    expected = x @ weight.T
    error = np.linalg.norm(result - expected) / np.linalg.norm(expected)
    assert 0 < error < largest


@pytest.mark.parametrize("scheme", [FLOAT32, INT8, INT4_BLOCK32], ids=lambda scheme: scheme.name)
def test_the_report_tells_the_error_of_the_stored_weights(tmp_path, scheme):
    weight = normal(20, 64)
    graph = linear(tmp_path, weight, normal(20), scheme, rank=2)
    bias, layer = graph.report.layers
    assert (bias.name, bias.scheme, bias.bytes) == ("some.layer.bias", "float32", 80)
    assert layer.scheme == scheme.name
    assert layer.parameters == 20 * 64
    difference = stored(weight, scheme) - weight
    expected = np.linalg.norm(difference) / np.linalg.norm(weight)
    assert layer.relative_error == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("width", [32, 48, 64, 200])
@pytest.mark.parametrize("scheme", [FLOAT32, *BLOCK_SCHEMES], ids=lambda scheme: scheme.name)
def test_embedding_looks_up_the_stored_rows(tmp_path, scheme, width):
    table = normal(50, width)

    def emit(b: GraphBuilder) -> None:
        ids = b.input("ids", INT64, ["rows", "n"])
        b.output(b.embedding(ids, "words", ArrayMatrix(table)), "x", FLOAT, ["rows", "n", width])

    graph = SmallGraph(tmp_path, emit, ("words", scheme))
    ids = np.array([[0, 49, 7], [7, 7, 31]], np.int64)
    expected = stored(table, scheme)[ids]
    np.testing.assert_allclose(graph.run(ids=ids)["x"], expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("width", [48, 64])
@pytest.mark.parametrize("scheme", [FLOAT32, *BLOCK_SCHEMES], ids=lambda scheme: scheme.name)
def test_a_tied_table_is_stored_once_and_serves_both_ends(tmp_path, scheme, width):
    table = ArrayMatrix(normal(400, width))

    def emit(b: GraphBuilder) -> None:
        ids = b.input("ids", INT64, ["rows", "n"])
        x = b.input("x", FLOAT, ["rows", "n", width])
        b.output(b.embedding(ids, "words", table), "embedded", FLOAT, ["rows", "n", width])
        b.output(b.tied_head(x, "head", table), "logits", FLOAT, ["rows", "n", 400])

    graph = SmallGraph(tmp_path, emit, ("*", scheme))
    assert len(table.reads) == 1
    assert [layer.parameters for layer in graph.report.layers] == [400 * width]
    assert len(graph.data) <= graph.report.layers[0].bytes + 4096
    x, ids = whole_numbers(1, 2, width), np.array([[3, 399]], np.int64)
    x[..., 0] = 127
    found, weight = graph.run(ids=ids, x=x), stored(table.values, scheme)
    np.testing.assert_allclose(found["embedded"], weight[ids], rtol=1e-6, atol=1e-7)
    expected = x @ weight.T.astype(np.float64)
    np.testing.assert_allclose(
        found["logits"], expected, rtol=2e-5, atol=2e-5 * np.abs(expected).max()
    )


def test_a_table_in_two_schemes_is_stored_twice(tmp_path):
    table = ArrayMatrix(normal(100, 64))

    def emit(b: GraphBuilder) -> None:
        ids = b.input("ids", INT64, ["n"])
        x = b.embedding(ids, "words", table)
        b.output(b.tied_head(x, "head", table), "logits", FLOAT, ["n", 100])

    graph = SmallGraph(tmp_path, emit, ("words", INT4_BLOCK32), ("head", INT8_BLOCK32))
    assert [layer.scheme for layer in graph.report.layers] == ["int4 block 32", "int8 block 32"]
    assert graph.run(ids=np.arange(3))["logits"].argmax(axis=-1).tolist() == [0, 1, 2]


def run_unary(folder: Any, x: Array, emit_one: Any) -> dict[str, Array]:
    def emit(b: GraphBuilder) -> None:
        b.output(emit_one(b, b.input("x", FLOAT, [*"abcd"[: x.ndim]])), "y", FLOAT, [*"efgh"])

    return SmallGraph(folder, emit).run(x=x)


def test_gelu_is_the_exact_one(tmp_path):
    x = np.linspace(-6, 6, 101, dtype=np.float32)[:, None, None, None]
    found = run_unary(tmp_path, x, lambda b, value: b.gelu(value))["y"]
    expected = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x.ravel().tolist()]
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("transposed", "perm"), [(False, (0, 2, 1, 3)), (True, (0, 2, 3, 1))], ids=["rows", "columns"]
)
def test_split_heads(tmp_path, transposed, perm):
    x = normal(2, 5, 12)
    found = run_unary(
        tmp_path, x, lambda b, value: b.split_heads(value, 3, 4, transposed=transposed)
    )["y"]
    np.testing.assert_array_equal(found, x.reshape(2, 5, 3, 4).transpose(perm))


def layer_norm(x: Array, gamma: Array, beta: Array) -> Array:
    x = x.astype(np.float64)
    spread = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return (x - x.mean(axis=-1, keepdims=True)) / spread * gamma + beta


def test_norms(tmp_path):
    x, y, gamma, beta = (normal(2, 4, 16), normal(2, 4, 16, seed=1), normal(16), normal(16, seed=2))

    def emit(b: GraphBuilder) -> None:
        x_in, y_in = (b.input(name, FLOAT, ["batch", "n", 16]) for name in "xy")
        normed, total = b.add_norm(x_in, y_in, "second", gamma, beta)
        b.output(b.layer_norm(x_in, "first", gamma, beta), "plain", FLOAT, ["batch", "n", 16])
        b.output(normed, "normed", FLOAT, ["batch", "n", 16])
        b.output(total, "total", FLOAT, ["batch", "n", 16])

    found = SmallGraph(tmp_path, emit).run(x=x, y=y)
    np.testing.assert_allclose(found["plain"], layer_norm(x, gamma, beta), atol=2e-6)
    np.testing.assert_allclose(found["normed"], layer_norm(x + y, gamma, beta), atol=2e-6)
    np.testing.assert_allclose(found["total"], x + y, atol=1e-6)


def test_equal_constants_are_one_and_types_are_kept_apart(tmp_path):
    def emit(b: GraphBuilder) -> None:
        assert b.constant([1, 2]) is b.constant([1, 2])
        assert b.constant([1, 2]) is not b.constant([[1, 2]])
        assert b.constant([1, 2]) is not b.constant([1, 2], np.float32)
        assert b.constant(0) is not b.constant(0.0, np.float64)
        x = b.input("x", FLOAT, ["n"])
        b.output(b.op("Mul", x, b.constant(2.5, np.float32)), "y", FLOAT, ["n"])
        assert (b.input_names(), b.output_names()) == (["x"], ["y"])

    assert SmallGraph(tmp_path, emit).run(x=np.ones(2, np.float32))["y"].tolist() == [2.5, 2.5]


def test_a_graph_that_onnxruntime_refuses_is_a_model_error(tmp_path):
    def emit(b: GraphBuilder) -> None:
        x = b.input("x", FLOAT, ["n", 3])
        b.output(b.linear(x, "layer", ArrayMatrix(normal(4, 5))), "y", FLOAT, ["n", 4])

    with pytest.raises(ModelError, match=r"small\.onnx") as caught:
        SmallGraph(tmp_path, emit)
    assert "\n" not in str(caught.value)


def test_a_tensor_that_is_used_twice_is_declared_once():
    graph = ir.Graph([], [], nodes=[], name="any")
    tensor = ir.tensor(np.ones((2, 3), np.float32), name="weight")
    value = initializer(graph, tensor)
    assert initializer(graph, tensor) is value
    assert list(graph.initializers) == ["weight"]
    assert value.const_value is tensor
    assert (value.dtype, value.shape) == (ir.DataType.FLOAT, ir.Shape((2, 3)))
