"""Multilingual Whispers of transformers.js: no worse than plain code on the same files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import ready_exports_child
from benchmarks.ready_exports import LANGUAGES, clips_of, published_folder
from benchmarks.wer import WordErrors, score_in
from edge_voice_export import export_bundle

pytestmark = pytest.mark.weights

CLIPS_PER_LANGUAGE = 2
# Two wordings of the same sound are not an error of either: a word in fifty may differ.
TOLERANCE = 0.02


@pytest.fixture(scope="module")
def clips(shared: Path) -> list[dict[str, str]]:
    found = clips_of([shared / "data/speech"])
    return [
        clip
        for language in LANGUAGES
        for clip in [c for c in found if c["language"] == language][-CLIPS_PER_LANGUAGE:]
    ]


def error_rate(result: dict[str, Any], clips: list[dict[str, str]]) -> float:
    errors = WordErrors()
    for clip in clips:
        heard = result["texts"][Path(clip["path"]).name]
        errors += score_in(clip["language"], clip["text"], heard)
    return errors.rate


@pytest.mark.parametrize("size", ["tiny", "base"])
def test_five_languages(size: str, clips: list[dict[str, str]], tmp_path: Path) -> None:
    folder = published_folder(size, tmp_path / "packages")
    export_bundle(folder, tmp_path / "bundle")
    graphs = sorted(map(str, folder.glob("onnx/*_quantized.onnx")), reverse=True)
    plain = ready_exports_child.published(*graphs, str(tmp_path / "bundle"), clips, 2)
    ours = ready_exports_child.bundle(str(tmp_path / "bundle"), clips, 2)
    assert error_rate(ours, clips) <= error_rate(plain, clips) + TOLERANCE
    assert error_rate(ours, clips) < {"tiny": 0.5, "base": 0.3}[size]
