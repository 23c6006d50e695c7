"""Heads that follow the speech, against published lists."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edge_voice.manifest import from_dict
from edge_voice.models.whisper.config import WhisperConfig
from edge_voice_export import export_bundle
from edge_voice_export.models.whisper.graph import Dimensions
from edge_voice_export.models.whisper.heads import alignment_heads
from tests.export.checkpoints import write_tiny_whisper

BASE = Dimensions(80, 512, 8, 8, 6, 6, 1500, 448, 51865)
LARGE = replace(BASE, mels=128, width=1280, encoder_heads=20, decoder_heads=20,
                encoder_layers=32, decoder_layers=32, vocabulary=51866)  # fmt: skip
# generation_config.json of whisper-base.
BASE_HEADS = ((3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6))


@pytest.mark.parametrize(
    ("sizes", "heads"),
    [
        (BASE, BASE_HEADS),
        (
            replace(BASE, width=384, decoder_heads=6, decoder_layers=4, vocabulary=51864),
            ((1, 0), (2, 0), (2, 5), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4)),
        ),
        (
            LARGE,
            ((7, 0), (10, 17), (12, 18), (13, 12), (16, 1), (17, 14), (19, 11), (21, 4), (24, 1),
             (25, 6)),
        ),
        (replace(LARGE, decoder_layers=4), ((2, 4), (2, 11), (3, 3), (3, 6), (3, 11), (3, 14))),
        # two models have this size; and nobody has published anything about that one
        (replace(LARGE, mels=80, vocabulary=51865), ()),
        (replace(BASE, decoder_layers=5), ()),
    ],
)  # fmt: skip
def test_known_sizes(sizes: Dimensions, heads: Any) -> None:
    assert alignment_heads(sizes, {}) == heads


@pytest.mark.parametrize(
    ("listed", "heads"),
    [
        ([[0, 7], [5, 0]], ((0, 7), (5, 0))),
        # what the model does not have, or no list of heads at all: the size decides
        ([[6, 0]], BASE_HEADS),
        ([[0, 8]], BASE_HEADS),
        ([[0, 1], [-1, 0]], BASE_HEADS),
        ([[0, 1, 2]], BASE_HEADS),
        ([[0, 1.0]], BASE_HEADS),
        ([[0, True]], BASE_HEADS),
        (["a"], BASE_HEADS),
        ([], BASE_HEADS),
        (None, BASE_HEADS),
        ({"0": 1}, BASE_HEADS),
    ],
)
def test_a_checkpoint_may_bring_its_own(listed: Any, heads: Any) -> None:
    assert alignment_heads(BASE, {"alignment_heads": listed}) == heads


@pytest.mark.parametrize(("layout", "heads"), [("huggingface", ((1, 0),)), ("openai", ())])
def test_heads_in_the_manifest(tmp_path: Any, layout: Any, heads: Any) -> None:
    path = write_tiny_whisper(tmp_path / "x", layout=layout, width=32, audio_ctx=20, text_ctx=16)
    manifest = export_bundle(path, tmp_path / "out", precision="int8")
    assert from_dict(WhisperConfig, manifest.config, "config").alignment_heads == heads
