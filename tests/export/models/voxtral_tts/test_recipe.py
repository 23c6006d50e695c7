"""From a published folder to a bundle, and what is refused."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.synthetic_voxtral import write_tensor
from edge_voice.errors import EdgeVoiceError, ModelError, ModelNotFound, UnsupportedModel
from edge_voice.models.voxtral_tts.config import VoxtralConfig
from edge_voice.models.voxtral_tts.tables import RowTable
from edge_voice_export.checkpoint import open_checkpoint
from edge_voice_export.models.voxtral_tts.recipe import PRESETS, recognises
from edge_voice_export.pipeline import export_bundle
from edge_voice_export.quantize import INT8, Recipe
from tests.export.torch_files import TorchTensor, global_name, string, write_torch_file, write_zip

from .models import tiny_voxtral


@pytest.fixture
def published(data: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "published"
    shutil.copytree(data / "voxtral_tts_tiny/published", folder)
    return folder


def refusal(source: Path, kind: type[EdgeVoiceError] = UnsupportedModel) -> str:
    output = source.parent / "out"
    with pytest.raises(kind) as caught:
        export_bundle(source, output)
    assert "\n" not in str(caught.value)
    assert not output.exists()
    return str(caught.value)


def test_a_folder_becomes_a_bundle(published, tmp_path):
    manifest = export_bundle(published, tmp_path / "out", precision="fp32")
    assert (manifest.model_type, manifest.task) == ("voxtral_tts", "speak")
    assert manifest.languages == ("en", "fr")
    assert manifest.source.file == "consolidated.safetensors"
    config = VoxtralConfig(**manifest.config)
    assert config.voices == {"casual_male": 11, "fr_female": 7}
    assert (config.special_tokens, config.audio, config.text_begins, config.text_ends) == (
        1000, 24, 36, 35,
    )  # fmt: skip
    assert (config.steps, config.guidance, config.samples_per_frame) == (7, 1.2, 1920)
    assert config.frame_rate == 12.5
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert all(value < 1e-5 for value in report["checks"].values())
    assert len(report["checks"]) == 2


def test_the_weight_file_alone_names_its_folder(published, tmp_path):
    manifest = export_bundle(published / "consolidated.safetensors", tmp_path / "out")
    assert manifest.model_type == "voxtral_tts"


def test_voices_may_stand_beside_the_weights(published, tmp_path):
    """So they do where the catalog has fetched them: its files have plain names."""
    expected = export_bundle(published, tmp_path / "expected").files["voices.npy"]
    for path in (published / "voice_embedding").iterdir():
        path.rename(published / path.name)
    (published / "voice_embedding").rmdir()
    assert export_bundle(published, tmp_path / "out").files["voices.npy"] == expected


def test_tables_keep_their_stored_precision(published, tmp_path):
    manifest = export_bundle(published, tmp_path / "out", precision="balanced")
    with open_checkpoint(published) as checkpoint:
        for role, name in (
            ("text_embeddings", "mm_audio_embeddings.tok_embeddings.weight"),
            ("audio_embeddings", "mm_audio_embeddings.audio_codebook_embeddings.embeddings.weight"),
        ):
            stored = np.load(tmp_path / "out" / manifest.assets[role])
            assert stored.dtype == np.uint16
            widened = (stored.astype(np.uint32) << 16).view(np.float32)
            np.testing.assert_array_equal(widened, checkpoint.read(name))


def test_a_table_in_blocks_of_8_bits(published, tmp_path):
    """Read back by the runtime, and reported like any layer; the audio table is small."""
    manifest = export_bundle(published, tmp_path / "out", precision="int4")
    with open_checkpoint(published) as checkpoint:
        exact = checkpoint.read("mm_audio_embeddings.tok_embeddings.weight")
    table = RowTable(tmp_path / "out" / manifest.assets["text_embeddings"], exact.shape[1])
    assert len(table) == len(exact)
    found = table.rows(np.arange(len(exact)))
    error = np.linalg.norm(found - exact) / np.linalg.norm(exact)
    assert 0.001 < error < 0.01
    np.testing.assert_array_equal(table.rows(slice(2, 4)), found[2:4])
    layers = json.loads((tmp_path / "out/report.json").read_text())["layers"]
    row = next(layer for layer in layers if layer["name"] == "text_embeddings")
    assert (row["scheme"], row["parameters"]) == ("int8 block 32", exact.size)
    assert row["relative_error"] == pytest.approx(error, rel=1e-3)
    size = manifest.files["text_embeddings.npy"].bytes
    assert row["bytes"] == size < 0.65 * 2 * exact.size
    audio = np.load(tmp_path / "out" / manifest.assets["audio_embeddings"])
    assert audio.dtype == np.uint16


def test_a_table_with_one_scale_a_row(published, tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS, "rows", Recipe("rows", (("text_embeddings", INT8),)))
    manifest = export_bundle(published, tmp_path / "out", precision="rows")
    stored = np.load(tmp_path / "out" / manifest.assets["text_embeddings"])
    assert stored["scales"].shape == (len(stored), 1)


@pytest.mark.parametrize(("dtype", "stored"), [("float16", "<f2"), ("float32", "<f4")])
def test_tables_of_other_types(tmp_path, dtype, stored):
    tiny = tiny_voxtral(tmp_path, dtype=dtype)
    manifest = tiny.export(tmp_path / "out", "fp32")
    table = np.load(tmp_path / "out" / manifest.assets["text_embeddings"])
    assert table.dtype == np.dtype(stored)
    name = "mm_audio_embeddings.tok_embeddings.weight"
    np.testing.assert_array_equal(table, tiny.checkpoint.read(name))


def test_other_checkpoints_are_not_taken_for_this_one(published):
    with open_checkpoint(published) as checkpoint:
        assert recognises(checkpoint)
        checkpoint.config["model_type"] = "mistral"
        assert not recognises(checkpoint)


def change(path: Path, *keys: str, value: Any) -> None:
    content = json.loads(path.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    if value is None:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = value
    path.write_text(json.dumps(content))


AUDIO = ("multimodal", "audio_model_args")
CODEC = ("multimodal", "audio_tokenizer_args")
WRONG_PARAMS: dict[str, tuple[tuple[str, ...], Any, str]] = {
    "no width": (("dim",), None, "dim is None"),
    "text for a number": (("n_layers",), "2", "n_layers is '2'"),
    "biases": (("use_biases",), True, "use_biases is True"),
    "another width": (("dim",), 96, "96"),
    "heads that do not divide": (("n_kv_heads",), 4, "4 kv heads do not divide 6"),
    "an odd head size": (("head_dim",), 12, "head_dim is 12 (allowed: multiples of 16)"),
    "half a head size": (("head_dim",), 8, "head_dim is 8"),
    "theta of zero": (("rope_theta",), 0, "rope_theta is 0"),
    "another sum": ((*AUDIO, "input_embedding_concat_type"), "concat", "'concat'"),
    "no audio": (("multimodal",), None, "multimodal"),
    "another audio token": ((*AUDIO, "audio_token_id"), 26, "audio_token_id is 26"),
    "other acoustic width": ((*AUDIO, "acoustic_transformer_args", "dim"), 32, "dim is 32"),
    "more codes": ((*AUDIO, "semantic_codebook_size"), 63, "semantic_codebook_size is 63"),
    "a list of strides": ((*CODEC, "decoder_convs_strides_str"), [1, 2], "[1, 2]"),
    "fewer blocks": ((*CODEC, "decoder_convs_strides_str"), "1,2", "not as many"),
    "odd kernels": ((*CODEC, "decoder_convs_kernels_str"), "3,4,3,4", "kernel of 3"),
    "no look back": ((*CODEC, "attn_sliding_window_size"), 4, "windows"),
    "no voices": ((*CODEC, "voice"), {}, "no voices"),
    "voices in a list": ((*CODEC, "voice"), ["a"], "voice is not a table"),
    "a voice with a path": ((*CODEC, "voice"), {"../x": 0}, "not a plain name"),
    "more layers than tensors": (("n_layers",), 3, "layers.2"),
}


@pytest.mark.parametrize("damage", WRONG_PARAMS)
def test_params_that_do_not_fit(published, damage):
    keys, value, message = WRONG_PARAMS[damage]
    change(published / "params.json", *keys, value=value)
    assert message in refusal(published)


def test_a_number_of_steps_in_the_file_is_used(published, tmp_path):
    keys = (*AUDIO, "acoustic_transformer_args", "n_decoding_steps")
    change(published / "params.json", *keys, value=5)
    assert export_bundle(published, tmp_path / "out").config["steps"] == 5


FILES = [
    "consolidated.safetensors", "params.json", "tekken.json", "voice_embedding/casual_male.pt",
    "voice_embedding/fr_female.pt",
]  # fmt: skip


def test_these_are_all_files(published):
    found = [path.relative_to(published) for path in published.rglob("*") if path.is_file()]
    assert sorted(map(str, found)) == FILES


@pytest.mark.parametrize("name", FILES[1:])
def test_a_missing_file(published, name):
    (published / name).unlink()
    assert name in refusal(published, ModelNotFound)


def test_missing_weights(published):
    (published / FILES[0]).unlink()
    assert "consolidated.safetensors" in refusal(published, ModelError)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [0, 7, 300, -1])
def test_a_truncated_file(published, name, kept):
    path = published / name
    content = path.read_bytes().rstrip()  # a line break less would do no harm
    path.write_bytes(content[:kept])
    assert path.name in refusal(published)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("at", [0, 20])
def test_a_garbled_file(published, name, at):
    path = published / name
    content = bytearray(path.read_bytes())
    content[at : at + 200] = bytes(255 - byte for byte in content[at : at + 200])
    path.write_bytes(content)
    assert path.name in refusal(published)


@pytest.mark.parametrize("name", FILES)
def test_a_folder_in_the_place_of_a_file(published, name):
    (published / name).unlink()
    (published / name).mkdir()
    assert Path(name).name in refusal(published, ModelError)


WRONG_TEKKEN: dict[str, tuple[tuple[str, ...], Any]] = {
    "no config": (("config",), None),
    "no pattern": (("config", "pattern"), None),
    "larger than the model": (("config", "default_vocab_size"), 4001),
    "only special tokens": (("config", "default_num_special_tokens"), 4000),
    "no vocab": (("vocab",), None),
    "a short vocab": (("vocab",), []),
    "no special tokens": (("special_tokens",), None),
    "special tokens without names": (("special_tokens",), [{"rank": 1}]),
}


@pytest.mark.parametrize("damage", WRONG_TEKKEN)
def test_a_tokenizer_that_does_not_fit(published, damage):
    keys, value = WRONG_TEKKEN[damage]
    change(published / "tekken.json", *keys, value=value)
    assert "tekken.json" in refusal(published)


@pytest.mark.parametrize(
    "entry", [{"rank": 5, "token_bytes": "AA=="}, {"rank": 3, "token_bytes": "A?=="}, {"rank": 3}]
)
def test_a_vocabulary_out_of_order(published, entry):
    path = published / "tekken.json"
    vocab = json.loads(path.read_text())["vocab"]
    vocab[3] = entry
    change(path, "vocab", value=vocab)
    assert "tekken.json" in refusal(published)


class _Shell:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return __import__("os").system, ("touch owned",)


def test_a_voice_that_tries_to_run_code(published, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = published / "voice_embedding/fr_female.pt"
    write_zip(path, {"x/data.pkl": pickle.dumps(_Shell()), "x/byteorder": b"little"})
    assert "system" in refusal(published)
    write_zip(path, {"x/data.pkl": global_name("builtins", "eval") + string("1") + b"\x85R."})
    assert "builtins.eval" in refusal(published)
    assert not (tmp_path / "owned").exists()


def test_voices_that_are_no_tables(published):
    path = published / "voice_embedding/fr_female.pt"
    tensor = TorchTensor("bfloat16", (3, 5), "0", 15)
    write_torch_file(path, tensor, {"0": bytes(30)})
    assert "[3, 5]" in refusal(published)
    write_torch_file(path, {"a": tensor}, {"0": bytes(30)})
    assert "holds a dict" in refusal(published)
    write_tensor(path, np.full((3, 64), np.nan, np.float32), "x")
    assert "finite" in refusal(published)


BACKBONE = "backbone.layers.3."
ACOUSTIC = "acoustic_transformer.layers.1."


@pytest.mark.parametrize(
    ("preset", "down", "others", "attention", "acoustic", "codec"),
    [
        ("fp32", 32, 32, 32, 32, 32),
        ("int8", 8, 8, 8, 8, 8),
        ("int4", 4, 4, 8, 4, 8),
        ("balanced", 8, 4, 8, 8, 32),
    ],
)
def test_presets(preset, down, others, attention, acoustic, codec):
    recipe = PRESETS[preset]
    assert recipe.name == preset
    assert recipe.scheme(f"{BACKBONE}feed_forward.w2").bits == down
    for layer in ("attention.wqkv", "attention.wo"):
        assert recipe.scheme(BACKBONE + layer).bits == others
        assert recipe.scheme(ACOUSTIC + layer).bits == attention
    for layer in ("feed_forward.w1", "feed_forward.w3"):
        assert recipe.scheme(BACKBONE + layer).bits == others
        assert recipe.scheme(ACOUSTIC + layer).bits == acoustic
    assert recipe.scheme("semantic_head").bits == (32 if preset == "fp32" else 8)
    assert recipe.scheme("text_embeddings").bits == codec
    for layer in ("attention.wq", "attention.wo", "feed_forward.w1", "feed_forward.w2"):
        assert recipe.scheme(f"codec.decoder_blocks.1.layers.0.{layer}").bits == codec
    for layer in ("codec.0.conv", "codec.output_proj", "audio_embeddings",
                  "acoustic_transformer.acoustic_codebook_output",
                  "acoustic_transformer.input_projection"):  # fmt: skip
        assert recipe.scheme(layer).bits == 32
