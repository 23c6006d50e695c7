"""Encoder-decoder graphs that somebody exported already, read back as a checkpoint.

optimum and transformers.js publish `encoder_model*.onnx` and `decoder_model_merged*.onnx` (or
`decoder_model*.onnx`). Their weights have the names of the checkpoint's tensors, or stand in a node
whose name is the path of a module: `/layers.0/fc1/MatMul` multiplies by `layers.0.fc1.weight`,
transposed. 8-bit weights come back as (stored − zero point) · scale. What is read here is built
anew like any other checkpoint, so that it runs with everything the runtime can do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edge_voice.errors import ModelNotFound, UnsupportedModel

from .closable import Closable
from .json_object import read_object
from .onnx_folder import read_graph
from .ready_folder import EIGHT_BIT_VARIANTS, FLOAT_VARIANTS, PLACES

# Moonshine's published graphs differ in spelling, and some run as they are: its recipe decides.
_ARCHITECTURES = ("whisper",)
_DECODERS = ("decoder_model_merged", "decoder_model")
_ENCODER = "encoder_model"

# What exporters and quantizers append to the name of a tensor.
_APPENDED = re.compile(r"(_merged_\d+|_quantized|_transposed)+$")
_PRODUCTS = ("MatMul", "MatMulInteger")
_EIGHT_BITS = (ir.DataType.UINT8, ir.DataType.INT8)


@dataclass(frozen=True, slots=True)
class GraphTensor:
    """One weight in a graph, as its checkpoint had it.

    Attributes:
        stored: What the graph holds.
        scale: Of 8-bit values, else None; one number, or one for each row in the checkpoint.
        zero_point: Likewise.
        transposed: Whether the graph holds it the other way round.
    """

    stored: ir.TensorProtocol
    scale: ir.TensorProtocol | None = None
    zero_point: ir.TensorProtocol | None = None
    transposed: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape in the checkpoint."""
        shape = tuple(self.stored.shape.numpy())
        return shape[::-1] if self.transposed else shape

    def read(self) -> NDArray[Any]:
        """The values, as float32."""
        return self.read_rows(0, self.shape[0] if self.shape else 1)

    def read_rows(self, start: int, stop: int) -> NDArray[Any]:
        """Rows of the first axis in the checkpoint, as float32; only they are read."""
        stored, rows = stored_values(self.stored), slice(start, stop)
        if not stored.ndim:
            return stored.astype(np.float32)
        values = (stored[..., rows] if self.transposed else stored[rows]).astype(np.float32)
        if self.scale is not None:
            if self.zero_point is not None:
                values -= self._for_rows(self.zero_point, rows)
            values *= self._for_rows(self.scale, rows)
        return values.T if self.transposed else values

    def _for_rows(self, tensor: ir.TensorProtocol, rows: slice) -> NDArray[Any]:
        """One number, or those of some rows, so that they spread over these rows as stored."""
        numbers = stored_values(tensor).astype(np.float32)
        if not numbers.ndim or numbers.size == 1:
            return numbers.reshape(())
        numbers = numbers[rows]
        return numbers if self.transposed else numbers.reshape(-1, *[1] * (len(self.shape) - 1))


def stored_values(tensor: ir.TensorProtocol) -> NDArray[Any]:
    """The values as they are stored; those that lie in a file are mapped, not read.

    onnx_ir would refuse files with links, as copies of the hub's cache and of this program's
    store may be.
    """
    if not isinstance(tensor, ir.ExternalTensor):
        return tensor.numpy()
    path = Path(tensor.base_dir) / tensor.location
    shape = tuple(tensor.shape.numpy())
    return np.memmap(path, tensor.dtype.numpy(), "r", offset=tensor.offset or 0, shape=shape)


