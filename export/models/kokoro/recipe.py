"""Kokoro's published graph and voices become a bundle.

The graph is divided in two. What comes before the decoder is taken over node by node; the decoder,
in which nearly all the time goes, is written anew from the same weights (`graph.py`).
"""

from __future__ import annotations

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.errors import UnsupportedModel
from edge_voice.models.kokoro import graphs
from edge_voice.models.kokoro.config import KokoroConfig
from edge_voice.models.kokoro.voices import STYLE_SIZE
from edge_voice.phonemes.unknown import Alphabet
from edge_voice.session import Session

from ...checkpoint import Checkpoint
from ...lexicons import CHECKED_PHONEMES, add_english, read_phonemes
from ...numeric_check import check_speech
from ...onnx_folder import graph_names
from ...package import Bundle
from ...quantize import FLOAT32, INT8, Recipe
from ...weights import Array
from .facts import DEFAULT_VOICE, FRAME_SAMPLES, FRAME_STEPS, SAMPLE_RATE, voice_facts
from .graph import build_decoder
from .published import PublishedGraph, halved_weights

# Small layers whose inputs differ too much in size for 8 bits, or whose outputs are heard at once.
_KEPT = (
    "*.conv1x1",
    "decoder.asr_res",
    "generator.ups.*",
    "generator.conv_post",
    "generator.inverse_basis",
)
PRESETS = {
    "fp32": Recipe("fp32", ()),
    "int8": Recipe("int8", (*((layer, FLOAT32) for layer in _KEPT), ("*", INT8))),
}

_INPUTS, _OUTPUTS = {"input_ids", "style", "speed"}, {"waveform"}
_ENCODER_OUTPUTS = {
    "/encoder/MatMul_1_output_0": "aligned_text",
    "/encoder/Reshape_output_0": "pitch",
    "/encoder/Reshape_1_output_0": "energy",
    "/decoder/decoder/generator/Concat_3_output_0": "source",
}
# The length at which voices are looked at to see how loud channels become.
_TYPICAL_PHONEMES = 100


def recognises(checkpoint: Checkpoint) -> bool:
    """A folder of graphs, one of which has Kokoro's inputs and outputs."""
    return checkpoint.layout == "onnx" and _graph_in(checkpoint) is not None


def build(checkpoint: Checkpoint, bundle: Bundle) -> None:
    """Writes both graphs, the styles of all voices, and what English needs.

    Raises:
        UnsupportedModel: A file is missing or is not what it should be.
    """
    folder = checkpoint.folder
    config = _config(folder, add_english(bundle, folder, "us", "gb"))
    styles = _styles(folder, config)
    # Half as large: what is spoken with float16 styles and encoder weights differs less than what
    # the decoder's 8 bits change.
    halved = any(rule.bits < 32 for _, rule in bundle.recipe.rules)
    bundle.add_asset("styles", "styles.npy", _as_file(styles, np.float16 if halved else np.float32))
    published = PublishedGraph(_graph_in(checkpoint) or folder)
    typical = styles[:, min(_TYPICAL_PHONEMES, styles.shape[1]) - 1]
    with bundle.graph("decoder", graphs.DECODER) as builder:
        build_decoder(builder, published, typical)
    encoder = published.part(_ENCODER_OUTPUTS)
    bundle.save_graph("encoder", graphs.ENCODER, halved_weights(encoder) if halved else encoder)
    languages = dict.fromkeys(f.language.partition("-")[0] for f in config.voices.values())
    bundle.set_facts(task="speak", languages=tuple(languages), config=asdict(config))


def check(_: Checkpoint, bundle: Bundle) -> dict[str, float]:
    """Speaks two words at two speeds.

    Raises:
        GraphMismatch: What comes out is not finite, silent, or not shorter when faster.
    """
    config = KokoroConfig(**bundle.facts["config"])
    styles = np.load(bundle.folder / bundle.assets["styles"], mmap_mode="r")
    ids = [config.phoneme_ids[phoneme] for phoneme in CHECKED_PHONEMES]
    style = styles[:1, len(ids) - 1].astype(np.float32)
    encoder = Session(bundle.folder / bundle.graphs["encoder"], graphs.ENCODER)
    decoder = Session(bundle.folder / bundle.graphs["decoder"], graphs.DECODER)

    def say(speed: float) -> Array:
        feeds = {"input_ids": np.array([[0, *ids, 0]]), "style": style}
        frames = encoder.run({**feeds, "speed": np.array([speed], np.float32)})
        found: Array = decoder.run({**frames, "style": style})["waveform"][0]
        return found

    normal, fast = say(1.0), say(2.0)
    return check_speech(normal, fast, config.sample_rate, "the exported voice")


def _graph_in(checkpoint: Checkpoint) -> Path | None:
    for path in checkpoint.weight_files:
        try:
            inputs, outputs = graph_names(path)
        except UnsupportedModel:
            continue
        if (set(inputs), set(outputs)) == (_INPUTS, _OUTPUTS):
            return path
    return None


def _config(folder: Path, alphabets: dict[str, Alphabet]) -> KokoroConfig:
    phonemes = read_phonemes(folder)
    names = sorted(path.stem for path in folder.glob("*.bin"))
    facts = {name: found for name in names if (found := voice_facts(name))}
    if DEFAULT_VOICE not in facts:
        raise UnsupportedModel(f"no {DEFAULT_VOICE}.bin in {folder} (expected: a file per voice)")
    return KokoroConfig(
        sample_rate=SAMPLE_RATE,
        frame_samples=FRAME_SAMPLES,
        frame_steps=FRAME_STEPS,
        phoneme_ids=phonemes,
        voices={DEFAULT_VOICE: facts[DEFAULT_VOICE], **facts},
        unknown_words=alphabets,
    )


def _styles(folder: Path, config: KokoroConfig) -> Array:
    """(voices, lengths, 256) float32."""
    tables: list[Array] = []
    for name in config.voices:
        values = np.fromfile(folder / f"{name}.bin", np.float32)
        if not values.size or values.size % STYLE_SIZE or not np.isfinite(values).all():
            raise UnsupportedModel(f"{name}.bin: expected rows of {STYLE_SIZE} float32 numbers")
        tables.append(values.reshape(-1, STYLE_SIZE))
        if tables[-1].shape != tables[0].shape:
            raise UnsupportedModel(
                f"{name}.bin: {len(tables[-1])} rows (expected {len(tables[0])}, as of the others)"
            )
    return np.stack(tables)


def _as_file(styles: Array, dtype: type[np.floating[Any]]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, styles.astype(dtype), allow_pickle=False)
    return stream.getvalue()
