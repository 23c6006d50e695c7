"""A thin op-by-op graph builder: one method per kernel worth using, weights streamed to disk.

Which kernel is fast for which matrix, and what its inputs mean, was measured with onnxruntime
1.31; docs/quantization.md has the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from .quantize import Recipe, Scheme
from .storage import WeightStore
from .weights import Array, Matrix

# onnxruntime 1.31 loads IR up to 13 and opset up to 26; nothing here needs more than these.
_IR_VERSION = 10
_OPSETS = {"": 21, "com.microsoft": 1}
CONTRIB = "com.microsoft"

Shape = Sequence[int | str]


class GraphBuilder:
    """Emits one graph.

    Args:
        name: Name of the graph; it also names the layers in the report.
        store: Receives the weights.
        recipe: Decides the scheme of each layer.
    """

    def __init__(self, name: str, store: WeightStore, recipe: Recipe) -> None:
        self._graph = ir.Graph([], [], nodes=[], opset_imports=dict(_OPSETS), name=name)
        self._initializer = partial(initializer, self._graph)
        self._store = store
        self._recipe = recipe
        self._constants: dict[tuple[str, tuple[int, ...], bytes], ir.Value] = {}
        self._count = 0

    # Inputs, outputs, operators

    def input(self, name: str, dtype: ir.DataType, shape: Shape) -> ir.Value:
        """Declares an input; names in `shape` are free dimensions."""
        value = ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(dtype))
        self._graph.inputs.append(value)
        return value

    def output(self, value: ir.Value, name: str, dtype: ir.DataType, shape: Shape) -> None:
        """Declares a computed value as output under the name."""
        value.name = name
        value.shape = ir.Shape(shape)
        value.type = ir.TensorType(dtype)
        self._graph.outputs.append(value)

    def ops(
        self, op_type: str, *inputs: ir.Value | None, outputs: int, domain: str = "", **attrs: Any
    ) -> Sequence[ir.Value]:
        """Emits one node; returns its outputs."""
        self._count += 1
        trimmed = list(inputs)
        while trimmed and trimmed[-1] is None:
            trimmed.pop()
        node = ir.Node(
            domain,
            op_type,
            trimmed,
            attributes=[ir.convenience.convert_attribute(k, v) for k, v in attrs.items()],
            num_outputs=outputs,
            name=f"{op_type}_{self._count}",
        )
        for index, value in enumerate(node.outputs):
            value.name = f"{op_type}_{self._count}_{index}"
        self._graph.append(node)
        return node.outputs

    def op(
        self, op_type: str, *inputs: ir.Value | None, domain: str = "", **attrs: Any
    ) -> ir.Value:
        """Emits one node with one output."""
        return self.ops(op_type, *inputs, outputs=1, domain=domain, **attrs)[0]

    def constant(self, values: Any, dtype: type[np.generic] = np.int64) -> ir.Value:
        """A small constant inside the graph; equal ones are shared."""
        array = np.asarray(values, dtype=dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = f"constant_{len(self._constants)}"
            self._constants[key] = self._initializer(ir.tensor(array, name=name))
        return self._constants[key]

    # Weights

    def scheme(self, name: str) -> Scheme:
        """How the recipe wants a layer stored, for graphs that differ by it."""
        return self._recipe.scheme(name)

    def table(self, name: str, table: Matrix) -> ir.Value:
        """(rows, inputs) float32 to look rows up in; what is not looked up stays on the disk."""
        return self._initializer(self._store.table(f"{name}.table", table))

    def vector(self, name: str, values: Array) -> ir.Value:
        """A float32 tensor stored as it is: biases, norms, position tables, convolutions."""
        return self._initializer(self._store.vector(name, values))

    def linear(
        self, x: ir.Value, name: str, weight: Matrix, bias: Array | None = None
    ) -> ir.Value:
        """X · weightᵀ + bias over the last axis, in the scheme that the recipe gives `name`."""
        scheme = self._recipe.scheme(name)
        offset = None if bias is None else self.vector(f"{name}.bias", bias)
        if scheme.bits == 32:
            table = self._initializer(self._store.transposed(f"{name}.weight", weight))
            product = self.op("MatMul", x, table)
            return product if offset is None else self.op("Add", product, offset)
        if scheme.block_size:
            return self._linear_blocks(x, name, weight, offset, scheme)
        tensors = [self._initializer(t) for t in self._store.channels(name, weight)]
        return self.op("DynamicQuantizeMatMul", x, *tensors, offset, domain=CONTRIB)

    def integer_linear(
        self,
        codes: ir.Value,
        scale: ir.Value,
        zero: ir.Value,
        name: str,
        weight: Matrix,
        bias: Array,
    ) -> ir.Value:
        """`linear` in int8 of values that are codes already, as DynamicQuantizeLinear gives them.

        For a matrix that meets each value several times, as a convolution's does: quantizing
        before they are laid side by side costs a fraction of quantizing after.
        """
        tensors = self._store.channels(name, weight)
        weights, scales, zeros = (self._initializer(tensor) for tensor in tensors)
        offset = self.vector(f"{name}.bias", bias)
        inputs = (codes, weights, scale, scales, zero, zeros, offset)
        return self.op("MatMulIntegerToFloat", *inputs, domain=CONTRIB)

    def embedding(self, ids: ir.Value, name: str, table: Matrix) -> ir.Value:
        """Rows of a table by id. Only the rows that are looked up are ever read from the disk."""
        scheme = self._recipe.scheme(name)
        if scheme.bits == 32:
            return self.op("Gather", self.table(name, table), ids, axis=0)
        blocks = self._store.blocks(name, table, scheme)
        rows = self.op(
            "GatherBlockQuantized",
            self._initializer(self._store.codes(f"{name}.rows", blocks, flat=True)),
            ids,
            self._initializer(blocks.scales),
            domain=CONTRIB,
            bits=scheme.bits,
            block_size=scheme.block_size,
            gather_axis=0,
            quantize_axis=1,
        )
        width = table.shape[1]
        if width % scheme.block_size == 0:
            return rows
        # The kernel gives whole blocks, of which the last is filled up with zeros.
        return self.op(
            "Slice", rows, self.constant([0]), self.constant([width]), self.constant([-1])
        )

    def tied_head(
        self, x: ir.Value, name: str, table: Matrix, bias: Array | None = None
    ) -> ir.Value:
        """X · tableᵀ + bias for a vocabulary whose table is also the embedding."""
        if self._recipe.scheme(name).bits != 32:
            return self.linear(x, name, table, bias)
        logits = self.op("FusedMatMul", x, self.table(name, table), domain=CONTRIB, transB=1)
        return logits if bias is None else self.op("Add", logits, self.vector(f"{name}.bias", bias))

    def coded_table(self, name: str, values: Array) -> tuple[ir.Value, Array | None]:
        """A matrix that is an operand, not a layer, in 8 bits unless the recipe says float32.

        Returns:
            The table (rows, columns), and the (rows,) float32 scales that its int8 codes have to
            be multiplied by; None where it is stored as float32.
        """
        if self._recipe.scheme(name).bits == 32:
            return self.vector(name, values), None
        tensor, scales = self._store.row_codes(name, values)
        return self._initializer(tensor), scales

    # Layers

    def layer_norm(self, x: ir.Value, name: str, gamma: Array, beta: Array | None) -> ir.Value:
        """LayerNormalization over the last axis, epsilon 1e-5."""
        return self.op(
            "LayerNormalization",
            x,
            self.vector(f"{name}.weight", gamma),
            None if beta is None else self.vector(f"{name}.bias", beta),
            axis=-1,
            epsilon=1e-5,
        )

    def add_norm(
        self, x: ir.Value, residual: ir.Value, name: str, gamma: Array, beta: Array | None
    ) -> tuple[ir.Value, ir.Value]:
        """(LayerNormalization(x + residual), x + residual).

        Two kernels: SkipLayerNormalization does both, but it is not vectorised and took 1.9 ms
        for 600 × 384 values where these take 0.4 ms. At one row there is no difference.
        """
        total = self.op("Add", x, residual)
        return self.layer_norm(total, name, gamma, beta), total

    def rms_norm(self, x: ir.Value, name: str, gamma: Array, epsilon: float) -> ir.Value:
        """X / √(mean(x²) + epsilon) · gamma over the last axis (Zhang & Sennrich 2019)."""
        scale = self.vector(f"{name}.weight", gamma)
        return self.op("SimplifiedLayerNormalization", x, scale, axis=-1, epsilon=epsilon)

    def add_rms_norm(
        self, x: ir.Value, residual: ir.Value, name: str, gamma: Array, epsilon: float
    ) -> tuple[ir.Value, ir.Value]:
        """(rms_norm(x + residual), x + residual)."""
        total = self.op("Add", x, residual)
        return self.rms_norm(total, name, gamma, epsilon), total

    def gelu(self, x: ir.Value) -> ir.Value:
        """The exact (erf) form."""
        return self.op("Gelu", x, domain=CONTRIB)

    def silu(self, x: ir.Value) -> ir.Value:
        """X · sigmoid(x), which is one kernel under this name."""
        return self.op("QuickGelu", x, domain=CONTRIB, alpha=1.0)

    def split_heads(
        self, x: ir.Value, heads: int, size: int, *, transposed: bool = False
    ) -> ir.Value:
        """(batch, n, heads · size) → (batch, heads, n, size), or (batch, heads, size, n)."""
        shaped = self.op("Reshape", x, self.constant([0, 0, heads, size]))
        return self.op("Transpose", shaped, perm=[0, 2, 3, 1] if transposed else [0, 2, 1, 3])

    def merge_heads(self, x: ir.Value, shape: ir.Value) -> ir.Value:
        """(batch, heads, n, size) → the given shape, whose last axis is heads · size."""
        return self.op("Reshape", self.op("Transpose", x, perm=[0, 2, 1, 3]), shape)

    def label(self, value: ir.Value, name: str) -> ir.Value:
        """Names a value inside the graph, for people and tests who look into it."""
        value.name = name
        return value

    def input_names(self) -> list[str]:
        """Names of the inputs declared so far."""
        return [str(value.name) for value in self._graph.inputs]

    def output_names(self) -> list[str]:
        """Names of the outputs declared so far."""
        return [str(value.name) for value in self._graph.outputs]

    def save(self, path: Path) -> None:
        """Writes the graph; its weights are in the data file already."""
        model = ir.Model(self._graph, ir_version=_IR_VERSION, producer_name="edge_voice")
        ir.save(model, path)

    def _linear_blocks(
        self, x: ir.Value, name: str, weight: Matrix, bias: ir.Value | None, scheme: Scheme
    ) -> ir.Value:
        blocks = self._store.blocks(name, weight, scheme)
        rows, width = weight.shape
        return self.op(
            "MatMulNBits",
            x,
            self._initializer(self._store.codes(f"{name}.weight", blocks, flat=False)),
            self._initializer(blocks.scales),
            None,
            None,
            bias,
            domain=CONTRIB,
            K=width,
            N=rows,
            bits=scheme.bits,
            block_size=scheme.block_size,
            accuracy_level=4,
        )


def initializer(graph: ir.Graph, tensor: ir.TensorProtocol) -> ir.Value:
    """The graph's value for a tensor; one that is used twice is declared once."""
    name = str(tensor.name)
    if name not in graph.initializers:
        value = ir.Value(
            name=name,
            shape=ir.Shape(tensor.shape.numpy()),
            type=ir.TensorType(tensor.dtype),
            const_value=tensor,
        )
        graph.register_initializer(value)
    return graph.initializers[name]
