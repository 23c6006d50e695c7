"""Exported graphs against Whisper in plain numpy, for every shape of model and every precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_voice.seq2seq import Encoded

from .models import Graphs, TinyCheckpoint, cosine, features, tiny_checkpoint, token_ids

SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "float16": {"dtype": "float16"},
    "bfloat16": {"dtype": "bfloat16"},
    "128 mels": {"mels": 128},
    "deep encoder": {"layers": 3, "decoder_layers": 1},
    "deep decoder": {"layers": 1, "decoder_layers": 3},
    "one head": {"heads": 1},
    "heads of 8 channels": {"heads": 8},
    "other heads in each half": {"encoder_heads": 2, "decoder_heads": 4},
    "odd width": {"width": 48, "heads": 3},
    "uneven width": {"width": 40, "encoder_heads": 20, "decoder_heads": 1},
}
PRECISIONS = ["fp32", "int8", "int4", "balanced"]


def agree(found: Any, expected: Any) -> None:
    """Equal up to float32's rounding; the largest logits are near 5, hidden states near 3."""
    np.testing.assert_allclose(found, expected, atol=5e-5 * max(1, np.abs(expected).max()))


def agree_roughly(found: Any, expected: Any) -> None:
    """Equal at each position, but for activations that fall on the other side of a rounding."""
    assert found.shape == expected.shape
    for one, other in zip(found.reshape(-1, found.shape[-1]),
                          expected.reshape(-1, expected.shape[-1]), strict=True):  # fmt: skip
        assert cosine(one, other) > 0.999


