"""A Whisper model that follows a script."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_voice.models.whisper import model
from edge_voice.models.whisper.config import WhisperConfig
from tests.edge_voice.models.scripted import manifest_of, play
from tests.edge_voice.models.whisper.script import CONFIG, FakeSession, Script


@pytest.fixture
def config() -> WhisperConfig:
    return CONFIG


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def encoder_session(script: Script) -> FakeSession:
    return FakeSession(script.encode)


@pytest.fixture
def decoder_session(script: Script) -> FakeSession:
    return FakeSession(script.decode)


@pytest.fixture
def open_model(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., model.WhisperModel]:
    """Opens a model that follows the script; takes changes to its config."""
    lines = (base64.b64encode(bytes([i])) + b" %d\n" % i for i in range(256))
    (tmp_path / "bytes.tiktoken").write_bytes(b"".join(lines))

    def open_it(**changes: Any) -> model.WhisperModel:
        script.config = dataclasses.replace(CONFIG, **changes)
        play(monkeypatch, model, script, script.config.vocabulary)
        languages = ("en", "de", "fr") if script.config.multilingual else ("en",)
        manifest = manifest_of("whisper", script.config, languages, "bytes.tiktoken")
        return model.load(tmp_path, manifest, threads=1)

    return open_it


@pytest.fixture
def whisper(open_model: Callable[..., model.WhisperModel]) -> model.WhisperModel:
    return open_model()
