"""What is read from a checkpoint, and which layer becomes what."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_voice.errors import EdgeVoiceError, UnsupportedModel
from edge_voice.manifest import from_dict
from edge_voice.models.whisper.config import WhisperConfig
from edge_voice_export import export_bundle
from edge_voice_export.checkpoint import open_checkpoint
from edge_voice_export.models.whisper.graph import Dimensions
from edge_voice_export.models.whisper.names import Weights
from edge_voice_export.models.whisper.recipe import PRESETS, read_dimensions, recognises
from edge_voice_export.models.whisper.tokens import LANGUAGES
from tests.export.checkpoints import write_tiny_whisper

from .models import tiny_checkpoint

TINY = {"layers": 1, "width": 32, "heads": 4, "audio_ctx": 100, "text_ctx": 16}


@pytest.mark.parametrize("layout", ["huggingface", "openai"])
def test_sizes_come_from_the_tensors(tmp_path, layout):
    path = write_tiny_whisper(tmp_path, layout=layout, mels=128, **TINY)
    with open_checkpoint(path) as checkpoint:
        assert recognises(checkpoint)
        found = read_dimensions(Weights(checkpoint))
        vocabulary = 51865 if layout == "openai" else 2120
        assert found == Dimensions(128, 32, 4, 4, 1, 1, 100, 16, vocabulary)


def test_halves_may_differ(tokenizer):
    tiny = tiny_checkpoint(tokenizer, layers=3, decoder_layers=2, encoder_heads=8, decoder_heads=1)
    found = read_dimensions(Weights(tiny.checkpoint))
    assert (found.encoder_layers, found.decoder_layers) == (3, 2)
    assert (found.encoder_heads, found.decoder_heads) == (8, 1)


@pytest.mark.parametrize("value", [None, "2", 2.0, True, 0, -1, 3, 33])
@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_head_counts_that_cannot_be(tokenizer, side, value):
    checkpoint = tiny_checkpoint(tokenizer, width=32).checkpoint
    checkpoint.config[f"{side}_attention_heads"] = value
    with pytest.raises(UnsupportedModel, match=r"heads"):
        read_dimensions(Weights(checkpoint))


@pytest.mark.parametrize(("heads", "size"), [(8, 4), (16, 2), (32, 1)])
def test_decoder_heads_that_no_kernel_takes(tokenizer, heads, size):
    checkpoint = tiny_checkpoint(tokenizer, width=32, decoder_heads=heads).checkpoint
    with pytest.raises(UnsupportedModel, match=f"decoder heads of {size} channels"):
        read_dimensions(Weights(checkpoint))


@pytest.mark.parametrize("multilingual", [True, False])
@pytest.mark.parametrize("layout", ["huggingface", "openai"])
def test_languages_in_the_manifest(tmp_path, layout, multilingual):
    path = write_tiny_whisper(tmp_path / "x", layout=layout, multilingual=multilingual, **TINY)
    manifest = export_bundle(path, tmp_path / "out", precision="int4")
    config = from_dict(WhisperConfig, manifest.config, "config")
    assert config.multilingual == multilingual
    assert manifest.languages == (LANGUAGES[:99] if multilingual else ("en",))


def edit_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


DAMAGE: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "no heads": ("config.json", lambda c: c.pop("decoder_attention_heads")),
    "no tokens": ("tokenizer.json", lambda c: c["model"].pop("vocab")),
    "other tokenizer": ("tokenizer.json", lambda c: c["model"].update(type="Unigram")),
    "other activation": ("config.json", lambda c: c.update(activation_function="relu")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_checkpoints_that_cannot_be_exported(tmp_path, damage):
    file, change = DAMAGE[damage]
    folder = write_tiny_whisper(tmp_path / "x", **TINY)
    edit_json(folder / file, change)
    with pytest.raises(UnsupportedModel) as caught:
        export_bundle(folder, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["{", "[]", "", "\xff"])
def test_a_damaged_generation_config(tmp_path, content):
    folder = write_tiny_whisper(tmp_path / "x", **TINY)
    (folder / "generation_config.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(EdgeVoiceError, match="generation_config") as caught:
        export_bundle(folder, tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_a_checkpoint_without_a_generation_config(tmp_path):
    folder = write_tiny_whisper(tmp_path / "x", **TINY)
    (folder / "generation_config.json").unlink()
    config = export_bundle(folder, tmp_path / "out").config
    assert config["no_timestamps"] == 618
    assert not config["multilingual"]  # fewer ids than the multilingual vocabulary has


def test_a_checkpoint_without_any_tokenizer(tmp_path):
    folder = write_tiny_whisper(tmp_path / "x", **TINY)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(UnsupportedModel, match="2120"):
        export_bundle(folder, tmp_path / "out")


SENSITIVE = ("decoder.embed_tokens", "decoder.head")
WIDE = (
    "encoder.layers.0.fc1",
    "encoder.layers.31.self_attn.out_proj",
    "decoder.layers.0.encoder_attn.k_proj",
    "decoder.layers.3.encoder_attn.v_proj",
)
NARROW = (
    "decoder.layers.0.fc2",
    "decoder.layers.3.self_attn.qkv_proj",
    "decoder.layers.3.encoder_attn.q_proj",
    "decoder.layers.3.encoder_attn.out_proj",
)


@pytest.mark.parametrize(
    ("preset", "wide", "narrow", "sensitive"),
    [
        ("fp32", 32, 32, 32),
        ("int8", 8, 8, 8),
        ("int4", 8, 4, 4),
        ("balanced", 8, 4, 8),
    ],
)
def test_presets(preset, wide, narrow, sensitive):
    recipe = PRESETS[preset]
    assert recipe.name == preset
    for layers, bits in ((WIDE, wide), (NARROW, narrow), (SENSITIVE, sensitive)):
        for layer in layers:
            assert recipe.scheme(layer).bits == bits, layer
    if preset != "fp32":
        assert all(recipe.scheme(layer).block_size == 0 for layer in WIDE)
        assert all(recipe.scheme(layer).block_size for layer in (*NARROW, *SENSITIVE))
    # One table, two uses: in the same scheme it is stored once.
    assert len({recipe.scheme(layer) for layer in SENSITIVE}) == 1
