"""Graphs named as optimum and transformers.js name theirs, with the weights of a checkpoint.

They compute nothing: an exporter that reads weights out of graphs looks at names and constants.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir

from edge_voice_export.checkpoint import Checkpoint, open_checkpoint
from edge_voice_export.weights import Array

ENCODER, DECODER = "model.encoder.", "model.decoder."
_PLAIN_FILES = ("config.json", "generation_config.json", "tokenizer.json")


class TracedGraph:
    """Nodes and constants in the manner of a tracer."""

    def __init__(self, rename: Callable[[str], str] = lambda name: name) -> None:
        self.nodes: list[ir.Node] = []
        self.constants: list[ir.Value] = []
        self._rename = rename

    def add(self, operator: str, node: str, *constants: ir.Value) -> None:
        self.nodes.append(ir.Node("", operator, [None, *constants], name=node))

    def constant(self, name: str, values: Array, suffix: str = "") -> ir.Value:
        name = self._rename(name) + suffix
        value = ir.Value(name=name, const_value=ir.tensor(values, name=name))
        self.constants.append(value)
        return value

    def alias(self, name: str, values: Array) -> ir.Value:
        """A constant that the tracer found equal to another one."""
        node = ir.Node("", "Identity", [self.constant(f"{name}_first", values)], num_outputs=1)
        node.outputs[0].name = self._rename(name)
        self.nodes.append(node)
        return node.outputs[0]

    def graph(self, name: str) -> ir.Graph:
        return _graph(self.nodes, self.constants, name)


def write_traced(
    source: Path,
    folder: Path,
    *,
    quantized: bool = False,
    merged: bool = True,
    below: bool = False,
) -> Path:
    """The graphs of a tiny Hugging Face checkpoint, and the files beside them.

    Args:
        source: Folder of the checkpoint.
        folder: Made if missing.
        quantized: Whether matrices are stored in 8 bits.
        merged: Whether the decoder is one graph with a branch for the first token.
        below: Whether the graphs lie in a folder `onnx`.
    """
    place = folder / "onnx" if below else folder
    place.mkdir(parents=True)
    for name in _PLAIN_FILES:
        shutil.copyfile(source / name, folder / name)
    suffix = "_quantized" if quantized else ""
    with open_checkpoint(source) as checkpoint:
        encoder = _traced(checkpoint, ENCODER, ENCODER, quantized, lambda name: name)
        _save(encoder.graph("main_graph"), place / f"encoder_model{suffix}.onnx")
        if merged:
            branch = _traced(checkpoint, DECODER, "", quantized, lambda name: f"{name}_merged_0")
            graph, file = _merged(branch), f"decoder_model_merged{suffix}.onnx"
        else:
            graph = _traced(checkpoint, DECODER, "", quantized, lambda name: name).graph("main")
            file = f"decoder_model{suffix}.onnx"
        _save(graph, place / file)
    return folder


def _traced(
    checkpoint: Checkpoint, side: str, dropped: str, quantized: bool, rename: Callable[[str], str]
) -> TracedGraph:
    traced = TracedGraph(rename)
    for number, name in enumerate(sorted(n for n in checkpoint.names() if n.startswith(side))):
        values, known_as = checkpoint.read(name), name.removeprefix(dropped)
        module = "/" + known_as.rpartition(".")[0].replace(".", "/").replace("layers/", "layers.")
        if name == f"{ENCODER}embed_positions.weight":
            traced.add("Add", "/Add_2", traced.constant("onnx::Add_241", values))
        elif values.ndim == 2 and "embed" not in name:
            _add_product(traced, module, f"onnx::MatMul_{number}", values.T, quantized)
        elif values.ndim == 1 and number % 3 == 0:
            traced.add("Add", f"{module}/Add", traced.alias(known_as, values))
        else:
            traced.add("Gather", f"{module}/Any", traced.constant(known_as, values))
    return traced


def _add_product(
    traced: TracedGraph, module: str, name: str, values: Array, quantized: bool
) -> None:
    values = np.ascontiguousarray(values)
    if not quantized:
        traced.add("MatMul", f"{module}/MatMul", traced.constant(name, values))
        return
    scale = np.float32((values.max() - values.min()) / 255)
    zero = np.uint8(np.round(-values.min() / scale))
    stored = np.clip(np.round(values / scale) + zero, 0, 255).astype(np.uint8)
    constants = [
        traced.constant(name, stored, "_quantized"),
        traced.constant(name, np.array(zero), "_zero_point"),
    ]
    traced.constant(name, np.array(scale), "_scale")
    traced.add("MatMulInteger", f"{module}/MatMul_quant", *constants)


def _merged(branch: TracedGraph) -> ir.Graph:
    """Constants outside, nodes in a branch, as where two graphs share their weights."""
    inner = _graph(branch.nodes, [], "no_past")
    node = ir.Node("", "If", [], [ir.AttrGraph("then_branch", inner)], num_outputs=0)
    return _graph([node], branch.constants, "merged")


def _graph(nodes: list[ir.Node], constants: list[ir.Value], name: str) -> ir.Graph:
    end = ir.Node("", "Constant", [], [ir.AttrFloat32("value_float", 0.0)], name="/Constant")
    end.outputs[0].name = f"{name}_output"
    return ir.Graph([], end.outputs, nodes=[*nodes, end], initializers=constants, name=name,
                    opset_imports={"": 18})  # fmt: skip


def _save(graph: ir.Graph, path: Path) -> None:
    ir.save(ir.Model(graph, ir_version=10), path)
