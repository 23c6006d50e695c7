"""From a checkpoint's files to the manifest, and checkpoints that are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_voice.errors import UnsupportedModel
from edge_voice.manifest import Manifest, from_dict
from edge_voice.models.cohere_transcribe.config import CohereConfig
from edge_voice_export import export_bundle
from edge_voice_export.models.cohere_transcribe.recipe import PRESETS
from tests.golden.cohere_tiny import CohereTiny

from .checkpoints import changed

Q = "encoder.layers.1.self_attn.linear_q.weight"


def test_facts_of_the_manifest(bundle_of: Callable[[str], Path]) -> None:
    manifest = Manifest.load(bundle_of("int8"))
    assert manifest.model_type == "cohere_transcribe"
    assert manifest.task == "transcribe"
    assert len(manifest.languages) == 14
    config = from_dict(CohereConfig, manifest.config, "manifest.json")
    assert config.decoder_start == 655
    assert config.end_of_text == 3
    assert config.clip_seconds == 35
    assert config.text_positions == 256
    assert config.language_tokens["en"] != config.language_tokens["fr"]


@pytest.mark.parametrize("precision", PRESETS)
def test_the_report_tells_what_quantization_did(
    bundle_of: Callable[[str], Path], precision: str
) -> None:
    report = json.loads((bundle_of(precision) / "report.json").read_text())
    checks = report["checks"]
    if precision == "fp32":
        assert len(checks) == 1
        return
    assert 0.9 < checks["cosine of encoder output against fp32"] < 1
    assert 0.9 < checks["cosine of logits against fp32"] < 1
    assert 0.2 < checks["likeliest token as with fp32, teacher-forced"] <= 1
    errors = {layer["name"]: layer["relative_error"] for layer in report["layers"]}
    assert 0 < errors["encoder.layers.0.feed_forward1.linear1"] < 0.12
    assert 0 < errors["encoder.layers.0.self_attn.relative_k_proj"] < 0.01


def test_smaller_precisions_are_smaller(bundle_of: Callable[[str], Path]) -> None:
    sizes = {
        precision: sum(path.stat().st_size for path in bundle_of(precision).glob("*.data"))
        for precision in PRESETS
    }
    # Blocks of 128 are filled up with zeros where a matrix is 48 wide.
    assert sizes["int4"] < sizes["balanced"] < sizes["int8"] < sizes["fp32"]


def drop(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda tensors: tensors.pop(name)


def put(name: str, values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda tensors: tensors.__setitem__(name, np.asarray(values, np.float32))


@pytest.mark.parametrize(
    ("change", "config", "message"),
    [
        (drop(Q), {}, "q_proj"),
        (drop("encoder.layers.1.norm_out.bias"), {}, "norm_out.bias"),
        (drop("log_softmax.mlp.layer0.bias"), {}, "proj_out.bias"),
        (drop("encoder.pre_encode.out.weight"), {}, "subsampling.linear"),
        (put("encoder.layers.9.norm_out.bias", np.zeros(64)), {}, "layers.9.norm_out.bias"),
        (put("lm_head.weight", np.zeros(3)), {}, "lm_head.weight"),
        (put(Q, np.zeros((64, 60))), {}, r"linear_q\.weight.*\[64, 60\].*\[64, 64\]"),
        (None, {"transf_decoder": {"config_dict": {"num_attention_heads": 5}}}, "5 decoder heads"),
        (None, {"encoder_config": {"hidden_act": "gelu"}}, "hidden_act is 'gelu'"),
        (None, {"encoder": {"self_attention_model": "abs_pos"}}, "'abs_pos'"),
        (None, {"max_audio_clip_s": "long"}, "max_audio_clip_s is 'long'"),
        (None, {"supported_languages": ["tlh"]}, "no token for any of tlh"),
    ],
)
def test_what_does_not_fit_is_named(
    tiny: CohereTiny,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None] | None,
    config: dict[str, Any],
    message: str,
) -> None:
    source = changed(tiny.published, tmp_path / "source", change, **config)
    if "max_audio_clip_s" in config:
        (source / "preprocessor_config.json").unlink()
        (source / "processor_config.json").unlink()
    with pytest.raises(UnsupportedModel, match=message) as error:
        export_bundle(source, tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_another_vocabulary_is_refused(tiny: CohereTiny, tmp_path: Path) -> None:
    source = changed(tiny.published, tmp_path / "source")
    path = source / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["vocab"].pop("▁")
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(UnsupportedModel, match=r"tokenizer\.json"):
        export_bundle(source, tmp_path / "out")


@pytest.mark.parametrize("key", ["n_fft", "preemphasis", "dither"])
def test_another_front_end_is_refused(tiny: CohereTiny, tmp_path: Path, key: str) -> None:
    source = changed(tiny.published, tmp_path / "source")
    path = source / "preprocessor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: 1024}))
    with pytest.raises(UnsupportedModel, match=f"{key} is 1024"):
        export_bundle(source, tmp_path / "out")


def test_settings_may_be_in_the_processors_file(tiny: CohereTiny, tmp_path: Path) -> None:
    source = changed(tiny.published, tmp_path / "source")
    (source / "preprocessor_config.json").unlink()
    path = source / "processor_config.json"
    processor = json.loads(path.read_text())
    processor["feature_extractor"]["max_audio_clip_s"] = 20.0
    path.write_text(json.dumps(processor))
    manifest = export_bundle(source, tmp_path / "out", precision="int8")
    assert manifest.config["clip_seconds"] == 20.0


def test_missing_biases_are_zeros(tiny: CohereTiny, tmp_path: Path) -> None:
    """As fine-tunes without them would be saved."""
    name = "encoder.layers.0.feed_forward1.linear1.bias"
    sources = [
        changed(tiny.published, tmp_path / "without", drop(name)),
        changed(tiny.published, tmp_path / "zero", put(name, np.zeros(256))),
    ]
    bundles = [tmp_path / f"{source.name}-out" for source in sources]
    for source, bundle in zip(sources, bundles, strict=True):
        export_bundle(source, bundle, precision="int8")
    assert len({(bundle / "encoder.data").read_bytes() for bundle in bundles}) == 1


def test_a_damaged_file_is_named(tiny: CohereTiny, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(tiny.published, source)
    path = source / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UnsupportedModel, match=r"model\.safetensors.*truncated"):
        export_bundle(source, tmp_path / "out")
