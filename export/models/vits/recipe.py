"""Ready exports of VITS voices become a bundle: optimum's of `VitsModel`, and Piper's."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.errors import GraphMismatch, UnsupportedModel
from edge_voice.models.vits import graphs
from edge_voice.models.vits.config import VitsConfig
from edge_voice.session import Session

from ...adopted_graph import PRESETS
from ...checkpoint import Checkpoint
from ...numeric_check import is_small
from ...onnx_file import open_graph
from ...package import Bundle
from ...ready_folder import card_languages, check_precision, pick_graph
from ...weights import Array
from .graph import make_steerable
from .settings import (
    piper_config,
    piper_language,
    piper_scales,
    piper_settings,
    transformers_config,
    transformers_language,
)

__all__ = ["PRESETS", "build", "check", "recognises"]

_CHECKED_SYMBOLS = 24


def recognises(checkpoint: Checkpoint) -> bool:
    """A folder of graphs whose config is that of a `VitsModel`, or with a voice of Piper's."""
    if checkpoint.layout != "onnx":
        return False
    if checkpoint.config.get("model_type") == "vits":
        return True
    beside = (path.with_name(path.name + ".json") for path in checkpoint.weight_files)
    return any(path.is_file() for path in beside)


def build(checkpoint: Checkpoint, bundle: Bundle) -> None:
    """Takes over the graph, made steerable and quantized, and the numbers.

    Raises:
        UnsupportedModel: A file is missing or is not what it should be.
        GraphMismatch: The graph is not one of a VITS voice.
    """
    source, config, scales, languages = _read(checkpoint, bundle.recipe.name)
    model = open_graph(source)
    check_precision(model, source, bundle.recipe.name)
    inputs = make_steerable(model, source.name, scales)
    if (len(config.voices) > 1) != (graphs.SPEAKER in inputs):
        raise GraphMismatch(
            f"{source.name}: {len(config.voices)} voices, and"
            f" {'an' if graphs.SPEAKER in inputs else 'no'} input for the speaker"
        )
    config = replace(config, inputs=inputs)
    bundle.adopt_graph("model", graphs.spec(inputs), model, source.name)
    bundle.set_facts(
        task="speak",
        languages=languages or card_languages(checkpoint.folder),
        config=asdict(config),
    )


def check(_: Checkpoint, bundle: Bundle) -> dict[str, float]:
    """Speaks a few symbols at two speeds.

    Raises:
        GraphMismatch: What comes out is not finite, silent, differs from call to call, or is
            shorter when everything should last longer.
    """
    if not is_small(bundle.folder):
        return {}
    config = VitsConfig(**bundle.facts["config"])
    file = bundle.graphs["model"]
    session = Session(bundle.folder / file, graphs.spec(config.inputs))
    normal, again, slow = (_spoken(session, config, scale) for scale in (1.0, 1.0, 2.0))
    if not np.isfinite(normal).all() or not np.abs(normal).max(initial=0) > 0:
        raise GraphMismatch(f"{file}: what it speaks is not finite, or silent")
    if not np.array_equal(normal, again):
        raise GraphMismatch(f"{file}: the same noise does not give the same speech")
    if len(slow) < len(normal):
        raise GraphMismatch(f"{file}: {len(slow)} samples when slow, {len(normal)} at normal speed")
    seconds = len(normal) / config.sample_rate
    return {
        f"seconds of {_CHECKED_SYMBOLS} symbols": seconds,
        "length at half the speed, relative": len(slow) / len(normal),
    }


def _read(
    checkpoint: Checkpoint, precision: str
) -> tuple[Path, VitsConfig, tuple[float, ...], tuple[str, ...]]:
    """The graph file, its numbers, Piper's scales, and the language."""
    folder = checkpoint.folder
    if checkpoint.config.get("model_type") == "vits":
        config = transformers_config(folder, checkpoint.config)
        source = pick_graph(folder, "model", precision)
        return source, config, (), transformers_language(folder)
    voices = [(path, found) for path in checkpoint.weight_files if (found := piper_settings(path))]
    if len(voices) != 1:
        names = ", ".join(path.name for path, _ in voices) or "none with a phoneme_id_map"
        raise UnsupportedModel(f"{len(voices)} voices of Piper's in {folder} (expected 1): {names}")
    path, settings = voices[0]
    try:
        return path, piper_config(settings), piper_scales(settings), piper_language(settings)
    except UnsupportedModel as error:
        raise UnsupportedModel(f"{path.name}.json: {error}") from None


def _spoken(session: Session, config: VitsConfig, length_scale: float) -> Array:
    count = _CHECKED_SYMBOLS
    ids = np.resize(np.array(sorted(config.symbols.values()), np.int64), (1, count))
    noise = np.random.default_rng(0).standard_normal(4096, np.float32)
    feeds: dict[str, Any] = {
        graphs.INPUT_IDS: ids,
        graphs.MASK: np.ones_like(ids),
        graphs.LENGTHS: np.array([count], np.int64),
        graphs.SPEAKER: np.array([0], np.int64),
        graphs.LENGTH_SCALE: np.array([length_scale], np.float32),
        graphs.DURATION_NOISE: noise,
        graphs.LATENT_NOISE: noise,
    }
    given = {name: feeds[name] for name in (*graphs.ALWAYS, *config.inputs)}
    return np.asarray(session.run(given)[graphs.WAVEFORM]).reshape(-1)
