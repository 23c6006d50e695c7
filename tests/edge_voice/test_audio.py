"""Files, bytes and arrays of every kind become float32 mono blocks, or one clear error."""

from __future__ import annotations

import io
import logging
import os
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edge_voice import audio
from edge_voice.errors import AudioError

RATE = 16_000


def tone(seconds: float, rate: int = RATE, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype("f4")


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, round(seconds * RATE)).astype("f4")


def encode(samples: np.ndarray, rate: int = RATE, kind: str = "WAV", subtype: str = "") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype or None)
    return file.getvalue()


def wav_header(rate: int = RATE, channels: int = 1, data: bytes = bytes(200)) -> bytes:
    fields = (1, channels, rate, (rate * channels * 2) % 2**32, channels * 2 % 2**16, 16)
    head = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt "
    return head + struct.pack("<IHHIIHH", 16, *fields) + b"data" + struct.pack("<I", 200) + data


def flac_length(file: bytes, frames: int) -> bytes:
    """Rewrites the 36-bit sample count in a FLAC header; 0 means unknown."""
    field = int.from_bytes(file[18:26], "big") >> 36 << 36 | frames
    return file[:18] + field.to_bytes(8, "big") + file[26:]


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    n = min(len(a), len(b))
    return float(np.corrcoef(a[:n], b[:n])[0, 1])


@pytest.mark.parametrize(
    ("kind", "subtype", "tolerance"),
    [
        ("WAV", "PCM_U8", 1e-2),
        ("WAV", "PCM_16", 1e-4),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "PCM_32", 1e-7),
        ("WAV", "FLOAT", 0),
        ("WAV", "DOUBLE", 0),
        ("WAV", "ULAW", 2e-2),
        ("RF64", "PCM_16", 1e-4),
        ("AIFF", "PCM_16", 1e-4),
        ("FLAC", "PCM_16", 1e-4),
    ],
)
def test_lossless_files_at_the_target_rate(kind: str, subtype: str, tolerance: float) -> None:
    expected = tone(2.3)
    found = audio.read(encode(expected, RATE, kind, subtype))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("kind", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]
)
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_lossy_files(kind: str, subtype: str, rate: int) -> None:
    found = audio.read(encode(tone(2.3, rate), rate, kind, subtype))
    assert len(found) == pytest.approx(2.3 * RATE, abs=RATE * 0.01)
    assert correlation(found, tone(2.3)) > 0.99


@pytest.mark.parametrize("rate", [2_000, 8_000, 11_025, 44_100, 192_000, 768_000])
def test_any_rate(rate: int) -> None:
    found = audio.read(encode(tone(1.5, rate, 220), rate))
    assert abs(len(found) - 1.5 * RATE) <= 1
    assert correlation(found, tone(1.5, hertz=220)) > 0.999
    assert len(audio.read(found, source_rate=RATE, sample_rate=rate)) == len(found) * rate // RATE


