"""A Cohere Transcribe whose encoder counts clips and whose decoder reads from a script."""

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
from edge_voice.models.cohere_transcribe import graphs, model
from edge_voice.models.cohere_transcribe.config import CohereConfig
from edge_voice.pieces import PieceTokenizer
from edge_voice_export.pieces import read_pieces
from tests.edge_voice.models.whisper.script import FakeSession

LANGUAGES = ("en", "fr", "ja")
PROMPT = 10
CERTAIN = 30.0


@dataclass
class Script:
    """What is said in each clip, in the order in which they are encoded.

    Attributes:
        tokenizer: Spells it.
        end_of_text: Ends it.
        texts: Of each clip; the last one is said in all further ones.
        encoded: Frames of each clip that was encoded.
        prompts: Of each clip that was decoded.
        rows: Rows of each prefill.
    """

    tokenizer: PieceTokenizer
    end_of_text: int
    texts: Sequence[str | Sequence[int]] = ("hello",)
    encoded: list[int] = field(default_factory=list)
    prompts: list[tuple[int, ...]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def tokens(self, clip: int) -> list[int]:
        said = self.texts[min(clip, len(self.texts) - 1)]
        return self.tokenizer.encode(said) if isinstance(said, str) else list(said)

    def encode(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        number = len(self.encoded)
        self.encoded.append(feeds["input_features"].shape[1])
        return {
            "encoder_hidden_states": np.full((1, 1, 1), number, np.float32),
            "encoder.0.key": np.full((1, 1, 1, 1), number, np.float32),
            "encoder.0.value": np.full((1, 1, 1, 1), number, np.float32),
        }

    def decode(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        ids, positions = feeds["input_ids"], feeds["position_ids"]
        clips = feeds["encoder.0.value"][:, 0, 0, 0].astype(int)
        numbers = np.repeat(clips, len(ids) // len(clips))
        if positions[0, 0] == 0 and len(feeds["logits_positions"]):
            self.prompts += [tuple(row) for row in ids[:: len(ids) // len(clips)].tolist()]
            self.rows.append(len(ids))
        logits = np.zeros((len(ids), len(feeds["logits_positions"]), len(self.tokenizer)))
        for row, number in enumerate(numbers):
            said = [*self.tokens(number), self.end_of_text]
            for k, place in enumerate(feeds["logits_positions"]):
                spoken = positions[row, place] + 1 - PROMPT
                logits[row, k, said[min(max(spoken, 0), len(said) - 1)]] = CERTAIN
        return {"logits": logits.astype(np.float32), **self._attention(feeds, len(clips))}

    @staticmethod
    def _attention(feeds: dict[str, np.ndarray], clips: int) -> dict[str, np.ndarray]:
        """Each token looks a little later than the one before."""
        audio = feeds["encoder.0.value"].shape[2]
        places = feeds["position_ids"][0][feeds["attention_positions"]]
        centres = np.maximum(places - PROMPT + 1, 0) * 3.0
        weights = np.exp(-np.abs(np.arange(audio)[None] - centres[:, None]))
        weights /= weights.sum(axis=-1, keepdims=True)
        return {"cross_attentions.0": np.tile(weights[None, None], (clips, 1, 1, 1))}


@pytest.fixture
def script(data: Path, tmp_path: Path) -> Script:
    vocabulary = read_pieces(data / "cohere_transcribe_tiny" / "published", embedding_rows=781)
    (tmp_path / "vocabulary.pieces").write_bytes(vocabulary.content())
    tokenizer = PieceTokenizer(tmp_path / "vocabulary.pieces")
    return Script(tokenizer, tokenizer.id("<|endoftext|>"))


@pytest.fixture
def config(script: Script) -> CohereConfig:
    piece = script.tokenizer.id
    return CohereConfig(
        mels=8,
        text_positions=64,
        vocabulary=len(script.tokenizer),
        clip_seconds=35.0,
        overlap_seconds=5.0,
        energy_window_samples=1600,
        decoder_start=piece("▁"),
        start_of_context=piece("<|startofcontext|>"),
        start_of_transcript=piece("<|startoftranscript|>"),
        undefined_emotion=piece("<|emo:undefined|>"),
        punctuation=piece("<|pnc|>"),
        no_punctuation=piece("<|nopnc|>"),
        no_inverse_normalization=piece("<|noitn|>"),
        no_timestamps=piece("<|notimestamp|>"),
        no_diarization=piece("<|nodiarize|>"),
        end_of_text=piece("<|endoftext|>"),
        language_tokens={code: piece(f"<|{code}|>") for code in LANGUAGES},
    )


@pytest.fixture
def open_model(
    script: Script, config: CohereConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., model.CohereModel]:
    """Opens a model that follows the script; takes changes to its config."""

    def session(path: Path, spec: GraphSpec, **_: Any) -> FakeSession:
        compute = script.encode if spec is graphs.ENCODER else script.decode
        return FakeSession(compute, config.vocabulary)

    def open_it(**changes: Any) -> model.CohereModel:
        manifest = Manifest(
            model_type="cohere_transcribe",
            name="scripted",
            task="transcribe",
            precision="fp32",
            languages=LANGUAGES,
            licence="Apache-2.0",
            source=SourceEntry("none"),
            exporter="test",
            graphs={"encoder": "encoder.onnx", "decoder": "decoder.onnx"},
            assets={"vocabulary": "vocabulary.pieces"},
            config=dataclasses.asdict(dataclasses.replace(config, **changes)),
        )
        return model.load(tmp_path, manifest, threads=1)

    monkeypatch.setattr(model, "Session", session)
    return open_it


@pytest.fixture
def cohere(open_model: Callable[..., model.CohereModel]) -> model.CohereModel:
    return open_model()
