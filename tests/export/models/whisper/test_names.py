"""One set of names over both spellings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.synthetic_whisper import SyntheticCheckpoint
from benchmarks.whisper_sizes import WhisperSize
from edge_voice.errors import UnsupportedModel
from edge_voice_export.models.whisper.names import Weights
from tests.export.checkpoints import openai_name

SIZE = WhisperSize(2, 8, 2, mels=4, vocab=1700, audio_ctx=6, text_ctx=5)


class Respelled(SyntheticCheckpoint):
    """The same tensors under other names."""

    def __init__(self, folder: Any, layout: str) -> None:
        super().__init__(SIZE, folder, dtype="float32")
        spell = openai_name if layout == "openai" else lambda name: name.removeprefix("model.")
        self.layout = "openai" if layout == "openai" else "huggingface"  # type: ignore[misc]
        if layout != "huggingface":
            self._published = {spell(name): name for name in super().names()}
        else:
            self._published = {name: name for name in super().names()}

    def names(self) -> tuple[str, ...]:
        return tuple(self._published)

    def read(self, name: str) -> Any:
        return super().read(self._published[name])

    def shape(self, name: str) -> tuple[int, ...]:
        return super().shape(self._published.get(name, name))


@pytest.mark.parametrize("layout", ["huggingface", "huggingface, bare", "openai"])
def test_every_tensor_has_the_same_name_in_every_layout(tmp_path, layout):
    checkpoint, plain = Respelled(tmp_path, layout), SyntheticCheckpoint(SIZE, tmp_path)
    weights = Weights(checkpoint)
    found = set()
    for published in plain.names():
        name = published.removeprefix("model.")
        assert weights.has(name)
        found.add(weights.published(name))
        assert weights.shape(name) == plain.shape(published)
        expected = SyntheticCheckpoint(SIZE, tmp_path, dtype="float32").read(published)
        np.testing.assert_array_equal(weights.tensor(name), expected)
    assert found == set(checkpoint.names())


@pytest.mark.parametrize("layout", ["huggingface", "openai"])
def test_a_matrix_is_read_by_rows(tmp_path, layout):
    weights = Weights(Respelled(tmp_path, layout))
    matrix = weights.matrix("decoder.layers.1.fc1")
    assert matrix.shape == (32, 8)
    assert matrix.name == weights.published("decoder.layers.1.fc1.weight")


def test_a_key_projection_has_a_bias_of_zeros(tmp_path):
    weights = Weights(Respelled(tmp_path, "openai"))
    assert not weights.has("encoder.layers.0.self_attn.k_proj.bias")
    zeros = weights.bias("encoder.layers.0.self_attn.k_proj")
    assert zeros.dtype == np.float32
    assert zeros.tolist() == [0] * 8
    assert weights.bias("encoder.layers.0.self_attn.q_proj").any()


@pytest.mark.parametrize(
    ("layout", "missing"),
    [("huggingface", "model.decoder.layers.2.fc1.weight"),
     ("openai", "decoder.blocks.2.mlp.0.weight")],
)  # fmt: skip
def test_a_missing_tensor_is_named_as_published(tmp_path, layout, missing):
    weights = Weights(Respelled(tmp_path, layout))
    assert not weights.has("decoder.layers.2.fc1.weight")
    with pytest.raises(UnsupportedModel, match=f"it has no tensor '{missing}'"):
        weights.tensor("decoder.layers.2.fc1.weight")
