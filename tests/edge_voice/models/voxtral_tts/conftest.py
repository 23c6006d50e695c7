"""A bundle of the small published-format checkpoint."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import edge_voice
from edge_voice.models.voxtral_tts.model import VoxtralModel
from edge_voice_export import export_bundle


@pytest.fixture(scope="session")
def exported(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voxtral") / "bundle"
    export_bundle(data / "voxtral_tts_tiny/published", folder, precision="fp32")
    return folder


@pytest.fixture
def bundle(exported: Path, tmp_path: Path) -> Path:
    """A copy of its own."""
    return Path(shutil.copytree(exported, tmp_path / "bundle"))


@pytest.fixture(scope="session")
def model(exported: Path) -> VoxtralModel:
    return edge_voice.load(exported, threads=1)
