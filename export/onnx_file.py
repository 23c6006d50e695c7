"""ONNX files opened without their weights: these stay on the disk until one is asked for.

The usual reader takes a whole file into memory, twice while it parses. This one copies the file
without its large tensors and lets each refer to the place in the original where its bytes lie. The
wire format is that of protocol buffers, the field numbers those of onnx.proto (ONNX 1.20).
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import onnx_ir as ir

from edge_voice.errors import UnsupportedModel

# Smaller tensors are read with the graph.
_SMALL_BYTES = 1024
_GRAPH, _INITIALIZER, _RAW_DATA = 7, 5, 9
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}


def open_graph(path: Path) -> ir.Model:
    """Reads a graph.

    Returns:
        The model; large weights are `ir.ExternalTensor`s, whether they lie in `path` itself or in
        data files beside it.

    Raises:
        UnsupportedModel: No ONNX graph, cut short, or a data file is missing or cut short.
    """
    try:
        with tempfile.NamedTemporaryFile(suffix=".onnx") as slim:
            slim.write(_slim(path))
            slim.flush()
            model = ir.load(slim.name)
    except UnsupportedModel:
        raise
    except Exception as error:  # what protobuf and onnx_ir raise has no common class
        raise UnsupportedModel(f"{path}: not an ONNX graph: {_first_line(error)}") from None
    if not model.graph.outputs:
        raise UnsupportedModel(f"{path}: not an ONNX graph: it has no outputs")
    for graph in (model.graph, *model.graph.subgraphs()):
        for value in graph.initializers.values():
            if isinstance(value.const_value, ir.ExternalTensor):
                value.const_value = _located(value.const_value, path)
    return model


def _located(tensor: ir.ExternalTensor, path: Path) -> ir.ExternalTensor:
    """The tensor tied to its file, which must be beside the graph and long enough.

    Folders of the hub's cache hold links to the files, so that a link is followed.
    """
    name = str(tensor.location)
    if Path(name).name != name:
        raise UnsupportedModel(f"{path} keeps weights in {name!r} (allowed: a file beside it)")
    file = path.parent / name
    if not file.is_file():
        raise UnsupportedModel(f"no {name} in {path.parent}, where {path.name} keeps its weights")
    needed = (tensor.offset or 0) + tensor.nbytes
    if file.stat().st_size < needed:
        raise UnsupportedModel(
            f"{file} has {file.stat().st_size} bytes, {path.name} needs {needed}: it is cut short"
        )
    real = file.resolve()
    return ir.ExternalTensor(
        real.name,
        tensor.offset,
        tensor.nbytes,
        tensor.dtype,
        shape=ir.Shape(tensor.shape.numpy()),
        name=str(tensor.name),
        base_dir=real.parent,
    )


class _Field(NamedTuple):
    """A field of a message: its number, where it begins, and where its content lies."""

    number: int
    wire: int
    start: int
    content: int
    stop: int


def _slim(path: Path) -> bytes:
    """The file without the bytes of its large tensors."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise UnsupportedModel(f"{path}: not an ONNX graph: it is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            parts = []
            for field in _fields(data, 0, len(data), path):
                if field.number == _GRAPH and field.wire == _BYTES:
                    parts.append(_message(_GRAPH, _slim_graph(data, field, path)))
                else:
                    parts.append(data[field.start : field.stop])
            return b"".join(parts)


def _slim_graph(data: mmap.mmap, graph: _Field, path: Path) -> bytes:
    parts = []
    for field in _fields(data, graph.content, graph.stop, path):
        large = field.stop - field.content > _SMALL_BYTES
        if field.number == _INITIALIZER and field.wire == _BYTES and large:
            parts.append(_message(_INITIALIZER, _slim_tensor(data, field, path)))
        else:
            parts.append(data[field.start : field.stop])
    return b"".join(parts)


def _slim_tensor(data: mmap.mmap, tensor: _Field, path: Path) -> bytes:
    """A tensor whose raw data is replaced by where it lies; others as they are."""
    parts = []
    for field in _fields(data, tensor.content, tensor.stop, path):
        if field.number != _RAW_DATA:
            parts.append(data[field.start : field.stop])
            continue
        place = {
            "location": path.name,
            "offset": str(field.content),
            "length": str(field.stop - field.content),
        }
        for key, value in place.items():  # external_data, a list of keys and values
            parts.append(_message(13, _message(1, key.encode()) + _message(2, value.encode())))
        parts.append(_varint(14 << 3 | _VARINT) + _varint(1))  # data_location: external
    return b"".join(parts)


def _fields(data: mmap.mmap, start: int, stop: int, path: Path) -> Iterator[_Field]:
    at = start
    while at < stop:
        begin = at
        key, at = _read_varint(data, at, stop, path)
        wire = key & 7
        if wire == _BYTES:
            size, at = _read_varint(data, at, stop, path)
        elif wire == _VARINT:
            size = _read_varint(data, at, stop, path)[1] - at
        elif wire in _FIXED_SIZES:
            size = _FIXED_SIZES[wire]
        else:
            raise UnsupportedModel(f"{path}: not an ONNX graph: wire type {wire} at byte {begin}")
        if at + size > stop:
            raise UnsupportedModel(f"{path}: not an ONNX graph, or cut short at byte {stop}")
        yield _Field(key >> 3, wire, begin, at, at + size)
        at += size


def _read_varint(data: mmap.mmap, at: int, stop: int, path: Path) -> tuple[int, int]:
    value = shift = 0
    while at < stop and shift < 64:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise UnsupportedModel(f"{path}: not an ONNX graph, or cut short at byte {at}")


def _varint(value: int) -> bytes:
    groups = []
    while True:
        groups.append(value & 127 | (128 if value > 127 else 0))
        value >>= 7
        if not value:
            return bytes(groups)


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
