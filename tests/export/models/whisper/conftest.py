"""What all tests of Whisper's export share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.export.checkpoints import write_tiny_whisper

from .models import VOCABULARY


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tokenizer that belongs to `VOCABULARY`."""
    folder = tmp_path_factory.mktemp("tokenizer")
    sizes = {"layers": 1, "width": 2, "audio_ctx": 2, "text_ctx": 2}
    return write_tiny_whisper(folder, vocab=VOCABULARY, **sizes)
