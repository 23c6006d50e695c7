"""Ready CTC exports become a bundle, or a clear error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

import edge_voice
from edge_voice.errors import EdgeVoiceError, GraphMismatch, UnsupportedModel
from edge_voice.manifest import Manifest
from edge_voice_export import export_bundle
from edge_voice_export.checkpoint import open_checkpoint
from edge_voice_export.models.ctc import recipe
from edge_voice_export.models.ctc.tokenizer import read_tokens
from edge_voice_export.ready_folder import card_languages
from tests import ready_files
from tests.ready_files import SAMPLES, TOKENS, spoken


@pytest.fixture
def published(tmp_path: Path) -> Path:
    return ready_files.write_ctc(tmp_path / "published")


def change(path: Path, **entries: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


@pytest.mark.parametrize("precision", ["fp32", "int8", "int4", "balanced"])
def test_every_precision_hears(published: Path, tmp_path: Path, precision: str) -> None:
    export_bundle(published, tmp_path / "bundle", precision=precision)
    manifest = Manifest.load(tmp_path / "bundle")
    assert (manifest.model_type, manifest.task) == ("ctc", "transcribe")
    assert (manifest.languages, manifest.precision) == (("en",), precision)
    assert manifest.config["samples_per_position"] == SAMPLES
    assert manifest.names == {}
    model = edge_voice.load(tmp_path / "bundle", task="transcribe")
    assert model.transcribe(spoken("OLD TREES"), vad=False).text == "OLD TREES"
    report = json.loads((tmp_path / "bundle" / "report.json").read_text())
    schemes = {layer["name"]: layer["scheme"] for layer in report["layers"]}
    assert schemes["kernel"] == "float32"  # convolutions stay
    if precision == "fp32":
        assert schemes["onnx::MatMul_1"] == "float32"
    else:
        assert schemes["lm_head"].startswith("int8")  # the last matrix is int8 everywhere
    assert report["checks"]["cosine of logits with those of the published graph"] > 0.99


def test_other_names_are_given_ours(tmp_path: Path) -> None:
    published = ready_files.write_ctc(tmp_path / "published", names=("wave", "scores"))
    export_bundle(published, tmp_path / "bundle", precision="fp32")
    assert Manifest.load(tmp_path / "bundle").names == {}
    model = edge_voice.load(tmp_path / "bundle")
    assert model.transcribe(spoken("TREE"), vad=False).text == "TREE"


def test_a_quantized_graph_is_taken_as_it_is_and_the_manifest_knows_its_names(
    tmp_path: Path,
) -> None:
    published = ready_files.write_ctc(tmp_path / "published", names=("wave", "scores"))
    export_bundle(published, tmp_path / "float", precision="fp32")
    graph = published / "onnx" / "model.onnx"
    quantized = published / "onnx" / "model_quantized.onnx"
    ir.save(_with_rounded_input(ir.load(graph)), quantized)
    graph.unlink()
    export_bundle(published, tmp_path / "bundle", precision="int8")
    manifest = Manifest.load(tmp_path / "bundle")
    assert manifest.names == {"model": {"input_values": "wave", "logits": "scores"}}
    assert (tmp_path / "bundle" / "model.onnx").read_bytes() == quantized.read_bytes()
    model = edge_voice.load(tmp_path / "bundle")
    assert model.transcribe(spoken("TREE"), vad=False).text == "TREE"
    for precision in ("fp32", "balanced"):
        with pytest.raises(UnsupportedModel, match=r"no model\.onnx in .*found: onnx/model_quant"):
            export_bundle(published, tmp_path / "other", precision=precision)
    quantized.rename(graph)
    with pytest.raises(UnsupportedModel, match=r"is quantized already .* needs float32"):
        export_bundle(published, tmp_path / "other", precision="fp32")


def _with_rounded_input(model: ir.Model) -> ir.Model:
    """Puts DynamicQuantizeLinear and DequantizeLinear behind the input."""
    graph = model.graph
    first = next(iter(graph))
    rounded = ir.Node("", "DynamicQuantizeLinear", [graph.inputs[0]], num_outputs=3)
    back = ir.Node("", "DequantizeLinear", list(rounded.outputs))
    first.replace_input_with(0, back.outputs[0])
    graph.insert_before(first, (rounded, back))
    return model


def test_weights_in_a_file_of_their_own(published: Path, tmp_path: Path) -> None:
    graph = published / "onnx" / "model.onnx"
    model = ir.load(graph)
    ir.save(model, graph, external_data="model.onnx_data", size_threshold_bytes=1000)
    data = published / "onnx" / "model.onnx_data"
    export_bundle(published, tmp_path / "bundle", precision="int8")
    bundle = edge_voice.load(tmp_path / "bundle")
    assert bundle.transcribe(spoken("TREE"), vad=False).text == "TREE"
    data.write_bytes(data.read_bytes()[:-100])
    with pytest.raises(UnsupportedModel, match=r"model\.onnx_data has \d+ bytes.*cut short"):
        export_bundle(published, tmp_path / "bundle")
    data.unlink()
    with pytest.raises(UnsupportedModel, match=r"no model\.onnx_data in"):
        export_bundle(published, tmp_path / "bundle")


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def settings(name: str, **entries: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder / name, **entries)


def cut_short(folder: Path) -> None:
    graph = folder / "onnx" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-700])


def foreign(folder: Path) -> None:
    values = [ir.val(name, ir.DataType.INT64, [1, "n"]) for name in ("input_ids", "positions")]
    node = ir.Node("", "Add", values)
    output = node.outputs[0]
    output.name, output.type = "logits", ir.TensorType(ir.DataType.INT64)
    graph = ir.Graph(values, [output], nodes=[node], opset_imports={"": 17}, name="other")
    ir.save(ir.Model(graph, ir_version=8), folder / "onnx" / "model.onnx")


def other_tokens(folder: Path) -> None:
    (folder / "vocab.json").write_text(json.dumps({chr(97 + i): i for i in range(20)}))


def no_blank(folder: Path) -> None:
    tokens = {text.replace("<pad>", "<other>"): i for i, text in enumerate(TOKENS)}
    (folder / "vocab.json").write_text(json.dumps(tokens))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove("vocab.json"), r"no vocab\.json and no tokenizer\.json"),
        (remove("preprocessor_config.json"), r"no preprocessor_config\.json"),
        (remove("onnx/model.onnx"), r"no model\.safetensors"),
        (cut_short, r"model\.onnx: not an ONNX graph"),
        (foreign, r"model\.onnx: not the graph of a CTC model: inputs input_ids, positions"),
        (other_tokens, r"wrong tokenizer: vocab\.json has 20 tokens up to id 19, the graph has 25"),
        (no_blank, "wrong tokenizer: no blank, '<pad>'"),
        (settings("vocab.json", Z=99), "wrong tokenizer: .* up to id 99"),
        (settings("vocab.json", A="x"), "expected tokens and their ids"),
        (settings("vocab.json", A=6), "several tokens have the same id"),
        (settings("config.json", conv_stride=None), "conv_stride is None"),
        (settings("config.json", conv_stride=[100]), "50 positions in a second"),
        (settings("preprocessor_config.json", sampling_rate=8000), "sampling_rate 8000"),
        (
            settings("preprocessor_config.json", feature_extractor_type="WhisperFeatureExtractor"),
            "'WhisperFeatureExtractor' does not make what the graph hears",
        ),
    ],
)
def test_bad_folders(
    published: Path, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(published)
    with pytest.raises(EdgeVoiceError, match=message) as caught:
        export_bundle(published, tmp_path / "bundle")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "bundle").exists()


def test_only_folders_of_graphs_for_ctc_are_recognised(published: Path) -> None:
    with open_checkpoint(published) as checkpoint:
        assert recipe.recognises(checkpoint)
    for architectures in (["Wav2Vec2ForPreTraining"], None, "Wav2Vec2ForCTC"):
        change(published / "config.json", architectures=architectures)
        with open_checkpoint(published) as checkpoint:
            assert not recipe.recognises(checkpoint)


def test_a_graph_that_gives_something_else(published: Path, tmp_path: Path) -> None:
    path = published / "onnx" / "model.onnx"
    model = ir.load(path)
    model.graph.outputs[0].shape = ir.Shape(["batch", "rows", "tokens"])
    ir.save(model, path)
    with pytest.raises(GraphMismatch, match="the last of a fixed size"):
        export_bundle(published, tmp_path / "bundle")
    model.graph.inputs[0].shape = ir.Shape(["batch"])
    ir.save(model, path)
    with pytest.raises(GraphMismatch, match="input input_values is float with 1 axes"):
        export_bundle(published, tmp_path / "bundle")


def test_the_tokens_of_mms_are_those_of_its_language(published: Path) -> None:
    tokens = {token: i for i, token in enumerate(TOKENS)}
    table = {"deu": tokens, "fra": {"<pad>": 0}}
    (published / "vocab.json").write_text(json.dumps(table))
    found = read_tokens(published, {}, len(TOKENS))  # the only one that fits
    assert (found.languages, found.delimiter) == (("deu",), TOKENS.index("|"))
    change(published / "tokenizer_config.json", target_lang="deu")
    assert read_tokens(published, {}, len(TOKENS)).languages == ("deu",)
    change(published / "tokenizer_config.json", target_lang="ita")
    with pytest.raises(UnsupportedModel, match=r"2 languages \(deu, fra …\).*'ita' as target_lang"):
        read_tokens(published, {}, len(TOKENS))


def test_tokens_of_transformers_js(published: Path) -> None:
    tokens = {token: i for i, token in enumerate(TOKENS[:-1])}
    added = [{"id": len(TOKENS) - 1, "content": "</new>"}]
    (published / "vocab.json").unlink()
    content = {"model": {"vocab": tokens}, "added_tokens": added}
    (published / "tokenizer.json").write_text(json.dumps(content))
    found = read_tokens(published, {}, len(TOKENS))
    assert found.texts == (*TOKENS[:-1], "</new>")
    assert found.special == (1, 2, 3, len(TOKENS) - 1)


@pytest.mark.parametrize(
    ("card", "languages"),
    [
        ("---\nlanguage: de\n---\n", ("de",)),
        ("---\ntags: [x]\nlanguage: [en, 'fr', multilingual]\n---\n", ("en", "fr")),
        ("---\nlanguage:\n- pt-BR\n- es\ntags:\n- it\n---\n", ("pt-BR", "es")),
        ("---\nlicense: mit\n---\nlanguage: de\n", ()),
        ("language: de", ()),
    ],
)
def test_languages_of_a_model_card(tmp_path: Path, card: str, languages: tuple[str]) -> None:
    assert card_languages(tmp_path) == ()
    (tmp_path / "README.md").write_text(card)
    assert card_languages(tmp_path) == languages


def test_the_toy_says_what_it_should() -> None:
    assert len(spoken("AB", repeats=1, pause=0)) == 2 * SAMPLES
    assert np.unique(spoken("A", pause=0)).tolist() == [5 / 64]
