"""Three spellings of tensor names, one set of them inside."""

from __future__ import annotations

import numpy as np
import pytest

from edge_voice.errors import UnsupportedModel
from edge_voice_export.checkpoint import open_checkpoint
from edge_voice_export.models.cohere_transcribe.names import Weights, spelled
from edge_voice_export.models.cohere_transcribe.sizes import (
    expected_shapes,
    optional_shapes,
    read_dimensions,
)
from tests.golden.cohere_tiny import CohereTiny

from .checkpoints import changed, respelled


def test_published_names_are_understood(tiny: CohereTiny) -> None:
    with open_checkpoint(tiny.published) as checkpoint:
        weights = Weights(checkpoint)
        shapes = expected_shapes(read_dimensions(weights, 35.0))
        for name, shape in shapes.items():
            assert weights.shape(name) == shape
        others = {name for name in weights.published if name not in shapes}
    assert all(name.endswith("num_batches_tracked") or name.startswith("preprocessor.")
               for name in others)  # fmt: skip
    assert len(others) == 3 + 2


@pytest.mark.parametrize("spelling", ["model.", "both"])
def test_all_spellings_give_the_same_values(
    tiny: CohereTiny, tmp_path, spelling: str
) -> None:
    source = respelled(tiny.folder, tmp_path / "other", spelling)
    with open_checkpoint(tiny.published) as one, open_checkpoint(source) as other:
        ours, theirs = Weights(one), Weights(other)
        assert set(theirs.published) < set(ours.published)
        assert not theirs.has("proj_out.weight")
        for name in theirs.published:
            np.testing.assert_array_equal(ours.tensor(name), theirs.tensor(name))


def test_names_inside_stay_as_they_are(tiny: CohereTiny) -> None:
    with open_checkpoint(tiny.published) as checkpoint:
        for name in expected_shapes(read_dimensions(Weights(checkpoint), 35.0)):
            assert spelled(name) == spelled(f"model.{name}") == name


def test_a_tensor_in_two_spellings_is_refused(tiny: CohereTiny, tmp_path) -> None:
    def twice(tensors) -> None:
        name = "encoder.layers.0.self_attn.linear_q.bias"
        tensors["model.encoder.layers.0.self_attn.q_proj.bias"] = tensors[name]

    source = changed(tiny.published, tmp_path / "twice", twice)
    with (
        open_checkpoint(source) as checkpoint,
        pytest.raises(UnsupportedModel, match="are the same tensor"),
    ):
        Weights(checkpoint)


def test_a_second_copy_of_the_embedding_is_no_head_of_its_own(tiny: CohereTiny, tmp_path) -> None:
    def untie(tensors) -> None:
        tensors["log_softmax.mlp.layer0.weight"][5, 7] += 1

    source = changed(tiny.published, tmp_path / "untied", untie)
    for folder, tied in ((tiny.published, True), (source, False)):
        with open_checkpoint(folder) as checkpoint:
            weights = Weights(checkpoint)
            embedding = weights.matrix("decoder.embed_tokens")
            assert (weights.head(embedding) is embedding) == tied


def test_what_may_be_missing(tiny: CohereTiny) -> None:
    with open_checkpoint(tiny.published) as checkpoint:
        optional = optional_shapes(read_dimensions(Weights(checkpoint), 35.0))
    assert "proj_out.weight" in optional
    assert "encoder.layers.0.self_attn.q_proj.bias" in optional
    assert "encoder.layers.1.conv.depthwise_conv.bias" in optional
    assert "encoder.layers.0.norm_out.bias" not in optional
    assert "encoder.layers.0.conv.norm.bias" not in optional
    assert "proj_out.bias" not in optional
