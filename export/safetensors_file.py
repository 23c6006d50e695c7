"""The table of contents of a safetensors file.

A file is an 8-byte little-endian header length, a JSON header that gives each tensor's dtype,
shape and byte range, then the tensors' bytes. It is parsed here and not by the safetensors package
because that package maps the file into memory (its pages would count against the export's memory)
and hands out whole tensors in their stored dtype, twice the memory of widening block by block.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from edge_voice.errors import UnsupportedModel

from .json_object import parse_object
from .tensor import LazyTensor, WeightFile, checked_shape, item_bytes

_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 16 << 20
# How the text begins that git leaves in place of a large file; as a length it would be absurd.
_LFS_POINTER = b"version "
_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}


def read_contents(file: WeightFile) -> dict[str, LazyTensor]:
    """Reads the header; no tensor's values.

    Returns:
        Each tensor by its name, in the order in which they lie in the file.

    Raises:
        UnsupportedModel: the file is truncated, or its header is not one that describes it.
    """
    header, data_start = _read_header(file)
    tensors = [
        (name, _tensor(file, name, entry, data_start))
        for name, entry in header.items()
        if name != "__metadata__"
    ]
    tensors.sort(key=lambda item: (item[1].offset, _tensor_bytes(item[1])))
    _check_layout(file, data_start, tensors)
    return dict(tensors)


def _read_header(file: WeightFile) -> tuple[dict[str, Any], int]:
    """The parsed header, and the byte where the tensors begin."""
    if file.size < _LENGTH_BYTES:
        raise UnsupportedModel(f"{file.path} is not a safetensors file: {file.size} bytes long")
    start = file.read_bytes(0, _LENGTH_BYTES)
    if start == _LFS_POINTER:
        raise UnsupportedModel(
            f"{file.path} is a Git LFS pointer of {file.size} bytes, not the weights: fetch them"
            " with `git lfs pull`"
        )
    length = int.from_bytes(start, "little")
    available = min(file.size - _LENGTH_BYTES, _MAX_HEADER_BYTES)
    if length > available:
        raise UnsupportedModel(
            f"{file.path} is not a whole safetensors file: its header claims {length} bytes "
            f"(at most {available} possible)"
        )
    data = file.read_bytes(_LENGTH_BYTES, length)
    return parse_object(data, f"the header of {file.path}"), _LENGTH_BYTES + length


def _tensor(file: WeightFile, name: str, entry: object, data_start: int) -> LazyTensor:
    source = f"{file.path}: tensor {name!r}"
    if not isinstance(entry, dict):
        raise UnsupportedModel(f"{source} is not described by a JSON object")
    dtype = _DTYPES.get(str(entry.get("dtype")))
    if dtype is None:
        raise UnsupportedModel(
            f"{source} has dtype {entry.get('dtype')!r} (known: {', '.join(_DTYPES)})"
        )
    shape = checked_shape(entry.get("shape"), source)
    begin, end = _byte_range(entry.get("data_offsets"), source)
    expected = math.prod(shape) * item_bytes(dtype)
    if end - begin != expected:
        raise UnsupportedModel(
            f"{source} has {end - begin} bytes (its shape and dtype make {expected})"
        )
    return LazyTensor(file, dtype, shape, data_start + begin)


def _byte_range(value: object, source: str) -> tuple[int, int]:
    offsets = checked_shape(value, source) if isinstance(value, list) else ()
    if len(offsets) != 2:
        raise UnsupportedModel(f"{source} has no pair of data_offsets")
    return offsets[0], offsets[1]


def _check_layout(
    file: WeightFile, data_start: int, tensors: Iterable[tuple[str, LazyTensor]]
) -> None:
    """The format wants tensors to fill the file without gaps, so overlaps and cuts show here."""
    expected = data_start
    for name, tensor in tensors:
        if tensor.offset != expected:
            raise UnsupportedModel(
                f"{file.path}: tensor {name!r} begins at byte {tensor.offset} "
                f"(the one before it ends at {expected})"
            )
        expected += _tensor_bytes(tensor)
    if expected != file.size:
        raise UnsupportedModel(
            f"{file.path} has {file.size} bytes (its header describes {expected}): "
            "truncated or overwritten"
        )


def _tensor_bytes(tensor: LazyTensor) -> int:
    return math.prod(tensor.shape) * item_bytes(tensor.dtype)