@dataclass(frozen=True, slots=True)
class TracedCheckpoint(Closable):
    """A `Checkpoint` in the Hugging Face layout whose tensors lie in graphs.

    Attributes:
        folder: Where config.json and the tokenizer are.
        weight_files: The graphs.
    """

    tensors: dict[str, GraphTensor]
    config: dict[str, Any]
    folder: Path
    weight_files: tuple[Path, ...]
    layout: Literal["huggingface"] = field(default="huggingface")

    def names(self) -> tuple[str, ...]:
        """Names of all tensors."""
        return tuple(self.tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor; UnsupportedModel if there is none of that name."""
        return self._tensor(name).shape

    def dtype(self, name: str) -> str:
        """float32, whatever the graph stores; UnsupportedModel if there is no such tensor."""
        self._tensor(name)
        return "float32"

    def read(self, name: str) -> NDArray[Any]:
        """All values of a tensor, as float32."""
        return self._tensor(name).read()

    def read_rows(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Rows of a tensor's first axis, as float32."""
        return self._tensor(name).read_rows(start, stop)

    def _tensor(self, name: str) -> GraphTensor:
        try:
            return self.tensors[name]
        except KeyError:
            raise UnsupportedModel(
                f"no tensor {name!r} in the graphs of {self.folder}, which hold {len(self.tensors)}"
            ) from None


def find_traced(folder: Path) -> tuple[Path, Path] | None:
    """The most exact encoder and decoder of a folder; None if it has none of a Whisper.

    Raises:
        ModelNotFound: There is an encoder and no decoder beside it, or the reverse.
    """
    config = folder / "config.json"
    if not config.is_file() or read_object(config).get("model_type") not in _ARCHITECTURES:
        return None
    for place in PLACES:
        for variant in (*FLOAT_VARIANTS, *EIGHT_BIT_VARIANTS):
            encoder = folder / place / f"{_ENCODER}{variant}.onnx"
            decoders = [folder / place / f"{name}{variant}.onnx" for name in _DECODERS]
            decoder = next((path for path in decoders if path.is_file()), None)
            if encoder.is_file() and decoder:
                return encoder, decoder
            if encoder.is_file() or decoder:
                missing = decoders[0] if encoder.is_file() else encoder
                raise ModelNotFound(f"no {missing.name} in {missing.parent}")
    return None


def open_traced(folder: Path, encoder: Path, decoder: Path) -> TracedCheckpoint:
    """Reads what tensors there are, without their values.

    Raises:
        ModelNotFound: No config.json.
        UnsupportedModel: A file is no ONNX graph.
    """
    tensors = {
        f"model.encoder.{name}": tensor for name, tensor in named_tensors(read_graph(encoder))
    }
    tensors |= dict(named_tensors(read_graph(decoder)))
    config = read_object(folder / "config.json")
    return TracedCheckpoint(tensors, config, folder, (encoder, decoder))


def named_tensors(graph: ir.Graph) -> Iterator[tuple[str, GraphTensor]]:
    """All weights of a graph and of its branches: name in the checkpoint, where it is."""
    stored = _stored(graph)
    for node in _nodes(graph):
        for value in node.inputs:
            if value is None or value.name not in stored:
                continue
            tensor = stored[value.name]
            if name := _checkpoint_name(value.name, node, len(tensor.shape)):
                yield name, _as_in_checkpoint(tensor, value.name, node, stored)


def _checkpoint_name(stored_name: str, node: ir.Node, ndim: int) -> str:
    """Name of a tensor in the checkpoint; empty if it is none, but some constant."""
    plain = _APPENDED.sub("", stored_name)
    if plain.endswith((".weight", ".bias")) and not plain.startswith("onnx::"):
        return plain
    path = (node.name or "").strip("/").split("/")[:-1]
    if node.op_type in _PRODUCTS and path and not stored_name.endswith("_zero_point"):
        return ".".join([*path, "weight"])
    # A table that is added to everything at the top of an encoder.
    return "embed_positions.weight" if node.op_type == "Add" and not path and ndim == 2 else ""


def _as_in_checkpoint(
    tensor: ir.TensorProtocol, name: str, node: ir.Node, stored: dict[str, ir.TensorProtocol]
) -> GraphTensor:
    plain = name.removesuffix("_quantized")
    is_product = node.op_type in _PRODUCTS
    if tensor.dtype in _EIGHT_BITS:
        scale = stored.get(f"{plain}_scale")
        return GraphTensor(tensor, scale, stored.get(f"{plain}_zero_point"), is_product)
    return GraphTensor(tensor, transposed=is_product)


def _stored(graph: ir.Graph) -> dict[str, ir.TensorProtocol]:
    """Constants by name; a tensor that equals another one is an `Identity` of it."""
    stored: dict[str, ir.TensorProtocol] = {}
    for part in (graph, *_branches(graph)):
        for name, value in part.initializers.items():
            if value.const_value is not None:
                stored[name] = value.const_value
    for node in _nodes(graph):
        source = node.inputs[0] if node.op_type == "Identity" else None
        if source is not None and source.name in stored and node.outputs[0].name:
            stored[node.outputs[0].name] = stored[source.name]
    return stored


def _branches(graph: ir.Graph) -> Iterator[ir.Graph]:
    for node in graph:
        for attribute in node.attributes.values():
            if attribute.type == ir.AttributeType.GRAPH:
                branch = attribute.as_graph()
                yield branch
                yield from _branches(branch)


def _nodes(graph: ir.Graph) -> Iterator[ir.Node]:
    for part in (graph, *_branches(graph)):
        yield from part
