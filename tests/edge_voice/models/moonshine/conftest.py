"""A Moonshine whose encoder counts clips and whose decoder reads from a script."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_voice.graph import GraphSpec
from edge_voice.manifest import Manifest, SourceEntry
from edge_voice.models.moonshine import graphs, model
from edge_voice.models.moonshine.config import MoonshineConfig
from edge_voice.pieces import PieceTokenizer
from edge_voice_export.piece_table import read_piece_table
from tests.edge_voice.models.whisper.script import FakeSession
from tests.export.models.moonshine.models import table

CERTAIN = 30.0
CONFIG = MoonshineConfig(
    text_positions=64, vocabulary=270, start_of_text=1, end_of_text=2, tokens_per_second=6.5
)


@dataclass
class Script:
    """What is said in each clip, in the order in which they are encoded.

    Attributes:
        tokenizer: Spells it.
        texts: Of each clip; the last one is said in all further ones.
        encoded: Samples of each clip that was encoded.
        rows: Rows of each prefill.
    """

    tokenizer: PieceTokenizer
    texts: Sequence[str | Sequence[int]] = ("ab a.",)
    encoded: list[int] = field(default_factory=list)
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
            assert (ids == CONFIG.start_of_text).all()
            self.rows.append(len(ids))
        shape = (len(ids), len(feeds["logits_positions"]), len(self.tokenizer))
        logits = np.zeros(shape, np.float32)
        for row, number in enumerate(numbers):
            said = [*self.tokens(number), CONFIG.end_of_text]
            for k, place in enumerate(feeds["logits_positions"]):
                logits[row, k, said[min(int(positions[row, place]), len(said) - 1)]] = CERTAIN
        return {"logits": logits, **self._attention(feeds, len(clips))}

    @staticmethod
    def _attention(feeds: dict[str, np.ndarray], clips: int) -> dict[str, np.ndarray]:
        """Each token looks a little later than the one before."""
        audio = feeds["encoder.0.value"].shape[2]
        centres = feeds["position_ids"][0][feeds["attention_positions"]] * 8.0
        weights = np.exp(-np.abs(np.arange(audio)[None] - centres[:, None]))
        weights /= weights.sum(axis=-1, keepdims=True)
        return {"cross_attentions.0": np.tile(weights[None, None], (clips, 1, 1, 1))}


@pytest.fixture
def script(tmp_path: Path) -> Script:
    (tmp_path / "tokenizer.bin").write_bytes(table())
    vocabulary = read_piece_table(tmp_path / "tokenizer.bin")
    (tmp_path / "vocabulary.pieces").write_bytes(vocabulary.content())
    return Script(PieceTokenizer(tmp_path / "vocabulary.pieces"))


@pytest.fixture
def open_model(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., model.MoonshineModel]:
    """Opens a model that follows the script; takes changes to its config."""

    def session(path: Path, spec: GraphSpec, **_: Any) -> FakeSession:
        compute = script.encode if spec is graphs.ENCODER else script.decode
        return FakeSession(compute, CONFIG.vocabulary)

    def open_it(**changes: Any) -> model.MoonshineModel:
        manifest = Manifest(
            model_type="moonshine",
            name="scripted",
            task="transcribe",
            precision="fp32",
            languages=("en",),
            licence="MIT",
            source=SourceEntry("none"),
            exporter="test",
            graphs={"encoder": "encoder.onnx", "decoder": "decoder.onnx"},
            assets={"vocabulary": "vocabulary.pieces"},
            config=dataclasses.asdict(dataclasses.replace(CONFIG, **changes)),
        )
        return model.load(tmp_path, manifest, threads=1)

    monkeypatch.setattr(model, "Session", session)
    return open_it


@pytest.fixture
def moonshine(open_model: Callable[..., model.MoonshineModel]) -> model.MoonshineModel:
    return open_model()
