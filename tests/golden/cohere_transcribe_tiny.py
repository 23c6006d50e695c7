"""What transformers computes with a tiny checkpoint; tests/data/README.md says how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# float32 in another order of operations, and what a small deviation of a band makes of it.
FEATURES = {"rtol": 0, "atol": 5e-4}
FEATURES_MEAN = 1e-5


def folder(data: Path) -> Path:
    return data / "cohere_transcribe_tiny"


def waveforms(data: Path) -> dict[str, Array]:
    """(n,) float32 at 16 kHz by the clip's name."""
    stored = np.load(folder(data) / "audio.npz")
    return {name: stored[name].astype(np.float32) / np.float32(32768) for name in stored}


def texts(data: Path) -> dict[str, Any]:
    """The contents of expected.json."""
    content = (folder(data) / "expected.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(content)
    return found


def arrays(data: Path, stage: str) -> dict[str, Array]:
    """Expected arrays of one stage: `features`, `encoder` or `decoder`."""
    return dict(np.load(folder(data) / f"expected_{stage}.npz"))
