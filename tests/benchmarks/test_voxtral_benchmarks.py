"""The benchmarks of Voxtral on small models: that they measure what they say."""

from __future__ import annotations

import argparse
import json
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import onnx
import pytest

import edge_voice
from benchmarks import (
    tables,
    voxtral_agreement,
    voxtral_cost,
    voxtral_frame,
    voxtral_quality,
    voxtral_sensitivity,
)
from benchmarks.voxtral_floor import _bare, bare_graph
from benchmarks.weight_errors import group_of
from edge_voice_export import export_bundle
from edge_voice_export.models.voxtral_tts.recipe import PRESETS
from edge_voice_export.quantize import INT8_BLOCK32

from .test_tables import frames

FRAME = "benchmarks.voxtral_frame"


@pytest.fixture(scope="module")
def bundle(data: Path, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("voxtral") / "bundle"
    return folder, export_bundle(data / "voxtral_tts_tiny/published", folder, precision="int4")


def bare_rows(bundle, role: str, frames: int = 1) -> dict[str, int]:
    """Layer → rows it multiplies in the bare graph."""
    folder, manifest = bundle
    graph = onnx.load(folder / manifest.graphs[role], load_external_data=False).graph
    bare, inputs = _bare(graph, role, frames)
    rows = {name: v.type.tensor_type.shape.dim[0].dim_value for name, v in inputs.items()}
    return {n.input[1].removesuffix(".weight"): rows[n.input[0]] for n in bare.graph.node}


def test_the_floor_has_the_rows_of_the_model(bundle):
    prefix = "acoustic_transformer.layers."
    found = bare_rows(bundle, "velocity")
    assert found[f"{prefix}0.attention.wqkv"] == 1
    assert found["acoustic_transformer.input_projection"] == 1
    assert {found[f"{prefix}{i}.feed_forward.w2"] for i in (0, 1)} == {6}
    assert found[f"{prefix}1.attention.wqkv"] == found[f"{prefix}2.attention.wkv"] == 6
    assert found[f"{prefix}2.attention.wq"] == found[f"{prefix}2.feed_forward.w1"] == 2
    assert found["acoustic_transformer.acoustic_codebook_output"] == 2
    assert len(found) == 5 + 5 + 6 + 2
    backbone = bare_rows(bundle, "backbone")
    assert len(backbone) == 2 * 5
    assert set(backbone.values()) == {1}


def test_the_floor_of_the_codec_grows_with_its_upsampling(bundle):
    found = bare_rows(bundle, "codec", frames=3)
    assert found["codec.0.conv"] == found["codec.1.conv"] == 3
    assert (found["codec.2.conv"], found["codec.3.conv"], found["codec.output_proj"]) == (6, 12, 24)
    assert found["codec.decoder_blocks.5.layers.1.feed_forward.w2"] == 12


@pytest.mark.parametrize("role", ["backbone", "head", "velocity", "codec"])
def test_the_floor_is_a_time(bundle, role):
    folder, manifest = bundle
    before = sorted(folder.iterdir())
    run = bare_graph(folder, manifest, role, threads=1)
    assert 0 < run() < 1
    assert sorted(folder.iterdir()) == before


def test_a_frame_is_taken_apart(bundle):
    row = voxtral_frame.measure(bundle[0], threads=1, steps=2, rounds=1)
    assert row["steps"] == 2
    parts = sum(row["graph_milliseconds"].values()) + row["python_milliseconds"]
    assert parts == pytest.approx(row["frame_milliseconds"], abs=0.1)
    assert set(row["graph_milliseconds"]) == {"backbone", "head", "velocity"}
    assert row["ratio"] > 0.5
    assert row["probe_milliseconds"] > 0
    assert 0 < row["codec_milliseconds"]["25 frames"] < 100


def test_the_real_time_factor_is_that_of_frame_and_codec(bundle):
    row = voxtral_frame.measure(str(bundle[0]), threads=1, steps=2, rounds=1)
    spent = row["frame_milliseconds"] + row["codec_milliseconds"]["25 frames"]
    assert row["real_time_factor"] == pytest.approx(spent / 80, abs=0.001)


def test_one_command_measures_everything(tmp_path, monkeypatch):
    [row, *_], [cost] = frames()["rows"], frames()["costs"]
    calls = []

    def pretended(target: str, **arguments):
        calls.append((target.partition(":")[2], arguments.get("steps")))
        steps = {"steps": arguments.get("steps")}
        exported = {k: v for k, v in row.items() if k.startswith(("export", "bundle"))}
        measured = {k: v for k, v in row.items() if k not in exported} | steps
        known = {f"{FRAME}:export": exported, f"{FRAME}:measure": measured}
        return known.get(target, {"texts": cost["texts"], **steps})

    monkeypatch.setattr(voxtral_frame, "call", pretended)
    out = tmp_path / "out.json"
    work = ["--work", str(tmp_path / "work"), "--out", str(out), "--precision", "int4"]
    monkeypatch.setattr("sys.argv", ["voxtral_frame", *work])
    voxtral_frame.main()
    measured = [("measure", 7), ("measure", voxtral_frame.FAST_STEPS)]
    assert calls == [("export", None), *measured, *measured]
    result = json.loads(out.read_text())
    assert [row["steps"] for row in result["rows"]] == [cost["steps"] for cost in result["costs"]]
    assert "| int4 | 7 |" in tables.voxtral_frame(result)
    assert not (tmp_path / "work/int4").exists()


def test_texts_last_as_long_as_their_speech_would(bundle, monkeypatch):
    monkeypatch.setattr(voxtral_cost, "POSITIONS", (20,))
    found = voxtral_cost.measure(str(bundle[0]), threads=1, steps=2, most_characters=50)
    assert [text["characters"] for text in found["texts"]] == [10, 50]
    short, long = found["texts"]
    assert 0 < short["audio_seconds"] <= long["audio_seconds"] <= 36 * 0.08 + 0.3
    assert long["seconds"] >= long["first_sound_seconds"] >= 0
    assert found["step_milliseconds"]["20"] > 0


def test_every_group_of_the_scan_has_layers(bundle):
    report = json.loads((bundle[0] / "report.json").read_text())
    layers = [layer["name"].removesuffix(".weight") for layer in report["layers"]]
    for group, patterns in voxtral_sensitivity.GROUPS.items():
        for pattern in patterns:
            assert any(fnmatchcase(layer, pattern) for layer in layers), (group, pattern)
    changed = voxtral_sensitivity.with_group(PRESETS["fp32"], ("backbone.*.w2",), INT8_BLOCK32)
    assert changed.scheme("backbone.layers.1.feed_forward.w2") == INT8_BLOCK32
    assert changed.scheme("backbone.layers.1.feed_forward.w1").bits == 32


def test_precisions_are_compared_with_fp32(tmp_path):
    rows = list(voxtral_quality.measure("tiny", tmp_path, frames=24))
    precisions = {row["precision"]: row for kind, row in rows if kind == "precision"}
    assert list(precisions) == ["int8", "int4", "balanced"]
    for row in precisions.values():
        assert row["frames"] == 24
        assert row["bytes"] < row["fp32_bytes"]
        assert 0.8 < row["cosine"] < 1
        assert "backbone: down" in row["weights"]
        assert ("codec" in row["weights"]) == (row["waveform_error"] > 0)
    assert precisions["balanced"]["waveform_error"] == 0
    assert 0 < precisions["int4"]["waveform_error"] < 0.05
    assert precisions["int4"]["levels"] > precisions["int8"]["levels"] > 0
    steps = [row for kind, row in rows if kind == "steps"]
    levels = {(row["solver"], row["steps"]): row["levels"] for row in steps}
    assert levels["euler", 2] > levels["euler", 4] > levels["euler", 7] > 0
    assert levels["ab2", 4] < levels["euler", 7]
    assert list(tmp_path.iterdir()) == []


def test_frames_are_told_again_where_speech_ends_early(bundle):
    model = edge_voice.load(bundle[0], threads=1)
    told = voxtral_agreement.tell(model, 90)
    assert sum(len(each.codes) for each in told) == 90
    assert len({each.voice for each in told}) == len(model.voices) == 2
    found = voxtral_agreement.forced_all(model, told)
    assert (len(found.states), found.codes.shape) == (90, (90, 37))
    # A model that is told its own frames makes them again, as far as rounding lets it.
    codes = np.concatenate([each.codes for each in told])
    assert (found.codes == codes).mean() > 0.85


def test_a_layer_of_no_group_is_an_error():
    with pytest.raises(KeyError, match="lm_head"):
        group_of("lm_head", voxtral_quality.GROUPS)


def test_a_scan_ranks_groups(tmp_path, monkeypatch):
    names = ("backbone: down", "codec: layers")
    groups = {name: voxtral_sensitivity.GROUPS[name] for name in names}
    monkeypatch.setattr(voxtral_sensitivity, "GROUPS", groups)
    options = argparse.Namespace(
        source=None, width=128, layers=1, base="fp32", scheme=["int4 block 32"], work=tmp_path,
        frames=20,
    )  # fmt: skip
    with voxtral_sensitivity.open_source(options) as checkpoint:
        down, codec = voxtral_sensitivity.scan(checkpoint, options)
    assert (down["group"], codec["group"]) == names
    assert down["waveform_error"] == 0 < codec["waveform_error"]
    assert down["cosine"] < codec["cosine"] == pytest.approx(1)
    assert codec["levels"] == 0 < down["levels"]
    assert PRESETS["fp32"].rules == ()
