"""Weights out of other exporters' graphs: the same bundle as from the checkpoint itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from edge_voice.errors import ModelNotFound, UnsupportedModel
from edge_voice_export import export_bundle
from edge_voice_export.checkpoint import open_checkpoint
from edge_voice_export.traced_checkpoint import GraphTensor

from .checkpoints import write_tiny_whisper
from .traced_files import write_traced


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_whisper(tmp_path_factory.mktemp("source") / "tiny", audio_ctx=100)


@pytest.mark.parametrize("merged", [True, False])
@pytest.mark.parametrize("below", [True, False])
def test_float_graphs_give_the_checkpoints_own_bundle(source, tmp_path, merged, below):
    traced = write_traced(source, tmp_path / "traced", merged=merged, below=below)
    for name, folder in (("a", source), ("b", traced)):
        export_bundle(folder, tmp_path / name, precision="int8")
    for file in ("encoder.data", "decoder.data", "vocabulary.tiktoken"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    ours, theirs = (
        json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("a", "b")
    )
    assert ours["config"] == theirs["config"]
    assert ours["languages"] == theirs["languages"]


def test_eight_bit_weights_come_back_within_half_a_step(source, tmp_path):
    traced = write_traced(source, tmp_path / "traced", quantized=True)
    with open_checkpoint(source) as original, open_checkpoint(traced) as found:
        assert {n.removeprefix("model.") for n in found.names()} >= {
            n.removeprefix("model.") for n in original.names() if "proj_out" not in n
        }
        for name in found.names():
            expected, values = original.read(name), found.read(name)
            assert found.shape(name) == values.shape == expected.shape
            step = (expected.max() - expected.min()) / 255
            np.testing.assert_allclose(values, expected, atol=step * 0.501)
            np.testing.assert_array_equal(found.read_rows(name, 1, 3), values[1:3])
    export_bundle(traced, tmp_path / "bundle")


def test_the_most_exact_of_several_variants_is_taken(source, tmp_path):
    folder = write_traced(source, tmp_path / "traced")
    other = write_traced(source, tmp_path / "other", quantized=True)
    for path in other.glob("*.onnx"):
        path.rename(folder / path.name)
    with open_checkpoint(folder) as checkpoint:
        names = [path.name for path in checkpoint.weight_files]
    assert names == ["encoder_model.onnx", "decoder_model_merged.onnx"]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("decoder_model_merged.onnx", "no decoder_model_merged.onnx in"),
        ("encoder_model.onnx", "no encoder_model.onnx in"),
        ("config.json", "config.json"),
    ],
)
def test_a_missing_file_is_named(source, tmp_path, missing, message):
    folder = write_traced(source, tmp_path / "traced")
    (folder / missing).unlink()
    with pytest.raises((ModelNotFound, UnsupportedModel), match=message):
        export_bundle(folder, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("content", [b"", b"no graph", b"\x08\x0a\x12"])
def test_a_damaged_graph_is_named(source, tmp_path, content):
    folder = write_traced(source, tmp_path / "traced")
    (folder / "encoder_model.onnx").write_bytes(content)
    with pytest.raises(UnsupportedModel, match=r"encoder_model\.onnx|no tensor"):
        export_bundle(folder, tmp_path / "bundle")


def test_a_foreign_graph_lacks_a_tensor(source, tmp_path):
    folder = write_traced(source, tmp_path / "traced")
    (folder / "encoder_model.onnx").write_bytes(
        (folder / "decoder_model_merged.onnx").read_bytes()
    )
    with pytest.raises(UnsupportedModel, match=r"no tensor 'model\.encoder\.conv1"):
        export_bundle(folder, tmp_path / "bundle")


def test_another_models_tokenizer_is_refused(source, tmp_path):
    folder = write_traced(source, tmp_path / "traced")
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    for token in tokenizer["added_tokens"]:
        token["id"] += 300
    path.write_text(json.dumps(tokenizer))
    message = "timestamp is token 2419, but the model has 2120 tokens: this is another model's"
    with pytest.raises(UnsupportedModel, match=message):
        export_bundle(folder, tmp_path / "bundle")


def test_each_row_may_have_a_scale_of_its_own():
    random = np.random.default_rng(0)
    stored = random.integers(0, 255, (3, 4), np.uint8)
    scales, zeros = random.random(4).astype(np.float32), random.integers(0, 255, 4, np.uint8)
    product = GraphTensor(*map(ir.tensor, (stored, scales, zeros)), transposed=True)
    expected = ((stored.astype(np.float32) - zeros) * scales).T
    np.testing.assert_allclose(product.read(), expected, rtol=1e-6)
    np.testing.assert_allclose(product.read_rows(1, 3), expected[1:3], rtol=1e-6)
    table = GraphTensor(ir.tensor(stored.T.copy()), ir.tensor(scales), ir.tensor(zeros))
    np.testing.assert_allclose(table.read_rows(0, 2), expected[:2], rtol=1e-6)
