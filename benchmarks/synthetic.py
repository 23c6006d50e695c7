"""Checkpoints with random weights, for measuring and testing exports.

`RandomCheckpoint` makes each tensor up when it is asked for, so a model of billions of weights
costs no memory and no disk. `write_folder` writes the same values as a Hugging Face folder.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
from numpy.typing import NDArray

from edge_voice.errors import UnsupportedModel
from edge_voice_export.closable import Closable

Dtype = Literal["float32", "float16", "bfloat16"]
Shape = tuple[int, ...]

# Values are drawn in runs of this many, each from a generator of its own, so that any part of a
# tensor can be drawn without what lies before it.
_RUN_ITEMS = 1 << 18
# Picking values by 16 random bits out of a normal sample takes a tenth of the time of drawing
# each from the normal distribution, and float16 has no more distinct values than that anyway.
_TABLE_ITEMS = 1 << 16
_WRITE_BYTES = 16 << 20
SHARD_BYTES = 2 << 30
_SAFETENSORS_DTYPE = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
ITEM_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


class RandomCheckpoint(Closable):
    """Random weights behind the interface of `edge_voice_export.checkpoint.Checkpoint`.

    The same name, shape and seed always give the same values; no two tensors share theirs.
    """

    layout: Literal["huggingface"] = "huggingface"
    weight_files: tuple[Path, ...] = ()

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        distribution: Callable[[str, Shape], tuple[float, float]],
        config: dict[str, Any],
        folder: Path,
        *,
        dtype: Dtype = "float16",
        seed: int = 0,
    ) -> None:
        """Makes up a checkpoint.

        Args:
            shapes: name and shape of every tensor.
            distribution: mean and standard deviation of a tensor's values.
            config: what config.json says.
            folder: where readers look for a tokenizer; may be empty or missing.
            dtype: what values are rounded to.
            seed: makes another checkpoint of the same size.
        """
        self.folder = folder
        self.config = config
        self._dtype = dtype
        self._seed = seed
        self._shapes = shapes
        self._distribution = distribution

    def names(self) -> tuple[str, ...]:
        """Names of all tensors."""
        return tuple(self._shapes)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor; UnsupportedModel if there is none of that name."""
        try:
            return self._shapes[name]
        except KeyError:
            raise UnsupportedModel(f"no tensor {name!r} in a made-up checkpoint") from None

    def dtype(self, name: str) -> str:
        """Stored dtype, the same for all tensors; UnsupportedModel if there is no such name."""
        self.shape(name)
        return self._dtype

    def read(self, name: str) -> NDArray[Any]:
        """All values of a tensor as float32, rounded to the checkpoint's dtype."""
        shape = self.shape(name)
        return self._draw(name, 0, math.prod(shape)).reshape(shape)

    def read_rows(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop of a tensor's first axis as float32."""
        rows, *rest = self.shape(name)
        if not 0 <= start <= stop <= rows:
            raise IndexError(f"rows {start} to {stop} of {rows}")
        row_items = math.prod(rest)
        values = self._draw(name, start * row_items, stop * row_items)
        return values.reshape(stop - start, *rest)

    def _draw(self, name: str, first: int, stop: int) -> NDArray[np.float32]:
        """Elements first to stop of a tensor in row-major order."""
        table = self._table(name)
        values = np.empty(stop - first, np.float32)
        for run in range(first // _RUN_ITEMS, -(-stop // _RUN_ITEMS)):
            begin = max(first, run * _RUN_ITEMS)
            end = min(stop, (run + 1) * _RUN_ITEMS)
            picks = np.frombuffer(self._generator(name, run).bytes(2 * _RUN_ITEMS), np.uint16)
            picks = picks[begin - run * _RUN_ITEMS : end - run * _RUN_ITEMS]
            np.take(table, picks, out=values[begin - first : end - first])
        return values

    def _table(self, name: str) -> NDArray[np.float32]:
        """The values that a tensor's elements are picked from, already rounded."""
        mean, deviation = self._distribution(name, self._shapes[name])
        drawn = self._generator(name, -1).standard_normal(_TABLE_ITEMS, dtype=np.float32)
        return _round(drawn * np.float32(deviation) + np.float32(mean), self._dtype)

    def _generator(self, name: str, run: int) -> np.random.Generator:
        digest = hashlib.blake2b(f"{self._seed}/{name}/{run}".encode(), digest_size=16).digest()
        return np.random.Generator(np.random.SFC64(int.from_bytes(digest, "little")))


def _round(values: NDArray[np.float32], dtype: str) -> NDArray[np.float32]:
    if dtype == "bfloat16":
        return (values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    return values.astype(dtype).astype(np.float32)


def stored_bytes(values: NDArray[np.float32], dtype: str) -> bytes:
    """Values that `dtype` represents exactly, as they lie in a weight file."""
    if dtype == "bfloat16":
        return (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    return values.astype(np.dtype(dtype).newbyteorder("<")).tobytes()


def write_folder(
    checkpoint: RandomCheckpoint, folder: Path, *, shard_bytes: int = SHARD_BYTES
) -> None:
    """Writes `config.json` and the weights, a few megabytes at a time.

    Args:
        checkpoint: what to write.
        folder: made if missing.
        shard_bytes: largest size of one file's tensors; more than one file makes an index.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(checkpoint.config, indent=2))
    shards = _shards(checkpoint, shard_bytes)
    if len(shards) == 1:
        _write_safetensors(checkpoint, shards[0], folder / "model.safetensors")
        return
    weight_map: dict[str, str] = {}
    for number, names in enumerate(shards, 1):
        file_name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        _write_safetensors(checkpoint, names, folder / file_name)
        weight_map |= dict.fromkeys(names, file_name)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def _shards(checkpoint: RandomCheckpoint, shard_bytes: int) -> list[list[str]]:
    shards: list[list[str]] = [[]]
    room = shard_bytes
    for name in checkpoint.names():
        size = _tensor_bytes(checkpoint, name)
        if size > room and shards[-1]:
            shards.append([])
            room = shard_bytes
        shards[-1].append(name)
        room -= size
    return shards


def _tensor_bytes(checkpoint: RandomCheckpoint, name: str) -> int:
    return math.prod(checkpoint.shape(name)) * ITEM_BYTES[checkpoint.dtype(name)]


def _write_safetensors(checkpoint: RandomCheckpoint, names: list[str], path: Path) -> None:
    header = {}
    end = 0
    for name in names:
        begin, end = end, end + _tensor_bytes(checkpoint, name)
        header[name] = {
            "dtype": _SAFETENSORS_DTYPE[checkpoint.dtype(name)],
            "shape": checkpoint.shape(name),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            stream.writelines(_stored_parts(checkpoint, name))


def _stored_parts(checkpoint: RandomCheckpoint, name: str) -> Iterator[bytes]:
    rows, *rest = checkpoint.shape(name)
    step = max(1, _WRITE_BYTES // (4 * math.prod(rest)))
    for start in range(0, rows, step):
        part = checkpoint.read_rows(name, start, min(rows, start + step))
        yield stored_bytes(part, checkpoint.dtype(name))


def write_checked(checkpoint: RandomCheckpoint, folder: Path, shard_bytes: int) -> None:
    """`write_folder` for a command: says so if there is not enough room."""
    needed = sum(_tensor_bytes(checkpoint, name) for name in checkpoint.names())
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < needed + _WRITE_BYTES:
        raise click.ClickException(f"{folder} needs {needed / 1e9:.1f} GB free")
    write_folder(checkpoint, folder, shard_bytes=shard_bytes)