@pytest.mark.parametrize("shape", SHAPES)
def test_fp32_computes_what_the_paper_says(tokenizer, tmp_path, shape):
    tiny = tiny_checkpoint(tokenizer, **SHAPES[shape])
    graphs = tiny.export(tmp_path / "out", "fp32")
    mels = tiny.checkpoint.size.mels
    for frames in (200, 67, 2, 1) if shape == "plain" else (66,):
        x, ids = features(mels, frames), token_ids(1, 9)
        encoded = graphs.encode(x)
        expected = tiny.reference.encode(x[0])
        assert expected.shape == (-(-frames // 2), tiny.checkpoint.size.width)
        agree(encoded["encoder_hidden_states"][0], expected)
        agree(graphs.logits(encoded, ids)[0], tiny.reference.decode(ids[0], expected))


@pytest.mark.parametrize("shape", ["plain", "deep decoder", "one head", "odd width"])
def test_where_the_decoder_looks(tokenizer, tmp_path, shape):
    """The weights of cross-attention, of several clips; of several rows a clip, the first one's."""
    tiny = tiny_checkpoint(tokenizer, **SHAPES[shape])
    graphs = tiny.export(tmp_path / "out", "fp32")
    clips, ids = features(tiny.checkpoint.size.mels, 80, batch=2), token_ids(4, 7)
    run = graphs.decoder(graphs.encode(clips), 4)
    run.feed(ids)
    for clip in range(2):
        hidden = tiny.reference.encode(clips[clip])
        _, expected = tiny.reference.decode_and_look(ids[2 * clip], hidden)
        assert len(run.looks) == len(expected)
        for found, layer in zip(run.looks, expected, strict=True):
            np.testing.assert_allclose(found[clip], layer, atol=1e-6)


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_a_quantized_decoder_looks_at_the_same_places(tiny, graphs_of, precision):
    x, ids = features(80, 200), token_ids(1, 20)
    run = graphs_of[precision].decoder(graphs_of[precision].encode(x), 1)
    run.feed(ids)
    _, expected = tiny.reference.decode_and_look(ids[0], tiny.reference.encode(x[0]))
    for found, layer in zip(run.looks, expected, strict=True):
        np.testing.assert_allclose(found[0].sum(axis=-1), 1, atol=1e-5)
        assert cosine(found[0], layer) > 0.999


def test_cross_attention_in_pieces_is_that_of_one_pass(graphs_of, monkeypatch):
    """`Decoder.cross_attention` on a real graph."""
    monkeypatch.setattr("edge_voice.seq2seq._PIECE_TOKENS", 5)
    graphs, ids = graphs_of["fp32"], token_ids(1, 17)
    encoded = graphs.encode(features(80, 120))
    run = graphs.decoder(encoded, 1)
    run.feed(ids)
    cross = {name: array for name, array in encoded.items() if name.count(".") == 2}
    decoder = graphs.runtime_decoder(Encoded(None, cross, (60,)))
    assert len(decoder.heads) == 6
    found = decoder.cross_attention(ids[0], decoder.heads)
    np.testing.assert_allclose(found, np.concatenate(run.looks, axis=1)[0], atol=1e-6)


def test_the_reference_is_sensitive(tokenizer):
    """A reference that ignores its input would agree with anything."""
    tiny = tiny_checkpoint(tokenizer)
    one, other = (tiny.reference.encode(features(80, 40, seed=seed)[0]) for seed in (0, 1))
    ids = token_ids(1, 5)[0]
    assert np.abs(one - other).max() > 0.1
    assert np.abs(tiny.reference.decode(ids, one) - tiny.reference.decode(ids, other)).max() > 0.01
    changed = tiny.reference.decode(np.array([*ids[:4], ids[4] + 1]), one)
    np.testing.assert_array_equal(changed[:4], tiny.reference.decode(ids, one)[:4])


@pytest.fixture(scope="module")
def tiny(tokenizer: Path) -> TinyCheckpoint:
    return tiny_checkpoint(tokenizer, width=96, heads=3)


@pytest.fixture(scope="module")
def graphs_of(tiny: TinyCheckpoint, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graphs]:
    folder = tmp_path_factory.mktemp("bundles")
    return {precision: tiny.export(folder / precision, precision) for precision in PRECISIONS}


@pytest.mark.parametrize(
    ("precision", "encoder", "decoder"),
    [("int8", 0.999, 0.999), ("balanced", 0.999, 0.99), ("int4", 0.999, 0.985)],
)
def test_quantized_graphs_stay_near(tiny, graphs_of, precision, encoder, decoder):
    x, ids = features(80, 200), token_ids(1, 20)
    expected = tiny.reference.encode(x[0])
    encoded = graphs_of[precision].encode(x)
    similarity = cosine(encoded["encoder_hidden_states"], expected)
    assert encoder < similarity < 1 - 1e-7  # 1 would mean that nothing was quantized
    logits = graphs_of[precision].logits(encoded, ids)
    assert decoder < cosine(logits, tiny.reference.decode(ids[0], expected)) < 1 - 1e-7


def test_more_bits_are_nearer(tiny, graphs_of):
    x, ids = features(80, 200), token_ids(1, 20)
    expected = tiny.reference.decode(ids[0], tiny.reference.encode(x[0]))
    found = [cosine(graphs_of[p].logits(graphs_of[p].encode(x), ids), expected)
             for p in ("int4", "balanced", "int8", "fp32")]  # fmt: skip
    assert found == sorted(found)


def test_uneven_widths_can_be_quantized(tokenizer, tmp_path):
    """A width that is no whole number of blocks: the last block of a row is not full."""
    tiny = tiny_checkpoint(tokenizer, width=80, heads=5)
    x, ids = features(80, 60), token_ids(1, 6)
    expected = tiny.reference.decode(ids[0], tiny.reference.encode(x[0]))
    for precision in PRECISIONS[1:]:
        graphs = tiny.export(tmp_path / precision, precision)
        assert cosine(graphs.logits(graphs.encode(x), ids), expected) > 0.98


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("split", [[1] * 12, [3, 9], [4, 1, 1, 6], [11, 1]], ids=str)
def test_the_cache_goes_on_where_it_stopped(graphs_of, precision, split):
    graphs, ids = graphs_of[precision], token_ids(1, 12)
    encoded = graphs.encode(features(80, 100))
    whole = graphs.logits(encoded, ids)
    run = graphs.decoder(encoded, 1)
    parts = [run.feed(part) for part in np.split(ids, np.cumsum(split)[:-1], axis=1)]
    (agree if precision == "fp32" else agree_roughly)(np.concatenate(parts, axis=1), whole)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_only_the_wanted_logits_are_computed(graphs_of, precision):
    graphs, ids = graphs_of[precision], token_ids(2, 7)
    encoded = graphs.encode(features(80, 100))
    whole = graphs.logits(encoded, ids)
    run = graphs.decoder(encoded, 2)
    some = run.feed(ids, np.array([6, 0]))
    assert some.shape == (2, 2, graphs.config["vocabulary"])
    agree_roughly(some, whole[:, [6, 0]])
    assert run.feed(ids[:, :1], np.zeros(0, np.int64)).shape[1] == 0


def test_rows_of_a_batch_are_alone(tiny, graphs_of):
    """Three clips with two hypotheses each: row 2c and 2c + 1 listen to clip c."""
    graphs, ids = graphs_of["fp32"], token_ids(6, 8)
    clips = features(80, 90, batch=3)
    together = graphs.encode(clips)
    run = graphs.decoder(together, 6)
    parts = [run.feed(part) for part in np.split(ids, [5, 6, 7], axis=1)]
    logits = np.concatenate(parts, axis=1)
    for row in range(6):
        alone = graphs.encode(clips[row // 2 : row // 2 + 1])
        agree(together["encoder_hidden_states"][row // 2], alone["encoder_hidden_states"][0])
        agree(logits[row], graphs.logits(alone, ids[row : row + 1])[0])
        hidden = tiny.reference.encode(clips[row // 2])
        agree(logits[row], tiny.reference.decode(ids[row], hidden))


@pytest.mark.parametrize("precision", PRECISIONS[1:])
def test_quantized_rows_of_one_clip_are_alone(graphs_of, precision):
    """Blocks of activations have scales of their own, so that beams do not disturb each other."""
    graphs, ids = graphs_of[precision], token_ids(5, 8)
    encoded = graphs.encode(features(80, 90))
    logits = graphs.logits(encoded, ids)
    for row in range(5):
        agree_roughly(logits[row], graphs.logits(encoded, ids[row : row + 1])[0])


def test_the_cache_holds_as_many_tokens_as_the_model_has_positions(graphs_of):
    graphs = graphs_of["fp32"]
    encoded = graphs.encode(features(80, 40))
    ids = token_ids(1, graphs.config["text_positions"])
    whole = graphs.logits(encoded, ids)
    run = graphs.decoder(encoded, 1)
    run.feed(ids[:, :-1])
    np.testing.assert_allclose(run.feed(ids[:, -1:])[:, 0], whole[:, -1], atol=1e-4)


def test_what_lies_behind_the_end_of_the_cache_is_not_seen(graphs_of):
    """Forgetting tokens means counting fewer: their keys and values stay where they were."""
    graphs, ids = graphs_of["fp32"], token_ids(1, 12)
    encoded = graphs.encode(features(80, 40))
    run = graphs.decoder(encoded, 1)
    run.feed(ids)
    run.length = 4
    again = run.feed(ids[:, 4:9])
    np.testing.assert_allclose(again, graphs.logits(encoded, ids[:, :9])[:, 4:], atol=1e-4)
