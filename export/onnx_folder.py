"""A folder of published ONNX graphs: taken over as they are, not built from tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

import onnx_ir as ir
from numpy.typing import NDArray

from edge_voice.errors import ModelError, UnsupportedModel
from edge_voice.session import graph_interface

from .closable import Closable
from .onnx_file import open_graph

# In the folder itself, or below it where transformers.js keeps them; `.ort` is onnxruntime's own
# form of a graph.
_PATTERNS = ("*.onnx", "*.ort", "onnx/*.onnx")
ORT_SUFFIX = ".ort"


def find_graphs(folder: Path) -> tuple[Path, ...]:
    """The files of a folder that hold graphs, the largest first."""
    found = (path for pattern in _PATTERNS for path in folder.glob(pattern))
    return tuple(sorted(found, key=lambda path: -path.stat().st_size))


def graph_names(path: Path) -> tuple[list[str], list[str]]:
    """Names of a graph's inputs and outputs.

    Raises:
        UnsupportedModel: The file is no graph, or keeps its weights in another file.
    """
    if path.suffix == ORT_SUFFIX:
        try:
            return graph_interface(path)
        except ModelError as error:
            raise UnsupportedModel(f"{path}: not a graph: {error}") from None
    model = open_graph(path)
    for value in model.graph.initializers.values():
        weight = value.const_value
        if isinstance(weight, ir.ExternalTensor) and weight.location != path.resolve().name:
            raise UnsupportedModel(f"{path} keeps its weights in another file (allowed: one file)")
    return names_of(model)


def read_graph(path: Path) -> ir.Graph:
    """Opens a graph; its weights stay on the disk until they are asked for.

    Raises:
        UnsupportedModel: The file is no ONNX graph, or its data file is missing.
    """
    return open_graph(path).graph


def names_of(model: ir.Model) -> tuple[list[str], list[str]]:
    """Names of a graph's inputs and outputs."""
    graph = model.graph
    return [value.name or "" for value in graph.inputs], [v.name or "" for v in graph.outputs]


@dataclass(frozen=True, slots=True)
class OnnxFolder(Closable):
    """A `Checkpoint` without tensors; recipes look at its files.

    Attributes:
        folder: Where the graphs and the files beside them lie.
        weight_files: The graphs, the largest first.
        config: What config.json says; empty if there is none.
    """

    folder: Path
    weight_files: tuple[Path, ...]
    config: dict[str, Any] = field(default_factory=dict)
    layout: Literal["onnx"] = "onnx"

    def names(self) -> tuple[str, ...]:
        """No tensors."""
        return ()

    def shape(self, name: str) -> tuple[int, ...]:
        """Raises UnsupportedModel: there are no tensors."""
        self._refuse(name)

    def dtype(self, name: str) -> str:
        """Raises UnsupportedModel: there are no tensors."""
        self._refuse(name)

    def read(self, name: str) -> NDArray[Any]:
        """Raises UnsupportedModel: there are no tensors."""
        self._refuse(name)

    def read_rows(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Raises UnsupportedModel: there are no tensors."""
        self._refuse(name)

    def _refuse(self, name: str) -> NoReturn:
        raise UnsupportedModel(f"no tensor {name!r}: {self.folder} holds finished graphs")
