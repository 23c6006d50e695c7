"""Graphs + assets + manifest → a bundle, written to a temporary folder and renamed into place."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

import edge_voice
from edge_voice.errors import StoreError
from edge_voice.folder_lock import locked
from edge_voice.graph import GraphSpec, in_our_names
from edge_voice.hub.verify import sha256_file
from edge_voice.manifest import FileEntry, Manifest, SourceEntry

from .adopted_graph import move_weights, quantize_layers
from .builder import GraphBuilder
from .onnx_folder import graph_names, names_of
from .quantize import Recipe
from .report import Report
from .storage import WeightStore
from .weights import Array, DataFile


@dataclass(slots=True)
class Bundle:
    """A bundle that is being written.

    Attributes:
        folder: Temporary folder; becomes the bundle when everything is in it.
        recipe: Precision preset.
        report: What quantization did.
        announce: Called with a line for people at each stage.
        names: Role of a graph → our names of its inputs and outputs → its own, where they differ.
    """

    folder: Path
    recipe: Recipe
    report: Report
    announce: Callable[[str], None]
    graphs: dict[str, str] = field(default_factory=dict)
    assets: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    names: dict[str, dict[str, str]] = field(default_factory=dict)

    @contextmanager
    def graph(self, role: str, spec: GraphSpec) -> Iterator[GraphBuilder]:
        """A builder for one graph; on leaving, its names are checked and it is saved."""
        self.announce(f"{role}: writing and quantizing weights")
        file = f"{role}.onnx"
        with DataFile(self.folder / f"{role}.data") as data:
            builder = GraphBuilder(role, WeightStore(data, self.report), self.recipe)
            yield builder
            spec.check(file, builder.input_names(), builder.output_names())
            builder.save(self.folder / file)
        self.graphs[role] = file

    def adopt_graph(self, role: str, spec: GraphSpec, model: ir.Model, where: str) -> None:
        """Takes over a published graph that was opened and, perhaps, changed.

        Its layers are quantized by the recipe, and its weights go into a data file of ours.

        Args:
            role: What the graph is for; it also names the files.
            spec: The names that it must have.
            model: The graph.
            where: The file it comes from, for messages.

        Raises:
            GraphMismatch: Its names are not those of `spec`.
        """
        self.announce(f"{role}: quantizing and writing weights")
        inputs, outputs = names_of(model)
        spec.check(where, inputs, outputs)
        with DataFile(self.folder / f"{role}.data") as data:
            store = WeightStore(data, self.report)
            quantize_layers(model, store, self.recipe)
            move_weights(model, store)
        ir.save(model, self.folder / f"{role}.onnx")
        self.graphs[role] = f"{role}.onnx"

    def import_graph(
        self, role: str, spec: GraphSpec, source: Path, names: Mapping[str, str] | None = None
    ) -> None:
        """Takes a published graph over byte for byte, if its names are those of `spec`.

        Args:
            role: What the graph is for; it also names the file.
            spec: The names that it must have.
            source: The .onnx file.
            names: Name in `spec` → name in the graph, where they differ; the manifest keeps them.

        Raises:
            GraphMismatch: They are not.
            UnsupportedModel: The file is no ONNX graph.
        """
        names = {ours: theirs for ours, theirs in (names or {}).items() if ours != theirs}
        inputs, outputs = graph_names(source)
        spec.check(source.name, in_our_names(inputs, names), in_our_names(outputs, names))
        file = f"{role}{source.suffix}"
        shutil.copyfile(source, self.folder / file)
        self.graphs[role] = file
        if names:
            self.names[role] = names

    def save_graph(self, role: str, spec: GraphSpec, model: ir.Model) -> None:
        """Writes a graph that was taken out of a published one; weights go into a data file.

        Raises:
            GraphMismatch: Its names are not those of `spec`.
        """
        self.announce(f"{role}: writing")
        inputs, outputs = names_of(model)
        spec.check(f"{role}.onnx", inputs, outputs)
        ir.save(model, self.folder / f"{role}.onnx", external_data=f"{role}.data")
        self.graphs[role] = f"{role}.onnx"

    def add_asset(self, role: str, file: str, content: bytes) -> None:
        """A further file that the runtime opens by its role."""
        self.stream_asset(role, file, [content])

    def stream_asset(self, role: str, file: str, parts: Iterable[bytes | Array]) -> None:
        """A further file too large to be held: its parts are written as they come."""
        with (self.folder / file).open("wb") as stream:
            for part in parts:
                stream.write(part if isinstance(part, bytes) else np.ascontiguousarray(part).data)
        self.assets[role] = file

    def set_facts(self, *, task: str, languages: tuple[str, ...], config: dict[str, Any]) -> None:
        """What the manifest says about the model itself."""
        self.facts = {"task": task, "languages": languages, "config": config}

    def finish(
        self, *, model_type: str, name: str, licence: str, source: SourceEntry
    ) -> Manifest:
        """Writes the report and the manifest."""
        self.report.write(self.folder)
        manifest = Manifest(
            model_type=model_type,
            name=name,
            precision=self.recipe.name,
            licence=licence,
            source=source,
            exporter=f"edge_voice {edge_voice.__version__}",
            graphs=self.graphs,
            assets=self.assets,
            names=self.names,
            files={path.name: describe(path) for path in sorted(self.folder.iterdir())},
            **self.facts,
        )
        manifest.save(self.folder)
        return manifest


def describe(path: Path) -> FileEntry:
    """Size and sha256 of a file."""
    return FileEntry(path.stat().st_size, sha256_file(path))


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target` that takes its place if all goes well.

    Raises:
        StoreError: `target` exists and is not a bundle, or the disk does not take it.
    """
    if target.exists() and not _is_replaceable(target):
        raise StoreError(f"{target} exists and is not a bundle: choose another folder")
    with ExitStack() as held:
        temporary = _temporary_beside(target, held)
        try:
            yield temporary
            temporary.chmod(0o755)
            _swap(temporary, target)
        except OSError as error:
            if isinstance(error, StoreError) or error.errno is None:
                raise
            raise StoreError(f"cannot write {target}: {error.strerror}") from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _temporary_beside(target: Path, held: ExitStack) -> Path:
    """A new folder that is locked as long as its process lives; those of dead ones are deleted."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # One at a time: another export must not find a folder that is not locked yet.
        with locked(target.parent):
            _sweep(target)
            temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
            held.enter_context(locked(temporary))
    except OSError as error:
        raise StoreError(f"cannot write to {target.parent}: {error.strerror}") from None
    return temporary


def _sweep(target: Path) -> None:
    """Deletes what killed exports to the same place have left: gigabytes, for a large model."""
    ours = re.compile(rf"\.{re.escape(target.name)}\.[a-z0-9_]{{8}}\Z")  # as mkdtemp names them
    for folder in target.parent.iterdir():
        if ours.match(folder.name):
            with suppress(OSError), locked(folder, wait=False):
                shutil.rmtree(folder, ignore_errors=True)


def _is_replaceable(target: Path) -> bool:
    return target.is_dir() and ((target / "manifest.json").exists() or not any(target.iterdir()))


def _swap(temporary: Path, target: Path) -> None:
    """Puts the new folder in the place of the old one, which comes back if that fails."""
    if not target.exists():
        temporary.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    try:
        os.replace(target, old)
        temporary.rename(target)
    finally:
        if not target.exists():
            os.replace(old, target)
        shutil.rmtree(old, ignore_errors=True)
