"""What transformers computes with a tiny Cohere Transcribe; tests/data/README.md says how."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# float32 in another order of operations; an independent implementation stays ten times below.
FEATURES = {"rtol": 0, "atol": 5e-4}
FEATURES_MEAN = 1e-5
ENCODER = {"rtol": 0, "atol": 2e-4}
LOGITS = {"rtol": 0, "atol": 2e-3}


@dataclass(frozen=True)
class CohereTiny:
    """The reference's arrays, by clip (`a`, `b`: one chunk each; `c`: 80 s)."""

    folder: Path

    @property
    def published(self) -> Path:
        """The checkpoint as it would be published."""
        return self.folder / "published"

    @cached_property
    def facts(self) -> dict[str, Any]:
        return json.loads((self.folder / "expected.json").read_text())

    @cached_property
    def arrays(self) -> dict[str, Array]:
        found: dict[str, Array] = {}
        for part in ("features", "encoder", "decoder"):
            with np.load(self.folder / f"expected_{part}.npz") as file:
                found |= dict(file)
        return found

    def waveform(self, clip: str) -> Array:
        """(n,) float32 at 16 kHz."""
        with np.load(self.folder / "audio.npz") as file:
            return (file[clip] / np.float32(32768)).astype(np.float32)

    def clip(self, name: str) -> dict[str, Any]:
        return self.facts["clips"][name]
