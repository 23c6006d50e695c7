"""Opening checkpoints in every published layout, and refusing broken ones."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.synthetic_whisper import SyntheticCheckpoint
from benchmarks.whisper_sizes import WhisperSize
from edge_voice.errors import ModelError, ModelNotFound, UnsupportedModel
from edge_voice_export.checkpoint import open_checkpoint

from .checkpoints import openai_name, write_tiny_whisper
from .torch_files import TorchTensor, global_name, string, write_torch_file, write_zip

SMALL = {"layers": 1, "width": 8, "heads": 2, "mels": 4, "audio_ctx": 6, "text_ctx": 5}
SIZE = WhisperSize(1, 8, 2, mels=4, vocab=1700, audio_ctx=6, text_ctx=5)
EMBEDDING = "model.decoder.embed_tokens.weight"


def write(folder: Path, **options: Any) -> Path:
    return write_tiny_whisper(folder, vocab=SIZE.vocab, **SMALL, **options)


def refusal(source: Path, kind: type[ModelError]) -> str:
    with pytest.raises(kind) as caught:
        open_checkpoint(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("layout", ["huggingface", "sharded", "openai"])
def test_every_layout_and_dtype(tmp_path, layout, dtype):
    options = {"sharded": True} if layout == "sharded" else {"layout": layout}
    source = write(tmp_path / "model", dtype=dtype, **options)
    expected = SyntheticCheckpoint(SIZE, tmp_path, dtype=dtype)

    def name_of(name: str) -> str:
        return openai_name(name) if layout == "openai" else name

    with open_checkpoint(source) as checkpoint:
        assert sorted(checkpoint.names()) == sorted(map(name_of, expected.names()))
        assert checkpoint.layout == ("openai" if layout == "openai" else "huggingface")
        assert checkpoint.folder == tmp_path / "model"
        assert (len(checkpoint.weight_files) > 1) == (layout == "sharded")
        assert all(path.is_file() for path in checkpoint.weight_files)
        for name in expected.names():
            assert checkpoint.shape(name_of(name)) == expected.shape(name)
            assert checkpoint.dtype(name_of(name)) == dtype
            values = checkpoint.read(name_of(name))
            assert values.dtype == np.float32
            np.testing.assert_array_equal(values, expected.read(name))
        rows = checkpoint.read_rows(name_of(EMBEDDING), 40, 90)
        np.testing.assert_array_equal(rows, expected.read(EMBEDDING)[40:90])


def test_config_is_the_file_or_the_dims(tmp_path):
    with open_checkpoint(write(tmp_path / "a")) as checkpoint:
        assert checkpoint.config == json.loads((tmp_path / "a" / "config.json").read_text())
    with open_checkpoint(write(tmp_path / "b", layout="openai")) as checkpoint:
        assert checkpoint.config == {
            "n_mels": 4, "n_vocab": 1700,
            "n_audio_ctx": 6, "n_audio_state": 8, "n_audio_head": 2, "n_audio_layer": 1,
            "n_text_ctx": 5, "n_text_state": 8, "n_text_head": 2, "n_text_layer": 1,
        }  # fmt: skip


def test_a_weight_file_with_its_config_beside_it(tmp_path):
    folder = write(tmp_path)
    (folder / "model.safetensors").rename(folder / "other.safetensors")

    with open_checkpoint(folder / "other.safetensors") as checkpoint:
        assert checkpoint.weight_files == (folder / "other.safetensors",)
        assert EMBEDDING in checkpoint.names()


def test_an_index_of_a_variant(tmp_path):
    folder = write(tmp_path, sharded=True)
    index = folder / "model.safetensors.index.json"
    index.rename(folder / "model.safetensors.index.fp32.json")

    with open_checkpoint(folder) as checkpoint:
        assert EMBEDDING in checkpoint.names()


def test_a_closed_checkpoint_reads_nothing(tmp_path):
    with open_checkpoint(write(tmp_path)) as checkpoint:
        pass

    with pytest.raises(ValueError, match="closed"):
        checkpoint.read(EMBEDDING)


@pytest.mark.parametrize("ask", ["shape", "dtype", "read"])
def test_tensors_that_are_not_there(tmp_path, ask):
    with (
        open_checkpoint(write(tmp_path)) as checkpoint,
        pytest.raises(UnsupportedModel, match=r"no tensor 'proj_out\.weight' among the 5"),
    ):
        getattr(checkpoint, ask)("proj_out.weight")


@pytest.mark.parametrize("name", ["missing", "missing.pt", "missing.safetensors"])
def test_sources_that_are_not_there(tmp_path, name):
    assert str(tmp_path / name) in refusal(tmp_path / name, ModelNotFound)


def test_an_empty_folder(tmp_path):
    assert "no model.safetensors, no" in refusal(tmp_path, ModelNotFound)


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF")

    found = refusal(tmp_path / "model.gguf", UnsupportedModel)
    assert "allowed: a Hugging Face or Mistral folder" in found


@pytest.mark.parametrize(
    ("content", "kind", "found"),
    [
        (None, ModelNotFound, "no config.json in"),
        (b"", UnsupportedModel, "not valid JSON"),
        (b"[]", UnsupportedModel, "expected an object"),
        (b"{" * 5000, UnsupportedModel, "not valid JSON"),
        (b" " * ((64 << 20) + 1), UnsupportedModel, "larger than 67108864 bytes"),
    ],
)
def test_configs_that_cannot_be_read(tmp_path, content, kind, found):
    folder = write(tmp_path)
    if content is None:
        (folder / "config.json").unlink()
    else:
        (folder / "config.json").write_bytes(content)

    assert found in refusal(folder, kind)


@pytest.mark.parametrize(
    "shard",
    [
        "../model.safetensors",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a/b",
        "a\\b",
        "~",
        "a\0",
        "\ud800",
        None,
    ],
)
def test_shards_outside_the_folder(tmp_path, shard):
    folder = write(tmp_path, sharded=True)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"model.a": shard}}))

    assert "allowed: a plain file name" in refusal(folder, UnsupportedModel)


@pytest.mark.parametrize("index", [{}, {"weight_map": {}}, {"weight_map": []}])
def test_an_index_of_nothing(tmp_path, index):
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))

    assert "no weight_map" in refusal(tmp_path, UnsupportedModel)


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    return sorted(write(tmp_path, sharded=True).glob("model-*"))


def test_a_shard_is_missing(tmp_path, shards):
    shards[1].unlink()

    assert str(shards[1]) in refusal(tmp_path, ModelNotFound)


def test_a_shard_stands_in_for_another(tmp_path, shards):
    shards[1].write_bytes(shards[0].read_bytes())

    assert "stands in both" in refusal(tmp_path, UnsupportedModel)


def test_a_tensor_is_not_in_its_shard(tmp_path, shards):
    path = tmp_path / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    index["weight_map"]["model.extra"] = shards[0].name
    path.write_text(json.dumps(index))

    assert "tensor 'model.extra' is not in" in refusal(tmp_path, UnsupportedModel)


def test_a_shard_is_cut_off(tmp_path, shards):
    shards[-1].write_bytes(shards[-1].read_bytes()[:-1])

    assert "truncated" in refusal(tmp_path, UnsupportedModel)


def test_mistrals_layout(tmp_path):
    source = write(tmp_path / "model")
    (source / "model.safetensors").rename(source / "consolidated.safetensors")
    (source / "config.json").rename(source / "params.json")
    expected = SyntheticCheckpoint(SIZE, tmp_path, dtype="float32")
    for path in (source, source / "consolidated.safetensors"):
        with open_checkpoint(path) as checkpoint:
            assert checkpoint.layout == "mistral"
            assert checkpoint.folder == source
            assert checkpoint.weight_files == (source / "consolidated.safetensors",)
            assert checkpoint.config["d_model"] == 8
            np.testing.assert_array_equal(checkpoint.read(EMBEDDING), expected.read(EMBEDDING))
    (source / "params.json").unlink()
    assert "params.json" in refusal(source, ModelNotFound)


def test_a_hostile_torch_file_runs_nothing(tmp_path):
    marker = tmp_path / "marker"
    call = global_name("os", "mkdir") + b"(" + string(str(marker)) + b"tR"
    hostile = b"\x80\x02}(" + string("dims") + b"}" + string("model_state_dict") + call + b"u."
    pickle.loads(hostile)
    marker.rmdir()
    path = write_zip(tmp_path / "tiny.pt", {"archive/data.pkl": hostile})

    assert "asks for 'os.mkdir', which is refused" in refusal(path, UnsupportedModel)
    assert not marker.exists()


DIMS = {"n_mels": 80}
TENSOR = TorchTensor("float32", (2,), "0", 2)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (TENSOR, "no dims and model_state_dict"),
        ({"model_state_dict": {}}, "no dims and model_state_dict"),
        ({"dims": DIMS}, "no dims and model_state_dict"),
        ({"dims": DIMS, "model_state_dict": TENSOR}, "not a dict of tensors"),
        ({"dims": DIMS, "model_state_dict": {"a": 5}}, "model_state_dict holds a int"),
        ({"dims": DIMS, "model_state_dict": {5: TENSOR}}, "model_state_dict holds"),
        ({"dims": TENSOR, "model_state_dict": {}}, "dims is not a dict of sizes"),
        ({"dims": {"n_mels": "80"}, "model_state_dict": {}}, "dims holds a str"),
        ({"dims": {"n_mels": True}, "model_state_dict": {}}, "dims holds a bool"),
        ({"dims": {3: 80}, "model_state_dict": {}}, "dims holds a int"),
    ],
)
def test_torch_files_that_are_not_whisper(tmp_path, value, found):
    path = write_torch_file(tmp_path / "a.pth", value, {"0": bytes(8)})

    assert found in refusal(path, UnsupportedModel)
