"""Ready VITS exports become a bundle, or a clear error."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

import edge_voice
from edge_voice.errors import EdgeVoiceError, GraphMismatch
from edge_voice.manifest import Manifest
from edge_voice_export import export_bundle
from edge_voice_export.checkpoint import open_checkpoint
from edge_voice_export.models.vits import recipe
from edge_voice_export.models.vits.graph import make_steerable
from tests import ready_files


@pytest.fixture
def published(tmp_path: Path) -> Path:
    return ready_files.write_vits(tmp_path / "published")


@pytest.fixture
def piper(tmp_path: Path) -> Path:
    return ready_files.write_piper(tmp_path / "piper")


@pytest.mark.parametrize("precision", ["fp32", "int8", "int4", "balanced"])
def test_a_voice_of_transformers(published: Path, tmp_path: Path, precision: str) -> None:
    export_bundle(published, tmp_path / "bundle", precision=precision)
    manifest = Manifest.load(tmp_path / "bundle")
    assert (manifest.model_type, manifest.task) == ("vits", "speak")
    assert manifest.languages == ("ron",)
    assert manifest.config["voices"] == ["speaker_0"]
    assert manifest.config["inputs"] == ["attention_mask", "duration_noise"]
    assert manifest.config["blank"] == 0
    assert manifest.config["espeak_voice"] == ""
    checks = json.loads((tmp_path / "bundle" / "report.json").read_text())["checks"]
    assert checks["length at half the speed, relative"] > 1.5


def test_speakers_and_names(tmp_path: Path) -> None:
    published = ready_files.write_vits(tmp_path / "published", voices=3)
    export_bundle(published, tmp_path / "bundle", precision="fp32")
    manifest = Manifest.load(tmp_path / "bundle")
    assert manifest.config["voices"] == ["speaker_0", "speaker_1", "speaker_2"]
    assert "speaker_id" in manifest.config["inputs"]


def test_a_voice_of_pipers(piper: Path, tmp_path: Path) -> None:
    export_bundle(piper, tmp_path / "bundle", precision="fp32")
    manifest = Manifest.load(tmp_path / "bundle")
    config = manifest.config
    assert manifest.languages == ("en-gb",)
    assert (config["voices"], config["sample_rate"]) == (["ann", "bob"], 22050)
    assert config["inputs"] == ["input_lengths", "speaker_id", "duration_noise"]
    assert (config["start"], config["blank"], config["end"]) == (1, 0, 2)
    assert (config["noise_scale"], config["noise_scale_duration"]) == (0.5, 0.25)
    graph = ir.load(tmp_path / "bundle" / "model.onnx").graph
    assert "scales" not in {value.name for value in graph.inputs}


def test_a_graph_that_was_quantized_by_others(published: Path, tmp_path: Path) -> None:
    model = ir.load(published / "model.onnx")
    sine = next(node for node in model.graph if node.op_type == "Sin")
    rounded = ir.Node("", "DynamicQuantizeLinear", list(sine.inputs), num_outputs=3)
    back = ir.Node("", "DequantizeLinear", list(rounded.outputs))
    sine.replace_input_with(0, back.outputs[0])
    model.graph.insert_before(sine, (rounded, back))
    (published / "model.onnx").unlink()
    ir.save(model, published / "model_quantized.onnx")
    export_bundle(published, tmp_path / "bundle", precision="int8")
    assert list(edge_voice.load(tmp_path / "bundle").synthesize("mere"))
    with pytest.raises(EdgeVoiceError, match=r"no model\.onnx in .* as precision fp32 needs"):
        export_bundle(published, tmp_path / "other", precision="fp32")


def test_nothing_random_is_left(published: Path) -> None:
    model = ir.load(published / "model.onnx")
    assert make_steerable(model, "x") == ("attention_mask", "duration_noise")
    assert Counter(node.op_type for node in model.graph)["RandomNormalLike"] == 0


def test_noise_of_the_sound_alone(published: Path) -> None:
    model = ir.load(published / "model.onnx")
    first = next(node for node in model.graph if node.op_type == "RandomNormalLike")
    first.op_type = "Identity"
    assert make_steerable(model, "x") == ("attention_mask",)


def change(name: str, **entries: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))

    return damage


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def foreign(folder: Path) -> None:
    ir.save(ready_files.ctc_graph(), folder / "model.onnx")


def without(operator: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        model = ir.load(folder / "model.onnx")
        for node in model.graph:
            if node.op_type == operator:
                node.op_type = "Identity"
        ir.save(model, folder / "model.onnx")

    return damage


def cut_short(folder: Path) -> None:
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[: len(content) // 2])


def silent(folder: Path) -> None:
    without("Sin")(folder)
    model = ir.load(folder / "model.onnx")
    for node in model.graph:
        if node.op_type == "Range":
            node.replace_input_with(2, node.inputs[1])
    ir.save(model, folder / "model.onnx")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove("vocab.json"), r"no vocab\.json"),
        (remove("model.onnx"), r"no model\.safetensors"),
        (cut_short, r"model\.onnx: not an ONNX graph"),
        (foreign, r"model\.onnx: not the graph of a VITS voice: input input_values"),
        (without("Ceil"), "2 RandomNormalLike and 0 Ceil"),
        (without("RandomNormalLike"), "0 RandomNormalLike and 1 Ceil"),
        (silent, "is not finite, or silent"),
        (change("vocab.json", z=29), "wrong tokenizer: .* not 0 to 28"),
        (change("config.json", num_speakers=2), "2 voices, and no input for the speaker"),
        (change("config.json", num_speakers=0), "num_speakers is 0"),
        (change("config.json", noise_scale="much"), "noise_scale is 'much'"),
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


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change("voice.onnx.json", phoneme_type="other"), r"onnx\.json: phoneme_type is 'other'"),
        (change("voice.onnx.json", phoneme_id_map={}), "expected phonemes and their ids"),
        (change("voice.onnx.json", phoneme_id_map={"a": [1, 2]}), "'a' is .*expected one id"),
        (change("voice.onnx.json", phoneme_id_map={"a": [1]}), r"phoneme_id_map has no '\^'"),
        (change("voice.onnx.json", phoneme_type="espeak", espeak={}), "espeak: voice is None"),
        (change("voice.onnx.json", audio=5), "audio is 5"),
        (change("voice.onnx.json", num_speakers=1), "1 voices, and an input for the speaker"),
        (change("voice.onnx.json", num_speakers="x"), "num_speakers is 'x'"),
    ],
)
def test_bad_voices_of_pipers(
    piper: Path, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(piper)
    with pytest.raises(EdgeVoiceError, match=message) as caught:
        export_bundle(piper, tmp_path / "bundle")
    assert "\n" not in str(caught.value)


def test_two_voices_in_a_folder(piper: Path, tmp_path: Path) -> None:
    for ending in (".onnx", ".onnx.json"):
        (piper / f"other{ending}").write_bytes((piper / f"voice{ending}").read_bytes())
    with pytest.raises(EdgeVoiceError, match=r"2 voices of Piper's in .*expected 1"):
        export_bundle(piper, tmp_path / "bundle")


def test_what_is_recognised(published: Path, piper: Path) -> None:
    for folder in (published, piper):
        with open_checkpoint(folder) as checkpoint:
            assert recipe.recognises(checkpoint)
    (piper / "voice.onnx.json").unlink()
    with open_checkpoint(piper) as checkpoint:
        assert not recipe.recognises(checkpoint)


def test_a_graph_whose_noise_has_no_order(published: Path) -> None:
    model = ir.load(published / "model.onnx")
    first, second = (node for node in model.graph if node.op_type == "RandomNormalLike")
    second.replace_input_with(0, first.inputs[0])
    with pytest.raises(GraphMismatch, match="does not follow durations"):
        make_steerable(model, "x")


def test_speech_is_that_of_the_published_graph_without_noise(piper: Path, tmp_path: Path) -> None:
    export_bundle(piper, tmp_path / "bundle", precision="fp32")
    model = edge_voice.load(tmp_path / "bundle")
    silence = np.zeros(1, np.float32)
    ids = [1, 0, 6, 0, 9, 0, 2]
    found = model.speak_ids(ids, speaker=1, duration_noise=silence, latent_noise=silence)
    frames = np.ceil(np.float32(1.5) * np.float32(0.3) * np.array(ids, np.float32)).sum()
    assert len(found) == int(frames) * ready_files.VITS_HOP
    assert np.abs(found).max() == pytest.approx(0.3, abs=1e-3)  # (2 + speaker) · 0.1
