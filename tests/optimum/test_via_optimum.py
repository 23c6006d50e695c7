"""`--via optimum`: tiny random models, through PyTorch's tracer, to bundles that run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import edge_voice
from edge_voice.cli import main
from edge_voice.manifest import Manifest
from tests.export.checkpoints import write_tiny_whisper
from tests.export.models.moonshine import models

pytestmark = [
    pytest.mark.optimum,
    # PyTorch's own use of what it has deprecated.
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
]
LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz'"]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, arguments), "--via", "optimum"])


def checks(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((bundle / "report.json").read_text())["checks"]
    return found


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_whisper(tmp_path_factory.mktemp("whisper") / "tiny")


def test_whisper_is_the_same_as_through_the_builder(whisper, tmp_path):
    assert run(whisper, "-o", tmp_path / "traced", "--precision", "fp32").exit_code == 0
    built = ["export", "--source", str(whisper), "-o", str(tmp_path / "built")]
    assert CliRunner().invoke(main, [*built, "--precision", "fp32"]).exit_code == 0
    for file in ("encoder.data", "decoder.data"):
        assert (tmp_path / "traced" / file).read_bytes() == (tmp_path / "built" / file).read_bytes()
    found = checks(tmp_path / "traced")
    assert found["logits: largest difference from PyTorch, relative"] < 1e-4


@pytest.mark.parametrize("precision", ["int8", "int4", "balanced"])
def test_quantized_whisper_stays_close(whisper, tmp_path, precision):
    result = run(whisper, "-o", tmp_path / "bundle", "--precision", precision)
    assert result.exit_code == 0, result.output
    assert checks(tmp_path / "bundle")["logits: cosine to PyTorch"] > 0.95


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    config = Wav2Vec2Config(
        vocab_size=len(LETTERS), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, conv_dim=(16,) * 7, num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4, adapter_attn_dim=4,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("wav2vec2") / "tiny"
    saved(Wav2Vec2ForCTC, config, folder)
    write_json(folder / "vocab.json", {letter: i for i, letter in enumerate(LETTERS)})
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "Wav2Vec2CTCTokenizer"})
    write_json(folder / "preprocessor_config.json", {"sampling_rate": 16_000})
    return folder


@pytest.fixture(scope="module")
def vits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vits(tmp_path_factory.mktemp("vits") / "tiny", speakers=1)


def write_vits(folder: Path, speakers: int) -> Path:
    from transformers import VitsConfig, VitsModel

    config = VitsConfig(
        vocab_size=len(LETTERS), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        ffn_dim=64, flow_size=32, spectrogram_bins=65, upsample_initial_channel=64,
        depth_separable_num_layers=1, prior_encoder_num_flows=2, num_speakers=speakers,
        speaker_embedding_size=8 if speakers > 1 else 0, prior_encoder_num_wavenet_layers=1,
        posterior_encoder_num_wavenet_layers=1,
    )  # fmt: skip
    saved(VitsModel, config, folder)
    write_json(folder / "vocab.json", {letter: i for i, letter in enumerate(LETTERS)})
    write_json(
        folder / "tokenizer_config.json",
        {"add_blank": True, "normalize": True, "phonemize": False, "is_uroman": False},
    )
    return folder


def saved(kind: Any, config: Any, folder: Path) -> None:
    import torch

    torch.manual_seed(0)
    kind(config).eval().save_pretrained(folder)


def write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("precision", ["fp32", "int8", "int4", "balanced"])
def test_a_ctc_model(wav2vec2, tmp_path, data, precision):
    result = run(wav2vec2, "-o", tmp_path / "bundle", "--precision", precision)
    assert result.exit_code == 0, result.output
    found = checks(tmp_path / "bundle")
    if precision == "fp32":
        assert found["logits: largest difference from PyTorch, relative"] < 1e-4
    assert found["logits: cosine to PyTorch"] > 0.98
    model = edge_voice.load(tmp_path / "bundle", task="transcribe", threads=1)
    assert model.transcribe(data / "LJ001-0002.wav").duration > 1


def test_the_adapter_of_a_language(wav2vec2, tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "mms"
    shutil.copytree(wav2vec2, folder)
    tensors = load_file(folder / "model.safetensors")
    adapter = {n: t * 2 for n, t in tensors.items() if "adapter" in n or "lm_head" in n}
    save_file(adapter, folder / "adapter.deu.safetensors", metadata={"format": "pt"})
    letters = {letter: i for i, letter in enumerate(LETTERS)}
    write_json(folder / "vocab.json", {"eng": letters, "deu": letters})
    options = ["--precision", "fp32", "--adapter", "deu"]
    result = run(folder, "-o", tmp_path / "bundle", *options)
    assert result.exit_code == 0, result.output
    assert Manifest.load(tmp_path / "bundle").languages == ("de",)
    assert checks(tmp_path / "bundle")["logits: largest difference from PyTorch, relative"] < 1e-4


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_voice(vits, tmp_path, precision):
    result = run(vits, "-o", tmp_path / "bundle", "--precision", precision)
    assert result.exit_code == 0, result.output
    found = checks(tmp_path / "bundle")
    if precision == "fp32":
        assert found["waveform: largest difference from PyTorch, relative"] < 1e-4
    assert found["waveform: cosine to PyTorch"] > 0.95
    model = edge_voice.load(tmp_path / "bundle", task="speak", threads=1)
    assert sum(len(chunk.waveform) for chunk in model.synthesize("hello"))


def test_optimum_leaves_the_speaker_out(tmp_path):
    result = run(write_vits(tmp_path / "two", speakers=2), "-o", tmp_path / "bundle")
    assert result.exit_code == 3
    assert "2 voices, and no input for the speaker" in result.output


def test_moonshine(tmp_path):
    from transformers import MoonshineConfig, MoonshineForConditionalGeneration

    config = MoonshineConfig(
        vocab_size=270, hidden_size=64, intermediate_size=128, encoder_num_hidden_layers=2,
        decoder_num_hidden_layers=2, encoder_num_attention_heads=2, decoder_num_attention_heads=2,
    )  # fmt: skip
    folder = tmp_path / "tiny"
    saved(MoonshineForConditionalGeneration, config, folder)
    (folder / "tokenizer.bin").write_bytes(models.table())
    result = run(folder, "-o", tmp_path / "bundle", "--precision", "fp32")
    assert result.exit_code == 0, result.output
    assert checks(tmp_path / "bundle")["logits: largest difference from PyTorch, relative"] < 1e-4


def test_a_folder_that_is_not_there(tmp_path):
    result = run(tmp_path / "nothing", "-o", tmp_path / "bundle")
    assert result.exit_code == 3
    assert "allowed: a folder, or OWNER/REPOSITORY" in result.output


def test_an_architecture_without_a_family_is_named(tmp_path):
    config = {"architectures": ["BertForMaskedLM"], "model_type": "bert"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    result = run(tmp_path, "-o", tmp_path / "bundle")
    assert result.exit_code == 3
    assert "cannot export BertForMaskedLM via optimum (known: HubertForCTC, " in result.output


def test_a_checkpoint_without_a_head_is_refused(whisper, tmp_path):
    from safetensors.numpy import load_file, save_file

    for path in whisper.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["model.encoder.conv1.weight"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    result = run(tmp_path, "-o", tmp_path / "bundle")
    assert result.exit_code == 3
    assert "1 tensors are missing, the first of them model.encoder.conv1.weight" in result.output


def test_a_repository_that_cannot_be_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGE_VOICE_OFFLINE", "1")
    result = run("openai/whisper-tiny", "-o", tmp_path / "bundle")
    assert result.exit_code == 6
    assert "openai/whisper-tiny: cannot be loaded" in result.output
