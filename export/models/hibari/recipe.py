"""hibari's published files become a bundle: checked, and otherwise as they are.

The graphs come with 8-bit weights, which is the only precision there is.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.errors import UnsupportedModel
from edge_voice.models.hibari import graphs
from edge_voice.models.hibari.config import HibariConfig
from edge_voice.models.hibari.vocoder import Vocoder
from edge_voice.phonemes.unknown import Alphabet
from edge_voice.session import Session

from ...checkpoint import Checkpoint
from ...lexicons import CHECKED_PHONEMES, add_english, published_file, read_phonemes
from ...numeric_check import check_speech
from ...onnx_folder import graph_names
from ...package import Bundle
from ...quantize import Recipe

PRESETS = {"int8": Recipe("int8", ())}

_ACOUSTIC = "hibari.onnx"
# What the package's own program holds as constants, version 0.2.1.
_VOICE = "heart"
_SAMPLE_RATE, _HOP_SAMPLES, _LONGEST_PHONEMES = 24_000, 300, 400


def recognises(checkpoint: Checkpoint) -> bool:
    """A folder of graphs, one of which has hibari's outputs."""
    if checkpoint.layout != "onnx":
        return False
    return any(map(_is_acoustic, checkpoint.weight_files))


def _is_acoustic(path: Path) -> bool:
    try:
        inputs, outputs = graph_names(path)
    except UnsupportedModel:
        return False
    expected = (set(graphs.ACOUSTIC.inputs), set(graphs.ACOUSTIC.outputs))
    return (set(inputs), set(outputs)) == expected


def build(checkpoint: Checkpoint, bundle: Bundle) -> None:
    """Takes over both graphs, the lexicons and the tagger; the tables become numbers.

    Raises:
        UnsupportedModel: A file is missing or is not what it should be.
    """
    folder = checkpoint.folder
    bundle.announce("acoustic: checking and copying")
    bundle.import_graph("acoustic", graphs.ACOUSTIC, published_file(folder, _ACOUSTIC))
    alphabet = add_english(bundle, folder, "us")["us"]
    config = read_config(folder, alphabet)
    bundle.set_facts(task="speak", languages=("en",), config=asdict(config))


def check(_: Checkpoint, bundle: Bundle) -> dict[str, float]:
    """Speaks two words at two speeds.

    Raises:
        GraphMismatch: What comes out is not finite, silent, or not shorter when faster.
    """
    config = HibariConfig(**bundle.facts["config"])
    session = Session(bundle.folder / bundle.graphs["acoustic"], graphs.ACOUSTIC)
    vocoder = Vocoder(int(session.shape("lh")[1]), config.hop_samples, config.sample_rate)
    ids = [0, *(config.phoneme_ids[phoneme] for phoneme in CHECKED_PHONEMES), 0]
    normal, fast = (
        vocoder(_frames(session, ids, speed), np.random.default_rng(0)) for speed in (1.0, 2.0)
    )
    return check_speech(normal, fast, config.sample_rate, _ACOUSTIC)


def read_config(folder: Path, unknown_words: Alphabet) -> HibariConfig:
    """The numbers, from the package's tables.

    Raises:
        UnsupportedModel: A table is missing or has entries that it should not have.
    """
    return HibariConfig(
        voice=_VOICE,
        sample_rate=_SAMPLE_RATE,
        hop_samples=_HOP_SAMPLES,
        longest_phonemes=_LONGEST_PHONEMES,
        phoneme_ids=read_phonemes(folder),
        unknown_letters=unknown_words.letters,
        unknown_phonemes=unknown_words.phonemes,
        unknown_longest=unknown_words.longest,
    )


def _frames(session: Session, ids: list[int], speed: float) -> dict[str, Any]:
    feeds: dict[str, Any] = {
        "ids": np.array([ids], np.int64),
        "speed": np.array([speed], np.float32),
    }
    return session.run(feeds)
