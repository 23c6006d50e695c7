"""`--via optimum`: tiny random models, through PyTorch's tracer, to bundles that run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edge_voice.cli import main
from tests.export.checkpoints import write_tiny_whisper

pytestmark = pytest.mark.optimum


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
