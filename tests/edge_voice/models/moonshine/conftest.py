"""A Moonshine whose encoder counts clips and whose decoder reads from a script."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_voice.models.moonshine import model
from edge_voice.models.moonshine.config import MoonshineConfig
from edge_voice.pieces import PieceTokenizer
from edge_voice_export.piece_table import read_piece_table
from tests.edge_voice.models.scripted import ChunkScript, manifest_of, play
from tests.export.models.moonshine.models import table

CONFIG = MoonshineConfig(
    text_positions=64, vocabulary=270, start_of_text=1, end_of_text=2, tokens_per_second=6.5
)


@pytest.fixture
def script(tmp_path: Path) -> Iterator[ChunkScript]:
    (tmp_path / "tokenizer.bin").write_bytes(table())
    vocabulary = read_piece_table(tmp_path / "tokenizer.bin")
    (tmp_path / "vocabulary.pieces").write_bytes(vocabulary.content())
    script = ChunkScript(
        PieceTokenizer(tmp_path / "vocabulary.pieces"),
        CONFIG.end_of_text,
        prompt_tokens=1,
        positions_per_token=8.0,
        texts=("ab a.",),
    )
    yield script
    assert all(prompt == (CONFIG.start_of_text,) for prompt in script.prompts)


@pytest.fixture
def open_model(
    script: ChunkScript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., model.MoonshineModel]:
    """Opens a model that follows the script; takes changes to its config."""
    play(monkeypatch, model, script, CONFIG.vocabulary)

    def open_it(**changes: Any) -> model.MoonshineModel:
        config = dataclasses.replace(CONFIG, **changes)
        manifest = manifest_of("moonshine", config, ("en",), "vocabulary.pieces")
        return model.load(tmp_path, manifest, threads=1)

    return open_it


@pytest.fixture
def moonshine(open_model: Callable[..., model.MoonshineModel]) -> model.MoonshineModel:
    return open_model()
