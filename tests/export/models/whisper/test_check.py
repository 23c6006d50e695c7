"""The numeric check of finished graphs notices graphs that are wrong."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_voice.errors import GraphMismatch
from edge_voice.manifest import from_dict
from edge_voice.models.whisper.config import WhisperConfig
from edge_voice_export import numeric_check
from edge_voice_export.models.whisper import check as module
from edge_voice_export.models.whisper.check import check

from .models import Graphs, tiny_checkpoint

Array = np.ndarray[Any, np.dtype[Any]]


@pytest.fixture(scope="module")
def exported(tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Graphs:
    return tiny_checkpoint(tokenizer).export(tmp_path_factory.mktemp("check") / "out", "fp32")


def run_check(graphs: Graphs, folder: Path | None = None) -> dict[str, float]:
    config = from_dict(WhisperConfig, graphs.config, "config")
    return check(folder or graphs.folder, graphs.manifest.graphs, config)


def test_sound_graphs_differ_by_rounding_only(exported):
    (difference,) = run_check(exported).values()
    assert 0 <= difference < 1e-5


@pytest.mark.parametrize("positions", [8, 50])
def test_short_encoders_can_be_checked(tokenizer, tmp_path, positions):
    graphs = tiny_checkpoint(tokenizer, audio_ctx=positions).export(tmp_path / "out", "fp32")
    assert len(run_check(graphs)) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none(exported, tmp_path, value):
    shutil.copytree(exported.folder, tmp_path, dirs_exist_ok=True)
    data = np.fromfile(tmp_path / "decoder.data", np.float32)
    data[:] = value
    data.tofile(tmp_path / "decoder.data")
    with pytest.raises(GraphMismatch, match="logits are not finite"):
        run_check(exported, tmp_path)


def test_a_cache_that_does_not_keep_its_promise(exported, monkeypatch):
    step = module.Decoder.step

    def forgetful(decoder: Any, tokens: Array) -> Array:
        logits = step(decoder, tokens)
        decoder.cache.truncate(2)
        return logits

    monkeypatch.setattr(module.Decoder, "step", forgetful)
    with pytest.raises(GraphMismatch, match=r"logits differ by .*% from those of one pass"):
        run_check(exported)


def test_bundles_that_are_too_large_are_not_opened(exported, monkeypatch):
    monkeypatch.setattr(numeric_check, "_LARGEST_BYTES", 1000)
    monkeypatch.setattr(module, "Session", None)
    assert run_check(exported) == {}
