"""A Whisper model that follows a script."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_voice.graph import GraphSpec
from edge_voice.manifest import Manifest, SourceEntry
from edge_voice.models.whisper import graphs, model
from edge_voice.models.whisper.config import WhisperConfig
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

    def session(path: Path, spec: GraphSpec, **_: Any) -> FakeSession:
        compute = script.encode if spec is graphs.ENCODER else script.decode
        return FakeSession(compute, script.config.vocabulary)

    def open_it(**changes: Any) -> model.WhisperModel:
        script.config = dataclasses.replace(CONFIG, **changes)
        manifest = Manifest(
            model_type="whisper",
            name="scripted",
            task="transcribe",
            precision="fp32",
            languages=("en", "de", "fr") if script.config.multilingual else ("en",),
            licence="MIT",
            source=SourceEntry("none"),
            exporter="test",
            graphs={"encoder": "encoder.onnx", "decoder": "decoder.onnx"},
            assets={"vocabulary": "bytes.tiktoken"},
            config=dataclasses.asdict(script.config),
        )
        return model.load(tmp_path, manifest, threads=1)

    monkeypatch.setattr(model, "Session", session)
    return open_it


@pytest.fixture
def whisper(open_model: Callable[..., model.WhisperModel]) -> model.WhisperModel:
    return open_model()
