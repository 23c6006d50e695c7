"""The published graph of Kokoro: its weights by the name of the module, and parts of it.

The file is what torch.onnx wrote for kokoro 0.9 (`onnx-community/Kokoro-82M-v1.0-ONNX`). Nodes
carry the names of the modules that they came from; weight norm is folded in already.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edge_voice.errors import UnsupportedModel

from ...weights import Array

_DECODER = "/decoder/decoder/"
_SMALL = 4096  # values that are not worth a node


class PublishedGraph:
    """One opened file."""

    def __init__(self, path: Path) -> None:
        """Reads the graph; weights stay on the disk until they are asked for."""
        self._path = path
        self._model = ir.load(path)
        self._graph = self._model.graph
        self._nodes = {node.name or "": node for node in self._graph}

    def convolution(self, module: str) -> tuple[Array, Array]:
        """(out, in, taps) weights and (out,) biases, zeros where there are none."""
        return self._weights(module, "Conv")

    def transposed(self, module: str) -> tuple[Array, Array]:
        """(in, out, taps) weights and biases of a transposed convolution."""
        return self._weights(module, "ConvTranspose")

    def style(self, module: str) -> tuple[Array, Array]:
        """(2 · channels, style) weights and biases of what an adaptive norm makes of a voice."""
        return self._weights(f"{module}/fc", "Gemm")

    def vector(self, name: str) -> Array:
        """A tensor of the decoder by its own name, flattened."""
        value = self._graph.initializers.get(f"decoder.decoder.{name}")
        return self._array(value, name).reshape(-1)

    def part(self, outputs: Mapping[str, str]) -> ir.Model:
        """What computes some values from the graph's inputs; ask for weights before.

        Args:
            outputs: Name of a value → name that it gets as an output.

        Raises:
            UnsupportedModel: There is no such value.
        """
        graph = self._model.graph
        values = {value.name: value for node in graph for value in node.outputs}
        if missing := next((name for name in outputs if name not in values), None):
            raise self._missing(missing)
        graph.outputs.clear()
        for old, new in outputs.items():
            values[old].name = new
            values[old].type = ir.TensorType(ir.DataType.FLOAT)
            graph.outputs.append(values[old])
        RemoveUnusedNodesPass()(self._model)
        return self._model

    def _weights(self, module: str, kind: str) -> tuple[Array, Array]:
        node = self._nodes.get(f"{_DECODER}{module}/{kind}")
        if node is None:
            raise self._missing(f"{module}/{kind}")
        weight = self._array(node.inputs[1], module)
        if len(node.inputs) > 2:
            return weight, self._array(node.inputs[2], module)
        channels = weight.shape[1] if kind == "ConvTranspose" else weight.shape[0]
        return weight, np.zeros(channels, np.float32)

    def _array(self, value: ir.Value | None, name: str) -> Array:
        if value is None or value.const_value is None:
            raise self._missing(f"{name}: its weights")
        array = value.const_value.numpy()
        if array.dtype != np.float32:
            raise UnsupportedModel(
                f"{self._path.name}: {name} is {array.dtype} (allowed: the float32 graph)"
            )
        return array

    def _missing(self, what: str) -> UnsupportedModel:
        return UnsupportedModel(f"{self._path.name}: not Kokoro's graph: no {what}")


def halved_weights(model: ir.Model) -> ir.Model:
    """Stores large weights as float16; onnxruntime widens them once, when it loads the graph."""
    graph = model.graph
    for value in list(graph.initializers.values()):
        tensor = value.const_value
        if tensor is None or tensor.dtype != ir.DataType.FLOAT or tensor.size < _SMALL:
            continue
        half = ir.tensor(tensor.numpy().astype(np.float16), name=f"{value.name}.half")
        stored = ir.Value(
            name=half.name,
            shape=ir.Shape(half.shape.numpy()),
            type=ir.TensorType(half.dtype),
            const_value=half,
        )
        graph.register_initializer(stored)
        wide = ir.Node("", "Cast", [stored], [ir.AttrInt64("to", int(ir.DataType.FLOAT))])
        wide.outputs[0].name = f"{value.name}.wide"
        graph.insert_before(graph[0], wide)
        value.replace_all_uses_with(wide.outputs[0])
        graph.initializers.pop(str(value.name))
    return model
