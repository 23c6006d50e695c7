"""Recognisers whose graphs follow a script, and the script of those that hear chunks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_voice.graph import GraphSpec
from edge_voice.manifest import Manifest, SourceEntry
from edge_voice.pieces import PieceTokenizer
from tests.edge_voice.models.whisper.script import FakeSession

CERTAIN = 30.0


@dataclass
class ChunkScript:
    """What is said in each clip, in the order in which they are encoded.

    Attributes:
        tokenizer: Spells it.
        end_of_text: Ends it.
        prompt_tokens: Tokens of a prompt.
        positions_per_token: How much later each token looks than the one before.
        texts: Of each clip; the last one is said in all further ones.
        encoded: Length of each clip that was encoded: samples, or frames of features.
        prompts: Of each clip that was decoded.
        rows: Rows of each prefill.
    """

    tokenizer: PieceTokenizer
    end_of_text: int
    prompt_tokens: int
    positions_per_token: float
    texts: Sequence[str | Sequence[int]]
    encoded: list[int] = field(default_factory=list)
    prompts: list[tuple[int, ...]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def tokens(self, clip: int) -> list[int]:
        said = self.texts[min(clip, len(self.texts) - 1)]
        return self.tokenizer.encode(said) if isinstance(said, str) else list(said)

    def encode(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        number = len(self.encoded)
        self.encoded.append(feeds["input_features"].shape[1])
        column = np.full((1, 1, 1, 1), number, np.float32)
        return {
            "encoder_hidden_states": column[0],
            "encoder.0.key": column,
            "encoder.0.value": column,
        }

    def decode(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        ids, positions = feeds["input_ids"], feeds["position_ids"]
        clips = feeds["encoder.0.value"][:, 0, 0, 0].astype(int)
        numbers = np.repeat(clips, len(ids) // len(clips))
        if positions[0, 0] == 0 and len(feeds["logits_positions"]):
            self.prompts += [tuple(row) for row in ids[:: len(ids) // len(clips)].tolist()]
            self.rows.append(len(ids))
        shape = (len(ids), len(feeds["logits_positions"]), len(self.tokenizer))
        logits = np.zeros(shape, np.float32)
        for row, number in enumerate(numbers):
            said = [*self.tokens(number), self.end_of_text]
            for k, place in enumerate(feeds["logits_positions"]):
                spoken = self._spoken(positions[row, place])
                logits[row, k, said[min(int(spoken), len(said) - 1)]] = CERTAIN
        return {"logits": logits, **self._attention(feeds, len(clips))}

    def _spoken(self, positions: np.ndarray) -> np.ndarray:
        """Tokens of the text that stand up to a position; none within the prompt."""
        return np.maximum(positions + 1 - self.prompt_tokens, 0)

    def _attention(self, feeds: dict[str, np.ndarray], clips: int) -> dict[str, np.ndarray]:
        """Each token looks a little later than the one before."""
        audio = feeds["encoder.0.value"].shape[2]
        places = feeds["position_ids"][0][feeds["attention_positions"]]
        centres = self._spoken(places) * self.positions_per_token
        weights = np.exp(-np.abs(np.arange(audio)[None] - centres[:, None]))
        weights /= weights.sum(axis=-1, keepdims=True)
        return {"cross_attentions.0": np.tile(weights[None, None], (clips, 1, 1, 1))}


def play(monkeypatch: pytest.MonkeyPatch, module: Any, script: Any, vocabulary: int) -> None:
    """Lets the graphs that a model's module opens follow a script."""

    def session(path: Path, spec: GraphSpec, **_: Any) -> FakeSession:
        compute = script.encode if spec is module.graphs.ENCODER else script.decode
        return FakeSession(compute, vocabulary)

    monkeypatch.setattr(module, "Session", session)


def manifest_of(
    model_type: str, config: Any, languages: tuple[str, ...], vocabulary: str
) -> Manifest:
    """Of a bundle that has nothing but its vocabulary."""
    return Manifest(
        model_type=model_type,
        name="scripted",
        task="transcribe",
        precision="fp32",
        languages=languages,
        licence="MIT",
        source=SourceEntry("none"),
        exporter="test",
        graphs={"encoder": "encoder.onnx", "decoder": "decoder.onnx"},
        assets={"vocabulary": vocabulary},
        config=dataclasses.asdict(config),
    )
