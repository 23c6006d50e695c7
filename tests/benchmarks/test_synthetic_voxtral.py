"""Random checkpoints of Voxtral: as large as the real one, and in its layout."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.synthetic_voxtral import SyntheticVoxtral, write_companions
from benchmarks.voxtral_cost import TEXT
from benchmarks.voxtral_sizes import PUBLISHED, VoxtralSize, parameters, params, tensor_shapes
from edge_voice.tokenizer import BytePairTokenizer
from edge_voice_export.checkpoint import open_checkpoint
from edge_voice_export.models.voxtral_tts.recipe import recognises
from edge_voice_export.models.voxtral_tts.tekken import read_tekken


def test_the_published_size():
    assert parameters(PUBLISHED) == 4_002_353_392
    assert len(tensor_shapes(PUBLISHED)) == 386
    assert sum(PUBLISHED.voices.values()) == 2920


def test_names_and_shapes_are_those_of_the_published_layout(data):
    """The small checkpoint beside the tests was written by somebody else."""
    with open_checkpoint(data / "voxtral_tts_tiny/published") as checkpoint:
        found = {name: checkpoint.shape(name) for name in checkpoint.names()}
        size = VoxtralSize(
            width=64, vocab=4000, semantic_codes=62, semantic_size=8, codec_heads=4,
            codec_head_size=8, codec_inner=64, voices={"casual_male": 11, "fr_female": 7},
            backbone=stack(2, 6, 160), acoustic=stack(3, 4, 128),
        )  # fmt: skip
        assert tensor_shapes(size) == found
        assert_within(params(size), checkpoint.config)


def stack(layers: int, heads: int, inner: int):
    return type(PUBLISHED.backbone)(layers, heads, 2, 16, inner)


def assert_within(part: dict, whole: dict) -> None:
    for key, value in part.items():
        if isinstance(value, dict):
            assert_within(value, whole[key])
        else:
            assert whole[key] == value, key


def test_values_are_the_same_in_whatever_parts_they_are_read(tmp_path):
    size = VoxtralSize(width=64, vocab=1300)
    checkpoint = SyntheticVoxtral(size, tmp_path)
    assert recognises(checkpoint)
    name = "acoustic_transformer.layers.1.feed_forward.w2.weight"
    values = checkpoint.read(name)
    parts = [checkpoint.read_rows(name, at, at + 16) for at in range(0, 64, 16)]
    np.testing.assert_array_equal(np.concatenate(parts), values)
    assert not (values.view(np.uint32) & 0xFFFF).any()
    assert values.std() == pytest.approx(1 / 96, rel=0.02)
    other = SyntheticVoxtral(size, tmp_path, seed=1).read(name)
    assert abs(np.corrcoef(values.ravel(), other.ravel())[0, 1]) < 0.01


def test_companions_are_read_by_the_exporter(tmp_path):
    write_companions(VoxtralSize(width=16, vocab=70000, voices={"a": 3}), tmp_path)
    found = read_tekken(tmp_path, 70000)
    assert (found.audio, found.begin_audio, found.special_tokens) == (24, 25, 1000)
    assert len(set(found.vocabulary.split(b"\n"))) == 69000 + 1


def test_words_are_tokens(tmp_path):
    """The runtime's tokenizer finds them; other text is made of pairs and single bytes."""
    write_companions(VoxtralSize(width=16, vocab=70000, voices={"a": 3}), tmp_path, words=TEXT)
    found = read_tekken(tmp_path, 70000)
    (tmp_path / "vocabulary.tiktoken").write_bytes(found.vocabulary)
    tokenizer = BytePairTokenizer(tmp_path / "vocabulary.tiktoken", found.pattern)
    assert len(tokenizer.encode(f"{TEXT} {TEXT}")) < 2 * 20
    assert len(tokenizer.encode("unheard")) == 4
