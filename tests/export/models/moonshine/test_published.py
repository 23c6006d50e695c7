"""Folders of published graphs: float ones are taken apart, others run as they are."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import edge_voice
from edge_voice.errors import GraphMismatch, OptionError, UnsupportedModel
from edge_voice.manifest import Manifest
from edge_voice_export import export_bundle
from edge_voice_export.checkpoint import open_checkpoint
from edge_voice_export.merged import find_pair
from edge_voice_export.models.moonshine import recipe

from . import models


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("layout", ["first party", "transformers.js"])
def test_float_graphs_give_the_same_bundle_as_the_checkpoint(
    tmp_path: Path, old: bool, layout: str
) -> None:
    weights = models.tensors()
    source = models.write_traced(tmp_path / "graphs", weights, old)
    if layout == "transformers.js":
        (source / "onnx").mkdir()
        for path in source.glob("*.onnx"):
            path.rename(source / "onnx" / path.name)
    export_bundle(source, tmp_path / "x", precision="int8", name="same")
    checkpoint = models.write_checkpoint(tmp_path / "checkpoint", weights)
    export_bundle(checkpoint, tmp_path / "y", precision="int8", name="same")
    for name in ("encoder.data", "decoder.data", "encoder.onnx", "decoder.onnx"):
        assert (tmp_path / "x" / name).read_bytes() == (tmp_path / "y" / name).read_bytes()
    assert Manifest.load(tmp_path / "x").config == Manifest.load(tmp_path / "y").config


@pytest.mark.parametrize("link", [Path.hardlink_to, Path.symlink_to])
def test_graphs_behind_links(tmp_path: Path, link: Callable[[Path, Path], None]) -> None:
    """As in the hub's cache."""
    source = models.write_traced(tmp_path / "graphs", models.tensors())
    for path in [*source.iterdir()]:
        kept = tmp_path / f"blob-{path.name}"
        path.rename(kept)
        link(path, kept)
    manifest = export_bundle(source, tmp_path / "bundle", precision="int4")
    assert sorted(manifest.graphs) == ["decoder", "encoder"]


def test_float_graphs_that_lack_a_tensor(tmp_path: Path) -> None:
    weights = models.tensors()
    del weights["model.encoder.layers.0.mlp.fc2.bias"]
    source = models.write_traced(tmp_path / "graphs", weights)
    with pytest.raises(UnsupportedModel, match=r"layers\.0\.mlp\.fc2\.bias.* is missing"):
        export_bundle(source, tmp_path / "bundle")


@pytest.mark.parametrize("masked", [True, False])
def test_other_graphs_are_run_as_they_are(tmp_path: Path, data: Path, masked: bool) -> None:
    source = models.write_published(tmp_path / "graphs", masked=masked)
    manifest = export_bundle(source, tmp_path / "bundle", precision="int8")
    assert sorted(manifest.graphs) == ["decoder_model_merged", "encoder_model"]
    for name in ("encoder_model.onnx", "decoder_model_merged.onnx"):
        assert (tmp_path / "bundle" / name).read_bytes() == (source / name).read_bytes()
    model = edge_voice.load(tmp_path / "bundle", threads=1)
    for beam_size in (1, 3):
        found = model.transcribe(data / "jfk.wav", beam_size=beam_size)
        assert {segment.tokens for segment in found.segments} == {models.SCRIPT[:3]}
        assert found.segments[0].text == "aab ab"
    with pytest.raises(OptionError, match="do not tell where they look"):
        model.transcribe(data / "jfk.wav", timestamps="word")
    assert model.generate(np.zeros(16_000, np.float32)) == [1, *models.SCRIPT]  # type: ignore[attr-defined]
    assert model.encode(np.full(16_000, 0.5, np.float32)).tolist() == [[0.5]]  # type: ignore[attr-defined]


def test_a_graph_that_is_quantized_already_has_one_precision(tmp_path: Path) -> None:
    source = models.write_published(tmp_path / "graphs", masked=False)
    with pytest.raises(UnsupportedModel, match=r"quantized already \(allowed precision: int8;"):
        export_bundle(source, tmp_path / "bundle", precision="fp32")


def test_a_vocabulary_of_another_size(tmp_path: Path) -> None:
    source = models.write_published(tmp_path / "graphs", masked=False, rows=280)
    with pytest.raises(UnsupportedModel, match="has 270 tokens and the model 280"):
        export_bundle(source, tmp_path / "bundle")


def test_foreign_and_damaged_graphs(tmp_path: Path) -> None:
    source = models.write_published(tmp_path / "graphs", masked=False)
    shutil.copy(source / "encoder_model.onnx", source / "decoder_model_merged.onnx")
    with pytest.raises(GraphMismatch, match=r"decoder_model_merged\.onnx: input .* is missing"):
        export_bundle(source, tmp_path / "bundle")
    (source / "decoder_model_merged.onnx").write_bytes(b"nothing")
    with pytest.raises(UnsupportedModel, match=r"decoder_model_merged\.onnx: not an ONNX graph"):
        export_bundle(source, tmp_path / "bundle")
    (source / "decoder_model_merged.onnx").unlink()
    with pytest.raises(UnsupportedModel, match="cannot export"):
        export_bundle(source, tmp_path / "bundle")


def test_a_damaged_file_in_the_form_of_onnxruntime(tmp_path: Path) -> None:
    (tmp_path / "encoder_model.ort").write_bytes(b"nothing")
    (tmp_path / "decoder_model_merged.ort").write_bytes(b"nothing")
    with open_checkpoint(tmp_path) as checkpoint:
        assert not recipe.recognises(checkpoint)


def test_the_best_precision_that_is_complete_is_taken() -> None:
    names = ["encoder_model.onnx", "encoder_model_int8.onnx", "decoder_model_merged_int8.onnx"]
    names += ["encoder_model_quantized.onnx", "decoder_model_merged_quantized.onnx"]
    pair = find_pair([Path(name) for name in names])
    assert pair is not None
    assert pair.encoder.name == "encoder_model_quantized.onnx"
    assert find_pair([Path(name) for name in names[:2]]) is None


def test_only_moonshine_listens_to_samples(tmp_path: Path) -> None:
    source = models.write_published(tmp_path / "graphs", masked=False)
    with open_checkpoint(source) as checkpoint:
        assert recipe.recognises(checkpoint)
    (source / "config.json").write_text('{"model_type": "wav2vec2"}')
    with open_checkpoint(source) as checkpoint:
        assert not recipe.recognises(checkpoint)
