"""Weights that are quantized part by part, and where their bytes end up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_voice_export import weights
from edge_voice_export.quantize import (
    INT4_BLOCK32,
    INT8_BLOCK32,
    INT8_BLOCK128,
    pack_codes,
    quantize_blocks,
    quantize_channels,
)
from edge_voice_export.report import Layer, Report
from edge_voice_export.storage import WeightStore
from edge_voice_export.weights import DataFile, StackedMatrix

from .matrices import ArrayMatrix, normal

PAGE = 4096


class Storage:
    """A store, its report, and what it wrote."""

    def __init__(self, path: Path) -> None:
        self.report = Report("some", "test")
        self.data = DataFile(path)
        self.store = WeightStore(self.data, self.report)

    def finish(self) -> bytes:
        self.data.close()
        return self.data.path.read_bytes()


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = Storage(tmp_path / "x.data")
    yield storage
    if not storage.data._file.closed:
        storage.finish()


@pytest.mark.parametrize(("count", "inline"), [(256, True), (257, False)])
def test_small_tensors_stay_in_the_graph(storage, count, inline):
    values = normal(count)
    tensor = storage.store.vector("bias", values)
    assert len(storage.finish()) == (0 if inline else 4 * count)
    np.testing.assert_array_equal(tensor.numpy(), values)
    assert storage.report.layers == [Layer("bias", "float32", count, 4 * count, 0.0)]


def test_vectors_become_contiguous_float32(storage):
    values = normal(30, 20).astype(np.float64).T
    tensor = storage.store.vector("table", values)
    storage.finish()
    assert tensor.numpy().dtype == np.float32
    np.testing.assert_array_equal(tensor.numpy(), values.astype(np.float32))


def test_float_matrices_are_stored_as_their_kernels_want_them(storage):
    matrix = ArrayMatrix(normal(30, 20))
    transposed = storage.store.transposed("linear", matrix)
    table = storage.store.table("words", matrix)
    assert storage.store.table("again", matrix) is table
    content = storage.finish()
    np.testing.assert_array_equal(transposed.numpy(), matrix.values.T)
    np.testing.assert_array_equal(table.numpy(), matrix.values)
    assert len(content) == PAGE + 4 * 600  # twice 2,400 bytes, the second on a page of its own
    assert [layer.name for layer in storage.report.layers] == ["linear", "words"]


def test_channels_are_transposed_codes_with_scales_and_zero_points(storage):
    matrix = ArrayMatrix(normal(30, 50))
    codes, scales, zero_points = storage.store.channels("linear", matrix)
    storage.finish()
    expected, expected_scales = quantize_channels(matrix.values)
    np.testing.assert_array_equal(codes.numpy(), expected.T)
    np.testing.assert_array_equal(scales.numpy(), expected_scales)
    assert zero_points.numpy().dtype == np.int8
    assert zero_points.numpy().tolist() == [0] * 30
    (layer,) = storage.report.layers
    assert (layer.scheme, layer.parameters, layer.bytes) == ("int8", 1500, 1500 + 30 * 4 + 30)


@pytest.mark.parametrize("width", [64, 80])
@pytest.mark.parametrize("scheme", [INT4_BLOCK32, INT8_BLOCK32], ids=lambda scheme: scheme.name)
def test_blocks_have_two_shapes_over_the_same_bytes(storage, scheme, width):
    matrix = ArrayMatrix(normal(40, width))
    blocks = storage.store.blocks("words", matrix, scheme)
    wide = storage.store.codes("words.weight", blocks, flat=False)
    flat = storage.store.codes("words.rows", blocks, flat=True)
    content = storage.finish()
    codes, scales = quantize_blocks(matrix.values, scheme)
    packed = pack_codes(codes, scheme.bits)
    np.testing.assert_array_equal(wide.numpy(), packed)
    np.testing.assert_array_equal(flat.numpy(), packed.reshape(40, -1))
    np.testing.assert_array_equal(blocks.scales.numpy(), scales)
    (layer,) = storage.report.layers
    assert layer.bytes == packed.nbytes + scales.nbytes
    assert layer.parameters == 40 * width
    assert len(content) <= layer.bytes + PAGE


def test_a_second_user_of_a_matrix_adds_nothing(storage):
    matrix = ArrayMatrix(normal(40, 64))
    first = storage.store.blocks("words", matrix, INT8_BLOCK32)
    assert storage.store.blocks("head", matrix, INT8_BLOCK32) is first
    assert len(matrix.reads) == 1
    assert storage.store.blocks("other", matrix, INT8_BLOCK128) is not first
    assert [layer.name for layer in storage.report.layers] == ["words", "other"]


def write_everything(path: Path) -> tuple[bytes, list[Layer]]:
    """Every way of storing a matrix, and a stacked one."""
    storage = Storage(path)
    parts = tuple(ArrayMatrix(normal(count, 96, seed=count)) for count in (10, 25, 7))
    matrix = StackedMatrix(parts)
    storage.store.transposed("transposed", matrix)
    storage.store.table("table", matrix)
    storage.store.channels("channels", matrix)
    storage.store.blocks("4", matrix, INT4_BLOCK32)
    storage.store.blocks("8", matrix, INT8_BLOCK128)
    return storage.finish(), storage.report.layers


@pytest.mark.parametrize("rows", [1, 4, 10, 41])
def test_any_size_of_chunks_gives_the_same_bytes_and_report(tmp_path, monkeypatch, rows):
    whole, layers = write_everything(tmp_path / "whole.data")
    monkeypatch.setattr(weights, "_CHUNK_BYTES", rows * 96 * 4)
    parts, part_layers = write_everything(tmp_path / "parts.data")
    assert parts == whole
    for one, other in zip(layers, part_layers, strict=True):
        assert (one.name, one.bytes, one.scheme) == (other.name, other.bytes, other.scheme)
        assert one.relative_error == pytest.approx(other.relative_error, rel=1e-5)
    assert sum(layer.relative_error > 0 for layer in layers) == 3
