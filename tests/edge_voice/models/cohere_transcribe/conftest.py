"""A Cohere Transcribe whose encoder counts clips and whose decoder reads from a script."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_voice.models.cohere_transcribe import model
from edge_voice.models.cohere_transcribe.config import CohereConfig
from edge_voice.pieces import PieceTokenizer
from edge_voice_export.pieces import read_pieces
from tests.edge_voice.models.scripted import ChunkScript, manifest_of, play

LANGUAGES = ("en", "fr", "ja")
PROMPT = 10


@pytest.fixture
def script(data: Path, tmp_path: Path) -> ChunkScript:
    vocabulary = read_pieces(data / "cohere_transcribe_tiny" / "published", embedding_rows=781)
    (tmp_path / "vocabulary.pieces").write_bytes(vocabulary.content())
    tokenizer = PieceTokenizer(tmp_path / "vocabulary.pieces")
    return ChunkScript(
        tokenizer,
        tokenizer.id("<|endoftext|>"),
        prompt_tokens=PROMPT,
        positions_per_token=3.0,
        texts=("hello",),
    )


@pytest.fixture
def config(script: ChunkScript) -> CohereConfig:
    piece = script.tokenizer.id
    return CohereConfig(
        mels=8,
        text_positions=64,
        vocabulary=len(script.tokenizer),
        clip_seconds=35.0,
        overlap_seconds=5.0,
        energy_window_samples=1600,
        decoder_start=piece("▁"),
        start_of_context=piece("<|startofcontext|>"),
        start_of_transcript=piece("<|startoftranscript|>"),
        undefined_emotion=piece("<|emo:undefined|>"),
        punctuation=piece("<|pnc|>"),
        no_punctuation=piece("<|nopnc|>"),
        no_inverse_normalization=piece("<|noitn|>"),
        no_timestamps=piece("<|notimestamp|>"),
        no_diarization=piece("<|nodiarize|>"),
        end_of_text=piece("<|endoftext|>"),
        language_tokens={code: piece(f"<|{code}|>") for code in LANGUAGES},
    )


@pytest.fixture
def open_model(
    script: ChunkScript, config: CohereConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., model.CohereModel]:
    """Opens a model that follows the script; takes changes to its config."""
    play(monkeypatch, model, script, config.vocabulary)

    def open_it(**changes: Any) -> model.CohereModel:
        changed = dataclasses.replace(config, **changes)
        manifest = manifest_of("cohere_transcribe", changed, LANGUAGES, "vocabulary.pieces")
        return model.load(tmp_path, manifest, threads=1)

    return open_it


@pytest.fixture
def cohere(open_model: Callable[..., model.CohereModel]) -> model.CohereModel:
    return open_model()
