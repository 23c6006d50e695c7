"""Reading matrices by rows, and the file that takes what becomes of them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.synthetic_whisper import SyntheticCheckpoint
from benchmarks.whisper_sizes import WhisperSize
from edge_voice_export import weights
from edge_voice_export.weights import CheckpointMatrix, DataFile, StackedMatrix, row_chunks

from .matrices import ArrayMatrix, normal

SIZE = WhisperSize(1, 8, 2, mels=4, vocab=1700, audio_ctx=6, text_ctx=5)


@pytest.mark.parametrize(
    ("chunk_bytes", "lengths"),
    [(1, [1] * 10), (4 * 6 * 3, [3, 3, 3, 1]), (4 * 6 * 10, [10]), (1 << 30, [10])],
)
def test_chunks_cover_a_matrix_in_order(monkeypatch, chunk_bytes, lengths):
    monkeypatch.setattr(weights, "_CHUNK_BYTES", chunk_bytes)
    matrix = ArrayMatrix(normal(10, 6))
    chunks = list(row_chunks(matrix))
    assert [len(rows) for _, rows in chunks] == lengths
    assert [start for start, _ in chunks] == [start for start, _ in matrix.reads]
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in chunks]), matrix.values)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 100])
def test_stacked_matrices_read_as_one(step):
    parts = [ArrayMatrix(normal(count, 4, seed=count)) for count in (3, 1, 5)]
    whole = np.concatenate([part.values for part in parts])
    stacked = StackedMatrix(tuple(parts))
    assert stacked.shape == whole.shape
    for start in range(0, len(whole), step):
        stop = min(start + step, len(whole))
        np.testing.assert_array_equal(stacked.rows(start, stop), whole[start:stop])


def test_stacked_matrices_read_nothing_that_is_not_asked_for():
    parts = [ArrayMatrix(normal(4, 2, seed=i)) for i in range(3)]
    StackedMatrix(tuple(parts)).rows(4, 7)
    assert [part.reads for part in parts] == [[], [(0, 3)], []]


def test_checkpoint_matrix_folds_a_convolution(tmp_path):
    checkpoint = SyntheticCheckpoint(SIZE, tmp_path, dtype="float32")
    kernel = CheckpointMatrix(checkpoint, "model.encoder.conv1.weight")
    assert kernel.shape == (8, 4 * 3)
    expected = checkpoint.read("model.encoder.conv1.weight").reshape(8, 12)
    np.testing.assert_array_equal(kernel.rows(2, 5), expected[2:5])


def test_the_same_matrix_twice_is_two_keys(tmp_path):
    """Sharing is a decision of the graph, made by using one object twice."""
    checkpoint = SyntheticCheckpoint(SIZE, tmp_path, dtype="float32")
    name = "model.decoder.embed_tokens.weight"
    assert CheckpointMatrix(checkpoint, name) != CheckpointMatrix(checkpoint, name)


def test_tensors_start_at_pages_and_keep_their_bytes(tmp_path):
    arrays = [
        np.arange(5, dtype=np.float32),
        np.arange(6000, dtype=np.uint8),
        np.arange(12, dtype=np.int8).reshape(3, 4).T,  # not contiguous
    ]
    with DataFile(tmp_path / "x.data") as data:
        offsets = [data.write(iter([array])) for array in arrays]
    content = (tmp_path / "x.data").read_bytes()
    assert offsets == [0, 4096, 12288]
    for offset, array in zip(offsets, arrays, strict=True):
        stored = np.frombuffer(content, array.dtype, array.size, offset)
        np.testing.assert_array_equal(stored.reshape(array.shape), array)
    assert len(content) == 12288 + 12


def test_parts_of_one_tensor_follow_without_gaps(tmp_path):
    whole = normal(100, 30)
    with DataFile(tmp_path / "x.data") as data:
        data.write(iter([np.zeros(1, np.uint8)]))
        offset = data.write(part for part in np.split(whole, [1, 40, 77]))
    stored = np.frombuffer((tmp_path / "x.data").read_bytes(), np.float32, offset=offset)
    np.testing.assert_array_equal(stored.reshape(whole.shape), whole)


def test_the_file_is_on_the_disk_before_anyone_renames_it(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    with DataFile(tmp_path / "x.data") as data:
        data.write(iter([np.zeros(300, np.uint8)]))
        assert not synced
    assert synced == [300]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("count", [10, 10_000_000])
def test_a_full_disk_is_an_error_even_if_it_shows_only_at_the_end(count):
    def fill() -> None:
        with DataFile("/dev/full") as data:
            data.write(iter([np.zeros(count, np.uint8)]))

    with pytest.raises(OSError, match="No space left") as caught:
        fill()
    assert caught.value.errno == errno.ENOSPC


def test_what_is_abandoned_is_closed_and_not_waited_for(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)

    def interrupted() -> None:
        with DataFile(tmp_path / "x.data"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not synced
