"""Cohere Transcribe checkpoints made of the tiny published one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice_export.checkpoint import open_checkpoint
from edge_voice_export.models.cohere_transcribe.names import spelled

Array = np.ndarray[Any, np.dtype[Any]]
Change = Callable[[dict[str, Array]], None]

_DTYPES = {np.dtype(np.float32): "F32", np.dtype(np.int64): "I64"}


def tensors_of(folder: Path) -> dict[str, Array]:
    """All tensors of a checkpoint, floats as float32."""
    with open_checkpoint(folder) as checkpoint:
        return {name: checkpoint.read(name) for name in checkpoint.names()}


def write_safetensors(path: Path, tensors: Mapping[str, Array]) -> None:
    """Writes a file as float32 and int64."""
    header, end = {}, 0
    for name, values in tensors.items():
        begin, end = end, end + values.nbytes
        header[name] = {
            "dtype": _DTYPES[values.dtype],
            "shape": list(values.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header).encode()
    content = [np.ascontiguousarray(values).tobytes() for values in tensors.values()]
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(content))


def changed(
    published: Path, target: Path, change: Change | None = None, **config: Any
) -> Path:
    """A copy of the published folder with other tensors and configuration keys; None removes."""
    shutil.copytree(published, target)
    tensors = tensors_of(published)
    if change:
        change(tensors)
    write_safetensors(target / "model.safetensors", tensors)
    path = target / "config.json"
    found = {**json.loads(path.read_text()), **config}
    found = {key: value for key, value in found.items() if value is not None}
    path.write_text(json.dumps(found))
    return target


def respelled(golden: Path, target: Path, spelling: str) -> Path:
    """The published checkpoint as transformers saves it (`model.`), or in transformers' own names.

    `both`: in two shards, with an index.
    """
    def change(tensors: dict[str, Array]) -> None:
        published = dict(tensors)
        tensors.clear()
        for name, values in published.items():
            if name.startswith("preprocessor.") or name == "log_softmax.mlp.layer0.weight":
                continue  # a head that is tied is not saved
            ours = spelled(name) if spelling == "both" else name
            prefix = "" if ours.startswith(("log_softmax", "proj_out")) else "model."
            tensors[prefix + ours] = values

    changed(golden / "published", target, change)
    shutil.copy(golden / "spelling2" / "config.json", target / "config.json")
    if spelling == "both":
        _shard(target)
    return target


def _shard(folder: Path) -> None:
    tensors = tensors_of(folder)
    names = list(tensors)
    parts = {"model-00001-of-00002.safetensors": names[: len(names) // 2],
             "model-00002-of-00002.safetensors": names[len(names) // 2 :]}  # fmt: skip
    for file, inside in parts.items():
        write_safetensors(folder / file, {name: tensors[name] for name in inside})
    weight_map = {name: file for file, inside in parts.items() for name in inside}
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model.safetensors").unlink()
