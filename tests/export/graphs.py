"""Graphs of a few nodes, built as exports build them and run as the runtime runs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.graph import GraphSpec
from edge_voice.session import Session
from edge_voice_export.builder import GraphBuilder
from edge_voice_export.quantize import Recipe, Scheme
from edge_voice_export.report import Report
from edge_voice_export.storage import WeightStore
from edge_voice_export.weights import DataFile

Array = np.ndarray[Any, np.dtype[Any]]
Emit = Callable[[GraphBuilder], None]


class SmallGraph:
    """A graph on disk, open for running.

    Attributes:
        report: What its weights became.
        data_bytes: Size of its data file.
        data: Contents of its data file.
    """

    def __init__(self, folder: Path, emit: Emit, *rules: tuple[str, Scheme]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.report = Report("small", "test")
        with DataFile(folder / "small.data") as data:
            builder = GraphBuilder("small", WeightStore(data, self.report), Recipe("test", rules))
            emit(builder)
            builder.save(folder / "small.onnx")
        names = (tuple(builder.input_names()), tuple(builder.output_names()))
        self.data = (folder / "small.data").read_bytes()
        self._session = Session(folder / "small.onnx", GraphSpec(*names))

    def run(self, **feeds: Array) -> dict[str, Array]:
        return self._session.run(feeds)
