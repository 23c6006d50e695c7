"""How the opcodes of a pickle spell their arguments."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO


def exactly(stream: BytesIO, count: int) -> bytes:
    """The next `count` bytes; ValueError if there are fewer."""
    data = stream.read(count)
    if len(data) < count:
        raise ValueError("it ends in the middle")
    return data


def unsigned(count: int) -> Callable[[BytesIO], int]:
    """Reads integers >= 0 of this many bytes."""
    return lambda stream: int.from_bytes(exactly(stream, count), "little")


def text(length_bytes: int) -> Callable[[BytesIO], str]:
    """Reads UTF-8 behind a length of this many bytes."""
    read_length = unsigned(length_bytes)
    return lambda stream: exactly(stream, read_length(stream)).decode()


def signed(stream: BytesIO) -> int:
    """Reads an integer of 4 bytes."""
    return int.from_bytes(exactly(stream, 4), "little", signed=True)


def long(stream: BytesIO) -> int:
    """Reads an integer behind the number of its bytes."""
    return int.from_bytes(exactly(stream, stream.read(1)[0]), "little", signed=True)


def double(stream: BytesIO) -> float:
    """Reads a big-endian float64."""
    value: float = struct.unpack(">d", exactly(stream, 8))[0]
    return value


def two_lines(stream: BytesIO) -> tuple[str, str]:
    """Reads a module and the name of something in it."""
    return _line(stream), _line(stream)


def _line(stream: BytesIO) -> str:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise ValueError("it ends in the middle")
    return line[:-1].decode()


def none(stream: BytesIO) -> None:
    """For opcodes without an argument."""
