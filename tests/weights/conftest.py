"""What voices are heard with."""

from __future__ import annotations

from pathlib import Path

import pytest

import edge_voice
from edge_voice.hub.pull import pull
from edge_voice.transcriber import Transcriber


@pytest.fixture(scope="module")
def listener() -> Transcriber:
    return edge_voice.load(pull("whisper-tiny.en"))


@pytest.fixture(scope="module")
def sentences(data: Path) -> list[str]:
    return (data / "spoken_sentences.txt").read_text(encoding="utf-8").splitlines()
