"""Merged decoders: what is fed, what is kept, and which branch is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_voice import merged
from edge_voice.seq2seq import Encoded

Array = np.ndarray[Any, np.dtype[Any]]
OWN = ["present.0.decoder.key", "present.0.decoder.value"]
CROSS = ["present.0.encoder.key", "present.0.encoder.value"]


class FakeGraph:
    """One layer, one head of size 1; keys are the tokens, logits say which row is asked for."""

    layers = 1

    def __init__(self, *optional: str) -> None:
        self.optional = optional
        self.calls: list[tuple[dict[str, Array], list[str]]] = []

    def takes(self, name: str) -> bool:
        return name in self.optional

    def shape(self, name: str) -> tuple[int | str, ...]:
        assert name == "past_key_values.0.decoder.key"
        return ("rows", 1, "past", 1)

    def run(self, feeds: dict[str, Array], outputs: list[str] | None = None) -> dict[str, Array]:
        self.calls.append((dict(feeds), list(outputs or ())))
        if "input_ids" not in feeds:
            return {"last_hidden_state": feeds["input_values"][:, ::4, None]}
        ids = feeds["input_ids"]
        keys = np.concatenate(
            [feeds["past_key_values.0.decoder.key"], ids[:, None, :, None].astype(np.float32)],
            axis=2,
        )
        hidden = feeds["encoder_hidden_states"][:, None]
        found = {
            "logits": np.stack([ids, ids + 100], axis=-1).astype(np.float32),
            **dict.fromkeys(OWN, keys),
            **dict.fromkeys(CROSS, hidden),
        }
        return {name: found[name] for name in outputs or found}


def encoded(positions: int = 3) -> Encoded:
    return Encoded(np.ones((1, positions, 1), np.float32), {}, (positions,))


def decoder(graph: FakeGraph, rows: int = 1) -> merged.MergedDecoder:
    return merged.MergedDecoder(graph, encoded(), rows)  # type: ignore[arg-type]


def test_the_first_call_has_no_past_and_later_ones_do() -> None:
    graph = FakeGraph()
    ours = decoder(graph)
    assert ours.prefill(np.array([[7, 8]]), np.array([1])).tolist() == [[[8, 108]]]
    assert ours.step(np.array([9])).tolist() == [[9, 109]]
    (first, wanted), (second, later) = graph.calls
    assert [call["use_cache_branch"].tolist() for call in (first, second)] == [[False], [True]]
    assert first["past_key_values.0.decoder.key"].shape == (1, 1, 0, 1)
    assert second["past_key_values.0.decoder.key"].ravel().tolist() == [7, 8]
    assert second["past_key_values.0.encoder.value"].shape == (1, 1, 3, 1)
    assert wanted == ["logits", *OWN, *CROSS]
    assert later == ["logits", *OWN]  # the audio's own are not copied at each step


def test_rows_are_reordered_but_the_audio_is_the_same_for_all() -> None:
    graph = FakeGraph()
    ours = decoder(graph, rows=3)
    ours.prefill(np.array([[1], [2], [3]]), np.array([0]))
    before = ours.cache.arrays["past_key_values.0.encoder.key"]
    ours.cache.reorder(np.array([2, 0, 0]))
    assert ours.cache.arrays["past_key_values.0.decoder.key"].ravel().tolist() == [3, 1, 1]
    assert ours.cache.arrays["past_key_values.0.encoder.key"] is before
    kept = ours.cache.arrays["past_key_values.0.decoder.key"]
    ours.cache.reorder(np.arange(3))
    assert ours.cache.arrays["past_key_values.0.decoder.key"] is kept


@pytest.mark.parametrize("masked", [True, False])
def test_masks_go_where_they_are_wanted(masked: bool) -> None:
    graph = FakeGraph(*(["attention_mask", "encoder_attention_mask"] if masked else []))
    encode = merged.merged_encoder(graph, "input_values")  # type: ignore[arg-type]
    heard = encode([np.zeros(12, np.float32)])
    assert heard.lengths == (3,)
    ours = merged.MergedDecoder(graph, heard, 2)  # type: ignore[arg-type]
    ours.prefill(np.array([[1], [1]]), np.array([0]))
    assert ("attention_mask" in graph.calls[0][0]) is masked
    if masked:
        assert graph.calls[1][0]["encoder_attention_mask"].shape == (2, 12)
    else:
        assert "encoder_attention_mask" not in graph.calls[1][0]


def test_a_decoder_that_alone_wants_a_mask_gets_one_for_the_positions() -> None:
    graph = FakeGraph("encoder_attention_mask")
    decoder(graph).prefill(np.array([[1]]), np.array([0]))
    assert graph.calls[0][0]["encoder_attention_mask"].tolist() == [[1, 1, 1]]
