"""hibari's published files become a bundle, or a clear error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx_ir as ir
import pytest

from edge_voice.errors import GraphMismatch, ModelNotFound, OptionError, UnsupportedModel
from edge_voice.manifest import Manifest
from edge_voice_export import export_bundle
from edge_voice_export.checkpoint import open_checkpoint
from edge_voice_export.models.hibari import recipe
from edge_voice_export.onnx_folder import graph_names
from tests import hibari_files


@pytest.fixture
def published(tmp_path: Path) -> Path:
    return hibari_files.write_published(tmp_path / "published")


def test_a_bundle(published: Path, tmp_path: Path) -> None:
    export_bundle(published, tmp_path / "bundle", name="hibari", licence="Apache-2.0")
    manifest = Manifest.load(tmp_path / "bundle")
    assert (manifest.model_type, manifest.task, manifest.languages) == ("hibari", "speak", ("en",))
    assert manifest.precision == "int8"
    assert manifest.source.file == "hibari.onnx"
    assert manifest.config["phoneme_ids"]["ˈ"] > 0
    graph = tmp_path / "bundle" / manifest.graph("acoustic")
    assert graph.read_bytes() == (published / "hibari.onnx").read_bytes()
    assert (tmp_path / "bundle" / "NOTICE").read_text() == "made for tests\n"
    checks = json.loads((tmp_path / "bundle" / "report.json").read_text())["checks"]
    assert checks["their length at twice the speed"] == pytest.approx(0.5, abs=0.02)


def test_it_recognises_its_own_graphs_only(published: Path, tmp_path: Path) -> None:
    with open_checkpoint(published) as checkpoint:
        assert recipe.recognises(checkpoint)
    (published / "hibari.onnx").unlink()
    with open_checkpoint(published) as checkpoint:
        assert not recipe.recognises(checkpoint)
    (published / "oov.onnx").write_bytes(b"no graph")
    with open_checkpoint(published) as checkpoint:
        assert not recipe.recognises(checkpoint)
    with pytest.raises(UnsupportedModel, match=r"cannot export .*\(known: .*hibari"):
        export_bundle(published, tmp_path / "bundle")


def test_a_folder_without_graphs(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"no model\.safetensors"):
        export_bundle(tmp_path, tmp_path / "bundle")


@pytest.mark.parametrize("precision", ["fp32", "int4", "balanced"])
def test_other_precisions(published: Path, tmp_path: Path, precision: str) -> None:
    with pytest.raises(OptionError, match=rf"unknown precision '{precision}' \(known: int8\)"):
        export_bundle(published, tmp_path / "bundle", precision=precision)


@pytest.mark.parametrize(
    "name", ["oov.onnx", "vocab.json", "oov.json", "tagger.json.gz", "lexicon_us_gold.json.gz"]
)
@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\x1f\x8b damaged"])
def test_files_that_are_missing_or_damaged(
    published: Path, tmp_path: Path, name: str, content: bytes | None
) -> None:
    (published / name).unlink()
    if content is not None:
        (published / name).write_bytes(content)
    with pytest.raises((UnsupportedModel, GraphMismatch)) as caught:
        export_bundle(published, tmp_path / "bundle")
    assert name in str(caught.value)
    assert not (tmp_path / "bundle").exists()


def damaged(change: Callable[[str], None], published: Path, name: str) -> None:
    change(str(published / name))


def test_a_voice_that_does_not_speak(published: Path, tmp_path: Path) -> None:
    model = hibari_files.acoustic()
    for node in model.graph:
        value = node.attributes.get("value")
        if value and value.as_tensor().numpy().tolist() == [-3.0]:
            node.attributes["value"] = ir.AttrTensor("value", ir.tensor([-30.0]))
    ir.save(model, published / "hibari.onnx")
    with pytest.raises(GraphMismatch, match=r"two words have the amplitude"):
        export_bundle(published, tmp_path / "bundle")


def test_tables_with_other_entries(published: Path, tmp_path: Path) -> None:
    (published / "vocab.json").write_text('{"a": "b"}')
    with pytest.raises(UnsupportedModel, match=r"vocab\.json: expected phonemes"):
        export_bundle(published, tmp_path / "bundle")
    (published / "oov.json").write_text('{"in": 5}')
    with pytest.raises(UnsupportedModel, match=r"oov\.json: expected in, out"):
        export_bundle(published, tmp_path / "bundle")


def test_an_onnx_folder_has_no_tensors(published: Path) -> None:
    with open_checkpoint(published) as checkpoint:
        assert (checkpoint.layout, checkpoint.config, checkpoint.names()) == ("onnx", {}, ())
        assert [path.name for path in checkpoint.weight_files] == ["hibari.onnx", "oov.onnx"]
        for read in (checkpoint.shape, checkpoint.dtype, checkpoint.read):
            with pytest.raises(UnsupportedModel, match="holds finished graphs"):
                read("weight")
        with pytest.raises(UnsupportedModel, match="holds finished graphs"):
            checkpoint.read_rows("weight", 0, 1)


def test_names_of_a_graph(published: Path) -> None:
    assert graph_names(published / "oov.onnx") == (["chars"], ["ids"])
    (published / "oov.onnx").write_bytes(b"\xff\xff")
    with pytest.raises(UnsupportedModel, match="not an ONNX graph"):
        graph_names(published / "oov.onnx")
