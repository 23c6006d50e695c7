"""Random checkpoints: they must be as hard to export as real ones, and always the same."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.synthetic import stored_bytes, write_folder
from benchmarks.synthetic_whisper import SyntheticCheckpoint, main
from benchmarks.whisper_sizes import SIZES, WhisperSize, tensor_shapes
from edge_voice.errors import UnsupportedModel
from edge_voice_export.checkpoint import open_checkpoint

SIZE = WhisperSize(2, 64, 2, vocab=9000, audio_ctx=10, text_ctx=8)
EMBEDDING = "model.decoder.embed_tokens.weight"


@pytest.mark.parametrize(
    ("size", "millions"),
    [("tiny", 37.8), ("base", 72.6), ("small", 241.7), ("medium", 763.9), ("large-v3", 1543.5)],
)
def test_sizes_have_the_published_number_of_parameters(size, millions):
    count = sum(math.prod(shape) for shape in tensor_shapes(SIZES[size]).values())

    assert count / 1e6 == pytest.approx(millions, abs=0.05)


@pytest.mark.parametrize(
    ("size", "end_of_text"), [("tiny.en", 50256), ("tiny", 50257), ("large-v3", 50257)]
)
def test_special_tokens_begin_where_they_do_in_published_models(size, end_of_text):
    assert SIZES[size].end_of_text == end_of_text


def test_tensor_names_are_those_of_transformers():
    transformers = pytest.importorskip("transformers")
    checkpoint = SyntheticCheckpoint(SIZE, Path())
    model = transformers.WhisperModel(transformers.WhisperConfig(**checkpoint.config))

    expected = {f"model.{name}": tuple(value.shape) for name, value in model.state_dict().items()}
    assert tensor_shapes(SIZE) == expected


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_values_are_the_same_in_whatever_parts_they_are_read(dtype):
    checkpoint = SyntheticCheckpoint(SIZE, Path(), dtype=dtype)
    whole = checkpoint.read(EMBEDDING)

    assert whole.size > 1 << 18, "one run of random values would not show a mistake between runs"
    for start, stop in [(0, 9000), (0, 1), (8999, 9000), (4000, 4200), (4096, 8192), (7, 7)]:
        np.testing.assert_array_equal(
            checkpoint.read_rows(EMBEDDING, start, stop), whole[start:stop]
        )
    np.testing.assert_array_equal(
        SyntheticCheckpoint(SIZE, Path(), dtype=dtype).read(EMBEDDING), whole
    )


def test_no_two_tensors_nor_seeds_share_values():
    checkpoint = SyntheticCheckpoint(SIZE, Path())
    names = [name for name in checkpoint.names() if name.endswith("self_attn.q_proj.weight")]
    other = SyntheticCheckpoint(SIZE, Path(), seed=1).read(names[0])

    for one, two in itertools.combinations([other, *map(checkpoint.read, names)], 2):
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.1


def test_values_are_scaled_like_trained_weights():
    checkpoint = SyntheticCheckpoint(SIZES["tiny"], Path())

    assert checkpoint.read("model.encoder.layers.0.fc1.weight").std() == pytest.approx(0.03, 0.1)
    assert checkpoint.read(EMBEDDING).std() == pytest.approx(0.02, 0.1)
    assert checkpoint.read("model.decoder.layer_norm.weight").mean() == pytest.approx(8, 0.1)


def test_names_and_rows_that_are_not_there():
    checkpoint = SyntheticCheckpoint(SIZE, Path())

    with pytest.raises(UnsupportedModel, match=r"no tensor 'proj_out\.weight'"):
        checkpoint.read("proj_out.weight")
    with pytest.raises(IndexError):
        checkpoint.read_rows(EMBEDDING, 8999, 9001)


@pytest.mark.parametrize(("dtype", "bits"), [("float16", 0x3E00), ("bfloat16", 0x3FC0)])
def test_stored_bytes_are_little_endian(dtype, bits):
    assert stored_bytes(np.array([1.5], np.float32), dtype) == bits.to_bytes(2, "little")


def test_a_written_folder_holds_the_same_values(tmp_path):
    checkpoint = SyntheticCheckpoint(SIZE, tmp_path, dtype="bfloat16")
    write_folder(checkpoint, tmp_path, shard_bytes=400_000)

    with open_checkpoint(tmp_path) as written:
        assert len(written.weight_files) > 2
        assert written.config == checkpoint.config
        assert sorted(written.names()) == sorted(checkpoint.names())
        for name in checkpoint.names():
            np.testing.assert_array_equal(written.read(name), checkpoint.read(name))


def test_the_command_writes_a_checkpoint(tmp_path):
    arguments = ["--size", "tiny.en", "--layers", "1", "--shard-bytes", "50000000", str(tmp_path)]

    result = CliRunner().invoke(main, arguments, catch_exceptions=False)

    assert result.exit_code == 0
    assert json.loads((tmp_path / "config.json").read_text())["encoder_layers"] == 1
    with open_checkpoint(tmp_path) as written:
        assert written.dtype(EMBEDDING) == "float16"
        assert written.shape(EMBEDDING) == (51864, 384)
