"""Files written by `torch.save`: a zip of a pickle and one member for each storage.

The members are stored, not compressed, so a tensor's values are read straight from the file.
"""

from __future__ import annotations

import math
import struct
import zipfile
from dataclasses import dataclass

from edge_voice.errors import UnsupportedModel

from .tensor import LazyTensor, WeightFile, item_bytes, span_items
from .torch_pickle import MAX_PICKLE_BYTES, TensorView, read_pickle

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_LOCAL_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 0x1
_PICKLE_NAME = "data.pkl"


@dataclass(frozen=True)
class _Member:
    """Where a zip member's bytes lie in the file."""

    offset: int
    size: int


def read_torch_file(file: WeightFile) -> object:
    """Reads what was given to `torch.save`, leaving the tensors' values in the file.

    Returns:
        dicts, lists, tuples, strings, numbers and, for each tensor, a LazyTensor of `file`.

    Raises:
        UnsupportedModel: not such a file, damaged, or its pickle wants more than these.
    """
    members = _members(file)
    prefix = _prefix(file, members)
    _check_byte_order(file, members.get(f"{prefix}byteorder"))
    member = members[prefix + _PICKLE_NAME]
    if member.size > MAX_PICKLE_BYTES:
        raise UnsupportedModel(
            f"{file.path}: its pickle has {member.size} bytes (at most {MAX_PICKLE_BYTES} allowed)"
        )

    def make_tensor(view: TensorView) -> LazyTensor:
        return _lazy_tensor(file, view, members.get(f"{prefix}data/{view.storage.key}"))

    return read_pickle(file.read_bytes(member.offset, member.size), str(file.path), make_tensor)


def _members(file: WeightFile) -> dict[str, _Member]:
    """All members by name; no two may share one, or readers could disagree about the content."""
    try:
        with zipfile.ZipFile(file.stream) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, EOFError) as error:
        raise UnsupportedModel(
            f"{file.path} is not a zip file as torch 1.6 and later write it: {error}"
        ) from error
    members = {info.filename: _member(file, info) for info in infos}
    if len(members) != len(infos):
        raise UnsupportedModel(f"{file.path} has two zip members of the same name")
    return members


def _member(file: WeightFile, info: zipfile.ZipInfo) -> _Member:
    source = f"{file.path}: zip member {info.filename!r}"
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & _ENCRYPTED:
        raise UnsupportedModel(f"{source} is compressed or encrypted (torch only stores)")
    begin = info.header_offset + _LOCAL_HEADER.size
    if not 0 <= info.header_offset <= begin <= file.size:
        raise UnsupportedModel(f"{source} lies outside the file")
    header = file.read_bytes(info.header_offset, _LOCAL_HEADER.size)
    signature, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
    offset = begin + name_bytes + extra_bytes
    if signature != _LOCAL_SIGNATURE or offset + info.file_size > file.size:
        raise UnsupportedModel(f"{source} lies outside the file")
    return _Member(offset, info.file_size)


def _prefix(file: WeightFile, members: dict[str, _Member]) -> str:
    """The folder inside the zip that holds everything, with its slash."""
    pickles = [name for name in members if name.split("/")[1:] == [_PICKLE_NAME]]
    if len(pickles) != 1:
        raise UnsupportedModel(f"{file.path} is not a torch file: {len(pickles)} {_PICKLE_NAME}")
    return pickles[0].removesuffix(_PICKLE_NAME)


def _check_byte_order(file: WeightFile, member: _Member | None) -> None:
    """Files from before torch 2.1 do not say; they come from little-endian machines."""
    if member is None:
        return
    order = file.read_bytes(member.offset, min(member.size, 16))
    if order != b"little":
        raise UnsupportedModel(f"{file.path} has byte order {order!r} (allowed: b'little')")


def _lazy_tensor(file: WeightFile, view: TensorView, member: _Member | None) -> LazyTensor:
    source = f"{file.path}: a tensor of storage {view.storage.key!r}"
    if member is None:
        raise UnsupportedModel(f"{source} has no data in the file")
    stored = view.storage.element_count * item_bytes(view.storage.dtype)
    if member.size != stored:
        raise UnsupportedModel(f"{source} should have {stored} bytes, has {member.size}")
    count = math.prod(view.shape)
    # More elements than the storage has means a stride of 0: a tiny file could claim terabytes.
    if count and view.offset + max(count, span_items(view.shape, view.strides)) > (
        view.storage.element_count
    ):
        raise UnsupportedModel(f"{source} reaches beyond its storage")
    offset = member.offset + view.offset * item_bytes(view.storage.dtype)
    strides = None if _is_row_major(view) else view.strides
    return LazyTensor(file, view.storage.dtype, view.shape, offset, strides)


def _is_row_major(view: TensorView) -> bool:
    """Strides of axes of length 1 say nothing: torch writes any number there."""
    expected = 1
    for size, stride in zip(reversed(view.shape), reversed(view.strides), strict=True):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True