@pytest.mark.parametrize("channels", [2, 6])
def test_channels_are_averaged(channels: int) -> None:
    levels = np.linspace(0, 1, channels, dtype=np.float32)
    samples = tone(0.5)[:, None] * levels
    np.testing.assert_allclose(
        audio.read(encode(samples, subtype="FLOAT")), tone(0.5) * levels.mean(), atol=1e-6
    )


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("int16", -(2**15), 2**15 - 1), ("int32", -(2**31), 2**31 - 1), ("uint8", 0, 255)],
)
def test_integer_arrays_are_scaled(dtype: str, low: int, high: int) -> None:
    found = audio.read(np.array([low, (low + high + 1) // 2, high], dtype=dtype))
    np.testing.assert_allclose(found, [-1, 0, 1], atol=1e-2)


def test_float_arrays_are_not_copied() -> None:
    samples = tone(2.5)
    blocks = list(audio.open_stream(samples))
    assert [len(block) for block in blocks] == [16_000, 16_000, 8_000]
    assert all(np.shares_memory(block, samples) for block in blocks)


def test_blocks_are_bounded_and_join_to_the_whole() -> None:
    file = encode(tone(3.2, 44_100), 44_100)
    stream = audio.open_stream(file)
    blocks = list(stream)
    assert (stream.seconds, stream.sample_rate) == (pytest.approx(3.2), RATE)
    assert all(1 <= len(block) <= RATE for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), audio.read(file))


def test_mp3_does_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    file = encode(noise(5), kind="MP3")
    whole = audio.read(file)
    monkeypatch.setattr(audio, "_BLOCK_SAMPLES", 1000)
    np.testing.assert_array_equal(audio.read(file), whole)


@pytest.mark.parametrize("samples", [tone(0.01), tone(0.01).reshape(-1, 1), encode(tone(0.01))])
def test_a_hundredth_of_a_second(samples: Any) -> None:
    assert len(audio.read(samples)) == 160


@pytest.mark.parametrize(
    "empty",
    [
        np.zeros(0, np.float32),
        np.zeros((0, 2), np.float32),
        b"",
        encode(np.zeros(0)),
        encode(np.zeros(0), kind="OGG"),
        encode(np.zeros(3), 768_000),
    ],
    ids=["array", "stereo array", "no bytes", "wav", "ogg", "less than one sample"],
)
def test_nothing_in_it(empty: Any) -> None:
    with pytest.raises(AudioError, match="no audio in it"):
        audio.read(empty)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, 1e300])
@pytest.mark.parametrize("as_file", [False, True])
def test_not_finite(value: float, as_file: bool) -> None:
    samples = tone(2.5).astype(np.float64)
    samples[-1] = value
    source: Any = encode(samples, subtype="DOUBLE") if as_file else samples
    with pytest.raises(AudioError, match=r"near 2\.0 s is not a finite number"):
        audio.read(source)


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (np.zeros((2, 1000), np.float32), r"\(2, 1000\): 1000 channels"),
        (np.zeros((1, 2, 3), np.float32), r"\(1, 2, 3\).*allowed: \(n,\)"),
        (np.float32(1) * np.ones(()), "allowed"),
        (np.zeros(9, np.int64), "int64 samples .allowed: float16"),
        (np.zeros(9, np.complex64), "complex64"),
        (np.array(["a"]), "<U1"),
    ],
)
def test_arrays_that_are_refused(samples: np.ndarray, says: str) -> None:
    with pytest.raises(AudioError, match=says):
        audio.open_stream(samples)


@pytest.mark.parametrize("rate", [-1, 1, 1_999, 768_001])
def test_rates_out_of_range(rate: int) -> None:
    with pytest.raises(AudioError, match=r"allowed: 2000 to 768000"):
        audio.open_stream(tone(0.1), source_rate=rate)


@pytest.mark.parametrize(
    "header",
    [
        wav_header(rate=0),
        wav_header(rate=2**31 - 1),
        wav_header(channels=0),
        wav_header(channels=1000),
        wav_header(channels=65535),
        wav_header()[:30],
        encode(tone(1), kind="FLAC")[:20],
        encode(tone(1), kind="MP3")[:100],
        b"RIFF\x04\0\0\0WAVE",
    ],
)
def test_absurd_and_broken_headers(header: bytes) -> None:
    with pytest.raises(AudioError, match=r"^bytes: .*(allowed|decoded)") as caught:
        audio.open_stream(header)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["WAV", "OGG", "MP3"])
