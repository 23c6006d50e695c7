"""Writes files such as `torch.save` makes, without torch, and such as it never would."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STORAGE_TYPES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}
ITEM_BYTES = {"float64": 8, "float32": 4, "int64": 8, "int32": 4, "int8": 1, "uint8": 1, "bool": 1}
STOP = b"."


@dataclass(frozen=True)
class TorchTensor:
    """A tensor to be pickled; the defaults describe row-major data that starts its storage."""

    dtype: str
    shape: tuple[int, ...]
    key: str
    """Names the storage: the zip member `data/<key>`."""
    items: int
    """Elements that the storage claims to have."""
    offset: int = 0
    strides: tuple[int, ...] | None = None


def string(text: str) -> bytes:
    """The opcode that pushes a string."""
    data = text.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def global_name(module: str, name: str) -> bytes:
    """The opcode that imports something."""
    return f"c{module}\n{name}\n".encode()


def opcodes(value: Any) -> bytes:
    """The opcodes that push a value."""
    match value:
        case bool():
            return b"\x88" if value else b"\x89"
        case int():
            data = value.to_bytes(8, "little", signed=True)
            return b"\x8a\x08" + data
        case str():
            return string(value)
        case tuple():
            return b"(" + b"".join(map(opcodes, value)) + b"t"
        case dict():
            return b"}(" + b"".join(opcodes(key) + opcodes(value[key]) for key in value) + b"u"
        case TorchTensor():
            return _tensor(value)
    raise TypeError(type(value).__name__)


def pickled(value: Any) -> bytes:
    """A whole pickle of dicts, tuples, strings, integers and tensors, as torch writes it."""
    return b"\x80\x02" + opcodes(value) + STOP


def storage(dtype: str, key: str, items: int) -> bytes:
    """The opcodes that push a reference to a storage."""
    kind = global_name("torch", STORAGE_TYPES[dtype])
    return b"(" + string("storage") + kind + opcodes(key) + string("cpu") + opcodes(items) + b"tQ"


def _tensor(tensor: TorchTensor) -> bytes:
    arguments = (
        storage(tensor.dtype, tensor.key, tensor.items)
        + opcodes(tensor.offset)
        + opcodes(tensor.shape)
        + opcodes(row_major(tensor.shape) if tensor.strides is None else tensor.strides)
        + opcodes(False)
        + global_name("collections", "OrderedDict")
        + b")R"
    )
    return global_name("torch._utils", "_rebuild_tensor_v2") + b"(" + arguments + b"tR"


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Steps in elements along each axis of an array stored row by row."""
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.insert(0, step)
        step *= size
    return tuple(strides)


def write_torch_file(
    path: Path,
    value: Any,
    storages: Mapping[str, bytes],
    *,
    byte_order: str = "little",
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """Writes a value and the bytes of its storages by key."""
    members = {"data.pkl": pickled(value), "byteorder": byte_order.encode(), "version": b"3\n"}
    members |= {f"data/{key}": data for key, data in storages.items()}
    return write_zip(path, {f"archive/{name}": members[name] for name in members}, compression)


def write_zip(
    path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED
) -> Path:
    """Writes a zip file with these members."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path
