"""Small valid bundles that nobody opens."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from edge_voice.hub import store
from edge_voice.manifest import FileEntry, Manifest, SourceEntry

GRAPH = b"graph"


def manifest_of(folder: Path, **changes: Any) -> Manifest:
    """Of the files in a folder: a Whisper with one graph, but for what is said."""
    facts: dict[str, Any] = {
        "model_type": "whisper",
        "name": "tiny",
        "task": "transcribe",
        "precision": "int8",
        "languages": ("en",),
        "licence": "MIT",
        "source": SourceEntry("a.pt"),
        "exporter": "test",
        "graphs": {"encoder": "encoder.onnx"},
        "assets": {},
        "config": {},
        "files": {path.name: _entry(path.read_bytes()) for path in folder.iterdir()},
    }
    return Manifest(**{**facts, **changes})


def write_bundle(folder: Path, **changes: Any) -> Path:
    """Makes a folder with a graph and a manifest, which may be changed."""
    folder.mkdir(parents=True)
    (folder / "encoder.onnx").write_bytes(GRAPH)
    manifest_of(folder, **changes).save(folder)
    return folder


def install(name: str, precision: str = "int8") -> Path:
    """Puts a bundle into the store."""
    folder = store.bundle_folder(name, precision)
    return write_bundle(folder, name=name, precision=precision)


def _entry(content: bytes) -> FileEntry:
    return FileEntry(len(content), hashlib.sha256(content).hexdigest())