def test_file_cut_short_gives_what_is_there(kind: str) -> None:
    file = encode(noise(8), kind=kind)
    assert 3 * RATE < len(audio.read(file[: len(file) // 2])) < 5 * RATE


def test_cut_and_joined_files_are_told(caplog: pytest.LogCaptureFixture) -> None:
    file = encode(noise(20), kind="MP3")
    with caplog.at_level(logging.WARNING, logger="edge_voice"):
        audio.read(file)
        assert not caplog.messages
        audio.read(file[: len(file) // 2])
        audio.read(file + file)
    assert "cut short? it has 9." in caplog.messages[0]
    assert "were not decoded" in caplog.messages[1]


def test_damaged_file_gives_its_good_part_then_an_error() -> None:
    file = encode(noise(4), kind="FLAC")
    blocks = iter(audio.open_stream(file[: len(file) // 2]))
    assert len(next(blocks)) == RATE
    with pytest.raises(AudioError, match=r"bytes: damaged after 1\.0 s: .*lost sync$"):
        list(blocks)


def test_flac_of_unknown_length() -> None:
    stream = audio.open_stream(flac_length(encode(tone(1.5), kind="FLAC"), 0))
    assert stream.seconds is None
    assert sum(map(len, stream)) == 1.5 * RATE


def test_too_long_by_its_header_is_refused_before_decoding() -> None:
    file = flac_length(encode(tone(0.5), kind="FLAC"), 2**36 - 1)
    with pytest.raises(AudioError, match="longer than 86400 s"):
        audio.open_stream(file)


def test_too_long_in_spite_of_its_header_is_refused_when_crossing() -> None:
    file = flac_length(encode(tone(5), kind="FLAC"), 0)
    blocks = iter(audio.open_stream(file, max_seconds=2.5))
    assert [len(next(blocks)), len(next(blocks))] == [RATE, RATE]
    with pytest.raises(AudioError, match=r"bytes: longer than 2.5 s"):
        next(blocks)
    assert len(audio.read(tone(2.5), max_seconds=2.5)) == 2.5 * RATE


def test_file_that_expands_hundreds_of_times_stays_small_in_memory() -> None:
    file = encode(np.zeros(900 * RATE, np.int16), kind="FLAC")
    assert 900 * RATE * 4 / len(file) > 600
    tracemalloc.start()
    try:
        samples = sum(map(len, audio.open_stream(file)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert samples == 900 * RATE
    assert peak < 2e6


def test_many_channels_at_a_high_rate_stay_small_in_memory() -> None:
    file = encode(np.zeros((100_000, 64), np.int16), 768_000)
    sizes = [len(block) for block in audio.open_stream(file, sample_rate=768_000)]
    assert max(sizes) * 64 <= 1 << 20


def test_path_is_closed_at_the_end_and_on_close(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(encode(tone(2.0)))
    before = os.listdir("/proc/self/fd")
    assert len(list(audio.open_stream(path))) == 2
    with audio.open_stream(path) as unread:
        assert len(os.listdir("/proc/self/fd")) == len(before) + 1
    unread.close()
    assert len(os.listdir("/proc/self/fd")) == len(before)


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("size", [1, 77, 5_000])
def test_what_arrives_in_chunks_is_what_is_there_at_once(rate: int, size: int) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 3_000).astype(np.float32)
    chunks = [samples[start : start + size] for start in range(0, len(samples), size)]
    found = np.concatenate(list(audio.arriving(chunks, source_rate=rate)))
    np.testing.assert_array_equal(found, audio.read(samples, source_rate=rate))


def test_what_arrives_is_passed_on_at_once_and_without_end() -> None:
    asked = iter(range(1_000_000))

    def endless() -> Iterator[np.ndarray]:
        for _ in asked:
            yield np.zeros((100, 2), np.int16)
            yield np.zeros(0, np.int16)

    blocks = audio.arriving(endless(), source_rate=16_000)
    assert [len(next(blocks)) for _ in range(3)] == [100] * 3
    assert next(asked) <= 3


def test_import_is_cheap_and_the_plain_case_needs_no_resampler() -> None:
    code = (
        "import sys, numpy, edge_voice.audio as a; early = 'soundfile' in sys.modules\n"
        "a.read(numpy.zeros(9, 'f4')); print(early, 'soundfile' in sys.modules)\n"
        "a.read(sys.stdin.buffer); print('soundfile' in sys.modules, 'soxr' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=encode(tone(0.1)), capture_output=True, check=True
    )
    assert done.stdout.split() == [b"False", b"False", b"True", b"False"]
