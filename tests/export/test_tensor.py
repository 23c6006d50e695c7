"""Lazy tensors: their values, and what reading them costs."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_voice.errors import ChecksumMismatch, ModelNotFound
from edge_voice_export.tensor import LazyTensor, WeightFile

PADDING = b"xyz"
HALVES = np.array([[1.5, -2.0], [np.inf, 6.1e-5], [65504.0, -0.0]], "<f2")


@pytest.fixture
def open_data(tmp_path: Path) -> Iterator[Callable[[bytes], WeightFile]]:
    """Opens bytes as a weight file, behind a few bytes that do not belong to the tensor."""
    files: list[WeightFile] = []

    def open_bytes(data: bytes) -> WeightFile:
        path = tmp_path / f"{len(files)}.bin"
        path.write_bytes(PADDING + data)
        files.append(WeightFile(path))
        return files[-1]

    yield open_bytes
    for file in files:
        file.close()


@pytest.mark.parametrize(
    ("dtype", "stored", "expected"),
    [
        ("float32", np.array([1.25, -3e38], "<f4"), np.array([1.25, -3e38], np.float32)),
        ("float16", HALVES, HALVES.astype(np.float32)),
        ("float64", np.array([0.1, 1e30], "<f8"), np.array([0.1, 1e30], np.float32)),
        # 0x3F80 is 1, 0xC049 is -3.140625, 0x7F80 is infinity: the upper half of a float32.
        (
            "bfloat16",
            np.array([0x3F80, 0xC049, 0x7F80], "<u2"),
            np.array([1.0, -3.140625, np.inf], np.float32),
        ),
        ("int64", np.array([-(2**40), 7], "<i8"), np.array([-(2**40), 7], np.int64)),
        ("int32", np.array([[-5, 6]], "<i4"), np.array([[-5, 6]], np.int32)),
        ("int16", np.array([-5, 6], "<i2"), np.array([-5, 6], np.int16)),
        ("int8", np.array([-128, 127], "i1"), np.array([-128, 127], np.int8)),
        ("uint8", np.array([0, 255], "u1"), np.array([0, 255], np.uint8)),
        ("bool", np.array([0, 1, 2], "u1"), np.array([False, True, True])),
    ],
)
def test_read_gives_values_in_the_dtype_to_compute_with(open_data, dtype, stored, expected):
    tensor = LazyTensor(open_data(stored.tobytes()), dtype, stored.shape, len(PADDING))

    values = tensor.read()

    assert values.dtype == expected.dtype
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (0, 3)])
def test_scalars_and_empty_tensors(open_data, shape):
    tensor = LazyTensor(open_data(b"\x00\x3c"), "float16", shape, len(PADDING))

    np.testing.assert_array_equal(tensor.read(), np.ones(shape, np.float32))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_read_rows_reads_only_these(open_data, dtype):
    stored = np.arange(24, dtype=dtype).reshape(6, 2, 2)
    file = open_data(stored[2:5].tobytes())
    # As though rows 0 and 1 lay before the file's first byte: touching them would fail.
    offset = len(PADDING) - stored[:2].nbytes
    tensor = LazyTensor(file, dtype, stored.shape, offset)

    np.testing.assert_array_equal(tensor.read_rows(2, 5), stored[2:5].astype(np.float32))
    assert tensor.read_rows(3, 3).shape == (0, 2, 2)


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (2, 1), (0, 5), (5, 5)])
def test_rows_that_are_not_there(open_data, start, stop):
    tensor = LazyTensor(open_data(bytes(32)), "float32", (4, 2), len(PADDING))

    with pytest.raises(IndexError, match="of a tensor of shape"):
        tensor.read_rows(start, stop)


def test_a_scalar_has_no_rows(open_data):
    tensor = LazyTensor(open_data(bytes(4)), "float32", (), len(PADDING))

    with pytest.raises(IndexError):
        tensor.read_rows(0, 1)


def test_strided_tensors(open_data):
    stored = np.arange(12, dtype="<f2").reshape(3, 4)
    transposed = LazyTensor(open_data(stored.tobytes()), "float16", (4, 3), len(PADDING), (1, 4))

    np.testing.assert_array_equal(transposed.read(), stored.T)
    np.testing.assert_array_equal(transposed.read_rows(1, 3), stored.T[1:3])
    assert transposed.read_rows(2, 2).shape == (0, 3)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_reading_costs_the_result_and_one_block(open_data, dtype):
    rows, columns = 1 << 13, 1 << 10
    item = 4 if dtype == "float32" else 2
    tensor = LazyTensor(open_data(bytes(rows * columns * item)), dtype, (rows, columns), 3)

    tracemalloc.start()
    try:
        values = tensor.read()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # The block itself, and twice its size for bfloat16 on its way through uint32.
    assert peak < values.nbytes + (24 << 20)


def test_a_file_that_shrinks_while_it_is_read(open_data):
    file = open_data(bytes(64))
    tensor = LazyTensor(file, "float32", (16,), len(PADDING))
    file.path.write_bytes(bytes(40))

    with pytest.raises(ChecksumMismatch, match="changed while it was read"):
        tensor.read()


def test_files_that_are_not_there(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ModelNotFound, match="no weight file"):
            WeightFile(path)
