"""Logits of a second of noise from PyTorch and from the finished graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_voice.models.ctc import graphs
from edge_voice.models.ctc.config import SAMPLE_RATE, CtcConfig
from edge_voice.models.ctc.frontend import FrontEnd
from edge_voice.session import Session

from ...package import Bundle
from ...pytorch_check import run
from ...weights import Array


def outputs(model: Any, bundle: Bundle) -> dict[str, tuple[Array, Array]]:
    """Name → what transformers' model says, what the graph says."""
    config = CtcConfig(**bundle.facts["config"])
    noise = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    feeds = FrontEnd(config)(noise)
    spec = graphs.spec(config.features, masked=config.attention_mask)
    path = bundle.folder / bundle.graphs["model"]
    session = Session(path, spec, names=bundle.names.get("model"))
    expected = run(model, {name: np.ascontiguousarray(values) for name, values in feeds.items()})
    return {"logits": (expected[graphs.LOGITS], session.run(feeds)[graphs.LOGITS])}
