"""Samples from pipes: raw, and WAV as recorders write it when they do not know its length."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest

from edge_voice.errors import AudioError
from edge_voice.pcm import PcmFormat, open_pcm

RAW = PcmFormat(16_000, 1)
SAMPLES = np.arange(-700, 700, dtype="<i2")


def header(
    tag: int = 1, bits: int = 16, channels: int = 1, size: int = 2800, extra: bytes = b""
) -> bytes:
    frame = channels * bits // 8
    fmt = struct.pack("<HHIIHH", tag, channels, 8000, 8000 * frame, frame, bits) + extra
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt
    chunks += b"LIST" + struct.pack("<I", 3) + b"abc\0"  # odd sizes are padded
    return b"RIFF" + struct.pack("<I", 0) + b"WAVE" + chunks + b"data" + struct.pack("<I", size)


def samples(contents: bytes, raw: PcmFormat = RAW) -> tuple[PcmFormat, list[np.ndarray]]:
    found, blocks = open_pcm(io.BytesIO(contents), raw, "pipe")
    return found, list(blocks)


def test_raw_samples_come_in_blocks_of_32_ms() -> None:
    found, blocks = samples(SAMPLES.tobytes())
    assert found == RAW
    assert [block.shape for block in blocks] == [(512, 1), (512, 1), (376, 1)]
    np.testing.assert_array_equal(np.concatenate(blocks)[:, 0], SAMPLES)


def test_raw_channels() -> None:
    _, blocks = samples(SAMPLES.tobytes(), PcmFormat(44_100, 2))
    np.testing.assert_array_equal(np.concatenate(blocks), SAMPLES.reshape(-1, 2))


def test_what_is_left_of_a_sample_is_dropped() -> None:
    _, blocks = samples(SAMPLES.tobytes() + b"x")
    assert sum(map(len, blocks)) == len(SAMPLES)


@pytest.mark.parametrize("size", [0, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x7FFF_0000])
def test_wav_of_unknown_length_goes_on_to_the_end(size: int) -> None:
    found, blocks = samples(header(size=size) + SAMPLES.tobytes())
    assert found == PcmFormat(8000, 1)
    np.testing.assert_array_equal(np.concatenate(blocks)[:, 0], SAMPLES)


def test_wav_of_known_length_ends_there() -> None:
    _, blocks = samples(header(size=2000) + SAMPLES.tobytes())
    np.testing.assert_array_equal(np.concatenate(blocks)[:, 0], SAMPLES[:1000])


@pytest.mark.parametrize(
    ("tag", "bits", "dtype"),
    [(1, 8, "u1"), (1, 16, "i2"), (1, 32, "i4"), (3, 32, "f4"), (3, 64, "f8")],
)
def test_kinds_of_wav(tag: int, bits: int, dtype: str) -> None:
    values = np.arange(100).astype(dtype)
    _, blocks = samples(header(tag, bits, size=values.nbytes) + values.tobytes())
    joined = np.concatenate(blocks)[:, 0]
    assert joined.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(joined, values)


def test_extensible_wav() -> None:
    extra = struct.pack("<HHIH", 22, 16, 0, 1) + bytes(14)
    _, blocks = samples(header(0xFFFE, extra=extra) + SAMPLES.tobytes())
    np.testing.assert_array_equal(np.concatenate(blocks)[:, 0], SAMPLES)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "pipe: no audio in it: 0 bytes"),
        (b"OggS" + bytes(99), r"begins with b'OggS' \(allowed: raw 16-bit PCM, wav\)"),
        (b"ID3\4" + bytes(99), "begins with b'ID3"),
        (header()[:30], "ends inside the wav header"),
        (header(bits=24), r"format 1, 24 bits, 1 channels at 8000 Hz \(allowed: 8, 16 or 32"),
        (header(tag=85), "format 85"),
        (header(channels=0), "0 channels"),
        (header()[:12] + b"data" + bytes(99), "no format in the wav header"),
        (header()[:12] + b"junk" + b"\xff" * 99, "no format in the wav header"),
        (header()[:12] + b"fmt " + struct.pack("<I", 4) + bytes(99), "is cut short"),
    ],
)
def test_bad_input(contents: bytes, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        samples(contents)
