"""From a checkpoint's files to the manifest; checkpoints that are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_voice.errors import ModelNotFound, UnsupportedModel
from edge_voice.manifest import Manifest
from edge_voice.pieces import PieceTokenizer
from edge_voice_export import export_bundle
from edge_voice_export.models.moonshine.settings import languages_of

from . import models

ATTENTION = "model.encoder.layers.1.self_attn.q_proj"


def test_facts_of_the_manifest(tmp_path: Path) -> None:
    source = models.write_checkpoint(tmp_path / "source", models.tensors())
    manifest = export_bundle(source, tmp_path / "bundle", precision="int8")
    assert (manifest.model_type, manifest.task) == ("moonshine", "transcribe")
    assert manifest.languages == ("en",)
    assert manifest.config == {
        "text_positions": 64,
        "vocabulary": 270,
        "start_of_text": 1,
        "end_of_text": 2,
        "tokens_per_second": 6.5,
    }
    assert Manifest.load(tmp_path / "bundle") == manifest
    checks = json.loads((tmp_path / "bundle" / "report.json").read_text())["checks"]
    assert 0.99 < checks["cosine of encoder output against fp32"] < 1
    tokenizer = PieceTokenizer(tmp_path / "bundle" / manifest.asset("vocabulary"))
    ids = tokenizer.encode("ab a €")
    assert ids == [264, 262, 259, *(3 + byte for byte in "€".encode())]
    assert tokenizer.decode([1, *ids, 266, 267, 2]) == " ab a €"


SPELLINGS = ["inside transformers", "keys of 5.23", "with attention bias"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_other_spellings(tmp_path: Path, spelling: str) -> None:
    """The same graphs, whatever the files call things."""
    weights = models.tensors()
    config: dict[str, Any] = {}
    export_bundle(
        models.write_checkpoint(tmp_path / "a", weights), tmp_path / "x", precision="fp32"
    )
    if spelling == "inside transformers":
        weights = {name.removeprefix("model."): values for name, values in weights.items()}
        weights["proj_out.weight"] = weights["decoder.embed_tokens.weight"]
    elif spelling == "keys of 5.23":
        rope = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.9}
        config = {"rope_parameters": rope, "partial_rotary_factor": 0.1}
    else:
        weights |= {f"{ATTENTION}.bias": np.ones(models.WIDTH, np.float32)}
    export_bundle(
        models.write_checkpoint(tmp_path / "b", weights, **config), tmp_path / "y", precision="fp32"
    )
    assert _files(tmp_path / "x", "decoder") == _files(tmp_path / "y", "decoder")
    same = _files(tmp_path / "x", "encoder") == _files(tmp_path / "y", "encoder")
    assert same is (spelling != "with attention bias")


def _files(folder: Path, role: str) -> list[bytes]:
    return [(folder / f"{role}.{kind}").read_bytes() for kind in ("onnx", "data")]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"encoder_hidden_act": "relu"}, "encoder_hidden_act is 'relu' (known: 'gelu')"),
        ({"decoder_num_key_value_heads": 2}, "allowed: as many as attention heads, 4"),
        ({"rope_scaling": {"rope_type": "yarn"}}, "rope_type is 'yarn'"),
        ({"rope_theta": "10000"}, "rope_theta is '10000' (allowed: a number above 0)"),
        ({"encoder_num_attention_heads": 5}, "5 encoder heads (allowed: a divisor"),
        ({"max_position_embeddings": 0}, "max_position_embeddings is 0"),
        ({"eos_token_id": [2]}, "eos_token_id is [2] (allowed: a token id)"),
    ],
)
def test_configurations_that_are_refused(
    tmp_path: Path, config: dict[str, Any], message: str
) -> None:
    source = models.write_checkpoint(tmp_path / "source", models.tensors(), **config)
    with pytest.raises(UnsupportedModel) as error:
        export_bundle(source, tmp_path / "bundle")
    assert message in str(error.value)
    assert not (tmp_path / "bundle").exists()


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda weights: weights.pop(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without(f"{ATTENTION}.weight"), "'encoder.layers.1.self_attn.q_proj.weight'"),
        (_without("model.decoder.embed_tokens.weight"), "no tensor 'decoder.embed_tokens.weight'"),
        (
            lambda weights: weights.update({"extra.weight": np.ones(3, np.float32)}),
            "'extra.weight' of shape [3] is unexpected",
        ),
        (
            lambda weights: weights.update({f"{ATTENTION}.weight": np.ones((9, 32), np.float32)}),
            "has shape [9, 32] (allowed: [32, 32])",
        ),
    ],
)
def test_tensors_that_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    weights = models.tensors()
    change(weights)
    source = models.write_checkpoint(tmp_path / "source", weights)
    with pytest.raises(UnsupportedModel) as error:
        export_bundle(source, tmp_path / "bundle")
    assert message in str(error.value)


def test_vocabularies_that_are_refused(tmp_path: Path) -> None:
    source = models.write_checkpoint(tmp_path / "source", models.tensors())
    for content, message in (
        (models.table()[:-1], "tokenizer.bin: cut off inside a token"),
        (models.table() + b"\x01x", "has 271 tokens and the model 270"),
        (b"\x03abc" * 300, "does not begin with <unk>, <s>, </s> and the 256 bytes"),
        (models.table()[:-2] + b"\x01\xff", "a token is not UTF-8"),
    ):
        (source / "tokenizer.bin").write_bytes(content)
        with pytest.raises(UnsupportedModel, match=message.replace("(", r"\(")):
            export_bundle(source, tmp_path / "bundle")
    (source / "tokenizer.bin").unlink()
    with pytest.raises(ModelNotFound, match=r"tokenizer\.json"):
        export_bundle(source, tmp_path / "bundle")


@pytest.mark.parametrize(
    ("card", "languages"),
    [
        ("---\nlicense: other\nlanguage:\n- ja\n---\n# Card", ("ja",)),
        ("---\nlanguage: ko\n---\n", ("ko",)),
        ("---\nlanguage: [zh, en]\ntags: x\n---\n", ("zh", "en")),
        ("---\nlicense: mit\n---\nlanguage: fr\n", ("en",)),
        ("no front matter", ("en",)),
    ],
)
def test_languages_of_a_model_card(
    tmp_path: Path, card: str, languages: tuple[str, ...]
) -> None:
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    assert languages_of(tmp_path) == languages


def test_other_languages_take_more_tokens(tmp_path: Path) -> None:
    source = models.write_checkpoint(tmp_path / "source", models.tensors())
    (source / "README.md").write_text("---\nlanguage:\n- ja\n---\n")
    manifest = export_bundle(source, tmp_path / "bundle", precision="fp32")
    assert manifest.languages == ("ja",)
    assert manifest.config["tokens_per_second"] == 13
