"""Cohere Transcribe against what transformers computed, stage by stage, in fp32."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import edge_voice
from edge_voice.cli import main
from edge_voice_export import export_bundle

from .cohere_tiny import ENCODER, FEATURES, CohereTiny


@pytest.mark.parametrize("clip", ["a", "b"])
def test_features(cohere: CohereTiny, cohere_model: Any, clip: str) -> None:
    found, expected = cohere_model.features(cohere.waveform(clip)), cohere.arrays
    assert found.dtype == np.float32
    assert len(found) == expected[f"{clip}_valid"]
    np.testing.assert_allclose(found, expected[f"{clip}_features"], **FEATURES)


@pytest.mark.parametrize("clip", ["a", "b"])
def test_encoder(cohere: CohereTiny, cohere_model: Any, clip: str) -> None:
    found = cohere_model.encode(cohere_model.features(cohere.waveform(clip)))
    expected = cohere.arrays[f"{clip}_projected"]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, **ENCODER)


def test_encoder_of_each_chunk(cohere: CohereTiny, cohere_model: Any) -> None:
    waveform = cohere.waveform("c")
    for k, (start, stop) in enumerate(cohere_model.chunks(waveform)):
        found = cohere_model.encode(cohere_model.features(waveform[start:stop]))
        np.testing.assert_allclose(found, cohere.arrays[f"c{k}_projected"], **ENCODER)


@pytest.mark.parametrize("clip", ["a", "b", "c"])
def test_chunks_and_greedy_ids(cohere: CohereTiny, cohere_model: Any, clip: str) -> None:
    facts, waveform = cohere.clip(clip), cohere.waveform(clip)
    chunks = cohere_model.chunks(waveform)
    assert [list(chunk) for chunk in chunks] == facts["chunk_boundaries_samples"]
    ids = facts["generated_ids"]
    rows = ids if isinstance(ids[0], list) else [ids]
    for (start, stop), expected in zip(chunks, rows, strict=True):
        found = cohere_model.generate(
            waveform[start:stop], facts["language"], max_new_tokens=facts["max_new_tokens"]
        )
        padded = found + [2] * (len(expected) - len(found))
        assert padded == expected


def test_prompts(cohere: CohereTiny, cohere_model: Any) -> None:
    prompts = cohere.facts["prompts"]
    assert len(prompts) == 2 * 14
    for case in prompts:
        found = cohere_model.config.prompt(case["language"], punctuation=case["punctuation"])
        assert found == case["ids"]


@pytest.mark.parametrize("spelling", ["model.", "both"])
def test_other_spellings_make_the_same_bundle(
    cohere: CohereTiny, cohere_model: Any, tmp_path: Path, spelling: str
) -> None:
    from tests.export.models.cohere_transcribe.checkpoints import respelled

    source = respelled(cohere.folder, tmp_path / "source", spelling)
    export_bundle(source, tmp_path / "out", precision="fp32")
    other = edge_voice.load(tmp_path / "out", threads=1)
    features = cohere.arrays["a_features"]
    np.testing.assert_array_equal(other.encode(features), cohere_model.encode(features))
    ids = [model.generate(cohere.waveform("a"), "en", max_new_tokens=9)
           for model in (other, cohere_model)]  # fmt: skip
    assert ids[0] == ids[1]


@pytest.fixture
def command(
    cohere: CohereTiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """`edge-voice transcribe` with the tiny model, and a store with nothing in it."""
    monkeypatch.setenv("EDGE_VOICE_HOME", str(tmp_path / "store"))
    export_bundle(cohere.published, tmp_path / "bundle", precision="int8")

    def call(*arguments: str) -> Result:
        bundle = str(tmp_path / "bundle")
        return CliRunner().invoke(main, ["transcribe", "--model", bundle, *arguments])

    return call


def test_the_command_line(command: Callable[..., Result], data: Path) -> None:
    """Random weights say nothing sensible, but they say it in every format."""
    audio = str(data / "jfk.wav")
    result = command(audio, "--language", "en", "--format", "json", "--word-timestamps")
    assert result.exit_code == 0
    transcript = json.loads(result.stdout)
    assert transcript["language"] == "en"
    assert transcript["text"]
    for segment in transcript["segments"]:
        assert 0 <= segment["start"] <= segment["end"] <= 11.1
        assert " ".join(word["text"] for word in segment["words"]).split()
        assert len(segment["tokens"]) == len(segment["token_logprobs"])


def test_the_language_has_to_be_known(command: Callable[..., Result], data: Path) -> None:
    result = command(str(data / "jfk.wav"))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "edge-voice pull whisper-tiny" in result.stderr
