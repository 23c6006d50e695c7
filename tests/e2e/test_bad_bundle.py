"""Bundles that were damaged on the way: named, refused, and never half used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edge_voice.manifest import Manifest

from .conftest import Run

MODEL_ERROR = 3
FILES = (
    "encoder.onnx",
    "encoder.data",
    "decoder.onnx",
    "decoder.data",
    "vocabulary.tiktoken",
    "report.json",
)


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))


def refused(run: Run, bundle: Path, data: Path) -> str:
    result = run("transcribe", data / "LJ001-0002.wav", "--model", bundle)
    assert result.returncode == MODEL_ERROR
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("edge-voice: error: ")
    return line


def test_every_file_is_covered(tiny_bundle: Path) -> None:
    assert set(FILES) <= set(Manifest.load(tiny_bundle).files)


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_byte(run: Run, bundle: Path, data: Path, name: str) -> None:
    path = bundle / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert name in refused(run, bundle, data)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_short_file(run: Run, bundle: Path, data: Path, name: str) -> None:
    path = bundle / name
    path.write_bytes(path.read_bytes()[:-1])
    assert name in refused(run, bundle, data)
    path.unlink()
    assert name in refused(run, bundle, data)


def change(bundle: Path, **changes: Any) -> None:
    path = bundle / "manifest.json"
    content = json.loads(path.read_text())
    for key, value in changes.items():
        if value is None:
            del content[key]
        else:
            content[key] = value
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"graphs": None}, "graphs"),
        ({"config": None}, "config"),
        ({"surprise": 1}, "surprise"),
        ({"format_version": 99}, "format_version"),
        ({"languages": "en"}, "languages"),
        ({"model_type": "../whisper"}, "model_type"),
        ({"model_type": "telepathy"}, "telepathy"),
        ({"graphs": {"encoder": "../encoder.onnx", "decoder": "decoder.onnx"}}, "../encoder.onnx"),
        ({"graphs": {"encoder": "/etc/passwd", "decoder": "decoder.onnx"}}, "/etc/passwd"),
        ({"config": {"mels": 80}}, "config"),
        ({"files": {}}, "files"),
    ],
)
def test_a_manifest_that_says_something_else(
    run: Run, bundle: Path, data: Path, changes: dict[str, Any], named: str
) -> None:
    change(bundle, **changes)
    assert named in refused(run, bundle, data)


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', "\x00\xff", "{" * 5000])
def test_a_manifest_that_is_none(run: Run, bundle: Path, data: Path, content: str) -> None:
    (bundle / "manifest.json").write_text(content)
    assert "manifest.json" in refused(run, bundle, data)


def test_graphs_of_another_model(run: Run, bundle: Path, data: Path) -> None:
    """Hashes that fit, names that do not: the contract is checked, not trusted."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["graphs"] = {"encoder": "decoder.onnx", "decoder": "encoder.onnx"}
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    assert "input" in refused(run, bundle, data)
