"""Speech without noise from PyTorch and from the finished graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_voice.models.vits import graphs
from edge_voice.models.vits.config import VitsConfig
from edge_voice.session import Session

from ...package import Bundle
from ...pytorch_check import run
from ...weights import Array

_SYMBOLS = 24


def outputs(model: Any, bundle: Bundle) -> dict[str, tuple[Array, Array]]:
    """Name → what transformers' model says, what the graph says."""
    config = VitsConfig(**bundle.facts["config"])
    ids = np.resize(np.array(sorted(config.symbols.values()), np.int64), (1, _SYMBOLS))
    feeds = {graphs.INPUT_IDS: ids, graphs.MASK: np.ones_like(ids)}
    speaker = {graphs.SPEAKER: 0} if len(config.voices) > 1 else {}
    model.noise_scale = model.noise_scale_duration = 0.0
    expected = run(model, feeds, **speaker)
    silence = np.zeros(1, np.float32)
    ours: dict[str, Array] = {
        **feeds,
        graphs.SPEAKER: np.array([0], np.int64),
        graphs.LENGTH_SCALE: np.ones(1, np.float32),
        graphs.DURATION_NOISE: silence,
        graphs.LATENT_NOISE: silence,
    }
    session = Session(bundle.folder / bundle.graphs["model"], graphs.spec(config.inputs))
    given = {name: ours[name] for name in (*graphs.ALWAYS, *config.inputs)}
    found = session.run(given)[graphs.WAVEFORM]
    return {"waveform": (expected[graphs.WAVEFORM].reshape(-1), found.reshape(-1))}
