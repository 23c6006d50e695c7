"""Samples from a pipe as they arrive: raw PCM, or WAV whose length nobody knows yet."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edge_voice.errors import AudioError

# Read at once, and so the delay.
_BLOCK_SECONDS = 0.032
_HEAD_BYTES = 4
# Format tag and bits of WAV → numpy's name.
_TYPES = {(1, 8): "u1", (1, 16): "<i2", (1, 32): "<i4", (3, 32): "<f4", (3, 64): "<f8"}
_EXTENSIBLE = 0xFFFE
_LONGEST_CHUNK = 1 << 16
# Recorders that cannot know the length write 0, or something near the limit of their integers.
_UNKNOWN_BYTES = 0x7FFF_0000
# Raw PCM hardly begins with one of these.
_CONTAINERS = (b"OggS", b"fLaC", b"FORM", b"ID3", b"RIFX", b"RF64", b"\x1aE\xdf\xa3")


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """How bytes are samples.

    Attributes:
        sample_rate: Samples per second.
        channels: Samples of one moment.
        dtype: numpy's name of one sample.
    """

    sample_rate: int
    channels: int
    dtype: str = "<i2"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one moment."""
        return self.channels * np.dtype(self.dtype).itemsize


def open_pcm(
    file: BinaryIO, raw: PcmFormat, name: str
) -> tuple[PcmFormat, Iterator[NDArray[Any]]]:
    """Waits for the first bytes and reads a WAV header if there is one.

    Args:
        file: Its `read(n)` gives n bytes unless the file ends; not closed here.
        raw: What to take the bytes for if there is no header.
        name: Opens the messages.

    Returns:
        The format, and arrays of shape (n, channels) of 32 ms, the last one shorter.

    Raises:
        AudioError: Nothing, or a container or a kind of sample that is not read here.
    """
    head = file.read(_HEAD_BYTES)
    if not head:
        raise AudioError(f"{name}: no audio in it: 0 bytes")
    if head == b"RIFF":
        found, size = _wav_header(file, name)
        limit = size if 0 < size < _UNKNOWN_BYTES else None
        return found, _blocks(file, found, b"", limit)
    if head.startswith(_CONTAINERS):
        raise AudioError(f"{name}: begins with {head!r} (allowed: raw 16-bit PCM, wav)")
    return raw, _blocks(file, raw, head, None)


def _blocks(
    file: BinaryIO, pcm: PcmFormat, head: bytes, left: int | None
) -> Iterator[NDArray[Any]]:
    """All samples of the next `left` bytes; what a broken frame has at the end is dropped."""
    size = max(1, round(_BLOCK_SECONDS * pcm.sample_rate)) * pcm.frame_bytes
    while True:
        wanted = size if left is None else min(size, left)
        data = head + file.read(wanted - len(head))
        whole = data[: len(data) // pcm.frame_bytes * pcm.frame_bytes]
        native = np.dtype(pcm.dtype).newbyteorder("=")
        yield np.frombuffer(whole, pcm.dtype).astype(native).reshape(-1, pcm.channels)
        if len(data) < size:
            break
        left, head = None if left is None else left - len(data), b""


def _wav_header(file: BinaryIO, name: str) -> tuple[PcmFormat, int]:
    """Reads up to the first sample; returns the format and how many bytes are promised."""
    _exactly(file, 8, name)  # the size of everything, and WAVE
    found = None
    while True:
        kind, size = struct.unpack("<4sI", _exactly(file, 8, name))
        if kind == b"data" and found:
            return found, size
        if kind == b"data" or size > _LONGEST_CHUNK:
            raise AudioError(f"{name}: damaged: no format in the wav header")
        contents = _exactly(file, size + size % 2, name)
        if kind == b"fmt ":
            found = _wav_format(contents, name)


def _wav_format(contents: bytes, name: str) -> PcmFormat:
    if len(contents) < 16:
        raise AudioError(f"{name}: damaged: the format in the wav header is cut short")
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", contents[:16])
    if tag == _EXTENSIBLE and len(contents) >= 26:
        (tag,) = struct.unpack("<H", contents[24:26])
    if (tag, bits) not in _TYPES or not channels:
        raise AudioError(
            f"{name}: wav with format {tag}, {bits} bits, {channels} channels at {rate} Hz"
            " (allowed: 8, 16 or 32-bit integers, floats)"
        )
    return PcmFormat(rate, channels, _TYPES[tag, bits])


def _exactly(file: BinaryIO, size: int, name: str) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise AudioError(f"{name}: damaged: ends inside the wav header")
    return data
