"""Whisper tiny.en, real and pretended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import edge_voice
from edge_voice.hub.pull import pull
from edge_voice_export import export_bundle
from tests.export.checkpoints import write_tiny_whisper

from .cohere_tiny import CohereTiny
from .whisper_tiny_en import Clip, clips, full_clips


@pytest.fixture(scope="session")
def expected(data: Path) -> dict[str, Clip]:
    return clips(data)


@pytest.fixture(scope="session")
def all_expected(shared: Path) -> dict[str, Clip]:
    folder = shared / "golden/whisper_tiny_en"
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}")
    return full_clips(folder)


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Random weights behind the front end of tiny.en: features do not depend on weights."""
    folder = tmp_path_factory.mktemp("random")
    source = write_tiny_whisper(folder / "source", layers=1, width=16)
    export_bundle(source, folder / "out", precision="fp32")
    return edge_voice.load(folder / "out")


@pytest.fixture(scope="session")
def tiny_en() -> Callable[[str], Path]:
    """The bundle of a precision; the published weights are fetched if it is not in the store."""
    return lambda precision: pull("whisper-tiny.en", precision)


@pytest.fixture(scope="session")
def cohere(data: Path) -> CohereTiny:
    return CohereTiny(data / "cohere_transcribe_tiny")


@pytest.fixture(scope="session")
def cohere_model(cohere: CohereTiny, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tiny checkpoint, exported as fp32."""
    folder = tmp_path_factory.mktemp("cohere")
    export_bundle(cohere.published, folder / "out", precision="fp32", name="tiny")
    return edge_voice.load(folder / "out", threads=1)
