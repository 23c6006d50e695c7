"""What is in the wheel and in the source archive."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest

import edge_voice

ROOT = Path(__file__).parents[1]
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
VERSION = edge_voice.__version__


def run(*command: str, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build_wheel(source: Path, output: Path) -> Path:
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "-w", str(output))
    run("-m", "pip", "wheel", *options, str(source), folder=output)
    (wheel,) = output.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources: building leaves traces in its folder."""
    folder = tmp_path_factory.mktemp("source")
    for part in ("edge_voice", "export"):
        shutil.copytree(
            ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    for part in FILES:
        shutil.copy(ROOT / part, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def archive(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("archive")
    code = f"from setuptools.build_meta import build_sdist; build_sdist({str(output)!r})"
    run("-c", code, folder=source)
    (path,) = output.glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder)
    return folder


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


def expected() -> Iterator[str]:
    """Every file of the two packages, where the wheel should have it."""
    for folder, package in (("edge_voice", "edge_voice"), ("export", "edge_voice_export")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{package}/{path.relative_to(ROOT / folder).as_posix()}"


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    packaged = {name for name in names(wheel) if ".dist-info/" not in name}
    assert packaged == set(expected())
    assert {
        "edge_voice/py.typed",
        "edge_voice_export/py.typed",
        "edge_voice/hub/catalog.toml",
        "edge_voice/data/silero_vad.onnx",
        "edge_voice_export/data/multilingual.tiktoken",
    } <= packaged


def test_the_wheel_runs_anywhere(wheel: Path) -> None:
    assert wheel.name == f"edge_voice-{VERSION}-py3-none-any.whl"


def test_licences_are_in_the_wheel(wheel: Path) -> None:
    notices = ["LICENSE", "edge_voice/data/silero_vad.LICENSE"]
    notices += ["export/data/whisper-vocabulary.LICENSE"]
    folder = f"edge_voice-{VERSION}.dist-info/licenses"
    with zipfile.ZipFile(wheel) as file:
        for notice in notices:
            assert file.read(f"{folder}/{notice}") == (ROOT / notice).read_bytes()


def test_every_foreign_file_has_its_notice() -> None:
    speed = {f"speed_{kind}.onnx" for kind in ("convolutions", "products", "steps")}
    data = [*(ROOT / "edge_voice/data").iterdir(), *(ROOT / "export/data").iterdir()]
    assert {path.name for path in data} - speed - {"model_costs.json"} == {
        "silero_vad.onnx",
        "silero_vad.LICENSE",
        "gpt2.tiktoken",
        "multilingual.tiktoken",
        "whisper-vocabulary.LICENSE",
    }


def test_metadata(unpacked: Path) -> None:
    info = unpacked / f"edge_voice-{VERSION}.dist-info"
    metadata = Parser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
    assert (metadata["Name"], metadata["Version"]) == ("edge-voice", VERSION)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert {line.split(">")[0].split("<")[0] for line in required} == {
        "onnxruntime", "numpy", "soundfile", "click", "soxr", "tiktoken",
    }  # fmt: skip
    assert {"export", "dev", "parity"} <= set(metadata.get_all("Provides-Extra", []))
    assert "edge-voice = edge_voice.cli:main" in (info / "entry_points.txt").read_text()


def test_what_is_installed_finds_its_data(unpacked: Path, tmp_path: Path) -> None:
    code = """
import edge_voice, edge_voice_export
from edge_voice.hub.catalog import load_catalog
from edge_voice.vad import VoiceActivity
from edge_voice_export.models.whisper import recipe
VoiceActivity()
print(edge_voice.__file__, edge_voice_export.__file__, "whisper-tiny.en" in load_catalog().models)
"""
    found = run("-c", code, folder=tmp_path, PYTHONPATH=str(unpacked), PYTHONSAFEPATH="1")
    runtime, exporter, listed = found.split()
    assert Path(runtime).is_relative_to(unpacked)
    assert Path(exporter).is_relative_to(unpacked)
    assert listed == "True"


def test_the_source_archive_builds_the_same_wheel(
    archive: Path, wheel: Path, tmp_path: Path
) -> None:
    with tarfile.open(archive) as file:
        members = {name.partition("/")[2] for name in file.getnames()}
    assert set(FILES) <= members
    assert names(build_wheel(archive, tmp_path)) == names(wheel)
