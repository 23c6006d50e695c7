"""What the graphs are fed, and where their outputs go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_voice.errors import OptionError
from edge_voice.models.whisper.config import WhisperConfig, positions_of
from edge_voice.seq2seq import Decoder, Encoded, Encoder
from tests.edge_voice.models.whisper.script import CONFIG, FakeSession, Script


class Feeds:
    """A decoder graph whose logits tell what it was fed; the cache remembers the tokens."""

    def __init__(self, vocabulary: int) -> None:
        self.vocabulary = vocabulary
        self.seen: list[dict[str, Any]] = []
        self.past: np.ndarray | None = None

    def __call__(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.seen.append({name: array.copy() for name, array in feeds.items()})
        cache = self.past = feeds["past_key_values.0.key"]
        ids, positions = feeds["input_ids"], feeds["position_ids"]
        for row, (tokens, places) in enumerate(zip(ids, positions, strict=True)):
            cache[row, 0, places, 0] = tokens
        wanted = ids[:, feeds["logits_positions"]]
        told = positions[:, None, feeds["attention_positions"], None]
        return {
            "logits": np.eye(self.vocabulary, dtype=np.float32)[wanted],
            # where each token stands, and in which layer it is asked
            "cross_attentions.0": told,
            "cross_attentions.1": told + 1000,
        }


@pytest.fixture
def config() -> WhisperConfig:
    return CONFIG


@pytest.fixture
def encoder_session() -> FakeSession:
    return FakeSession(Script().encode)


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(CONFIG.vocabulary)


def decoder_of(feeds: Feeds, rows: int = 1, **options: Any) -> Decoder:
    return Decoder(
        FakeSession(feeds), encoded(), text_positions=CONFIG.text_positions, rows=rows, **options
    )


def encoded(windows: int = 1) -> Encoded:
    cross = {f"encoder.0.{kind}": np.zeros((windows, 1, 1, 1)) for kind in ("key", "value")}
    return Encoded(np.zeros((windows, 1, 1)), cross, (1,) * windows)


def test_an_encoder_takes_a_batch(encoder_session: FakeSession, config: WhisperConfig) -> None:
    features = np.zeros((2, config.mels, 40), np.float32)
    features[1] = 1
    result = Encoder(encoder_session, positions_of)(features, hidden_states=True)
    assert result.batch == 2
    assert result.hidden_states is not None
    assert result.hidden_states.shape == (2, 20, 1)
    assert set(result.cross) == {"encoder.0.key", "encoder.0.value"}
    for array in result.cross.values():
        assert sorted(array.shape) == [1, 1, 2, 20]
        assert (array[0] == 0).all()
        assert (array[1] == 1).all()


def test_features_need_not_be_contiguous(
    encoder_session: FakeSession, config: WhisperConfig
) -> None:
    features = np.zeros((1, 40, config.mels), np.float32).transpose(0, 2, 1)
    result = Encoder(encoder_session, positions_of)(features, hidden_states=True)
    assert result.hidden_states.shape == (1, 20, 1)


def test_prefill_and_steps_fill_the_cache_in_order(feeds: Feeds) -> None:
    decoder = decoder_of(feeds, rows=2)
    logits = decoder.prefill(np.array([[7, 8, 9], [7, 8, 9]]), np.array([0, 2]))
    assert logits.argmax(axis=-1).tolist() == [[7, 9], [7, 9]]
    assert decoder.step(np.array([10, 20])).argmax(axis=-1).tolist() == [10, 20]
    assert decoder.step(np.array([11, 21])).argmax(axis=-1).tolist() == [11, 21]
    assert decoder.cache.length == 5
    assert feeds.past is not None
    assert feeds.past[:, 0, :6, 0].tolist() == [[7, 8, 9, 10, 11, 0], [7, 8, 9, 20, 21, 0]]


def test_the_graph_is_told_how_long_the_rows_are(feeds: Feeds) -> None:
    decoder = decoder_of(feeds, rows=2)
    decoder.prefill(np.array([[7, 8, 9]] * 2), np.array([2]))
    decoder.step(np.array([1, 1]))
    totals = [int(call["total_sequence_length"]) for call in feeds.seen]
    assert totals == [3, 4]
    assert [call["seqlens_k"].tolist() for call in feeds.seen] == [[2, 2], [3, 3]]


def test_the_graph_is_run_once_a_call(feeds: Feeds) -> None:
    decoder = decoder_of(feeds)
    decoder.prefill(np.array([[7, 8, 9]]), np.array([2]))
    decoder.step(np.array([1]))
    assert len(feeds.seen) == 2


def test_a_full_cache_is_an_error_before_the_graph_runs(feeds: Feeds) -> None:
    decoder = decoder_of(feeds)
    decoder.prefill(np.zeros((1, CONFIG.text_positions), int), np.array([0]))
    with pytest.raises(OptionError, match="exceed the cache of 64"):
        decoder.step(np.array([1]))
    assert len(feeds.seen) == 1


def test_clips_may_differ_in_length(encoder_session: FakeSession, config: WhisperConfig) -> None:
    clips = [np.zeros((config.mels, frames), np.float32) for frames in (40, 24)]
    clips[1][:] = 1
    result = Encoder(encoder_session, positions_of)(clips, hidden_states=True)
    assert result.lengths == (20, 12)
    assert result.hidden_states.shape == (2, 20, 1)
    assert (result.hidden_states[1, :12] == 1).all()
    assert (result.hidden_states[1, 12:] == 0).all()
    assert result.cross["encoder.0.key"][1, 0, 0].tolist() == [1] * 12 + [0] * 8
    assert result.cross["encoder.0.value"][1, 0, :, 0].tolist() == [1] * 12 + [0] * 8


@pytest.mark.parametrize("count", [1, 5, 63])
def test_where_tokens_look(feeds: Feeds, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """In pieces, each behind the one before; nothing but attention is asked for."""
    monkeypatch.setattr("edge_voice.seq2seq._PIECE_TOKENS", 4)
    monkeypatch.setattr(FakeSession, "layers", 2)
    decoder = decoder_of(feeds)
    assert decoder.heads == [(0, 0), (1, 0)]
    found = decoder.cross_attention(np.arange(count), [(1, 0), (0, 0), (1, 0)])
    assert (found.shape, found.dtype) == ((3, count, 1), np.float32)
    assert found[1, :, 0].tolist() == list(range(count))
    assert found[0, :, 0].tolist() == found[2, :, 0].tolist() == list(range(1000, 1000 + count))
    pieces = [call["input_ids"][0].tolist() for call in feeds.seen]
    assert [token for piece in pieces for token in piece] == list(range(count))
    assert max(map(len, pieces)) <= 4
    assert all(len(call["logits_positions"]) == 0 for call in feeds.seen)


def test_decoding_asks_for_no_attention(feeds: Feeds) -> None:
    decoder = decoder_of(feeds)
    decoder.prefill(np.array([[7, 8, 9]]), np.array([2]))
    decoder.step(np.array([1]))
    assert [len(call["attention_positions"]) for call in feeds.seen] == [0, 0]


def test_a_clip_of_a_batch() -> None:
    cross = {f"encoder.0.{kind}": np.arange(3.0)[:, None, None, None] for kind in ("key", "value")}
    clip = Encoded(None, cross, (5, 4, 3)).clip(1)
    assert (clip.batch, clip.lengths) == (1, (4,))
    assert [array.ravel().tolist() for array in clip.cross.values()] == [[1.0], [1.0]]


def test_the_attention_bias_hides_what_is_behind_a_shorter_clip() -> None:
    encoded = Encoded(None, {"encoder.0.value": np.zeros((2, 1, 3, 1))}, (3, 1))
    bias = encoded.attention_bias()
    assert bias.shape == (2, 1, 1, 3)
    assert (bias[0] == 0).all()
    assert bias[1, 0, 0, 0] == 0
    assert (bias[1, 0, 0, 1:] < -1e8).all()
    # A clip alone keeps its padding, and is told where it ends.
    np.testing.assert_array_equal(encoded.clip(1).attention_bias(), bias[1:])


def test_further_inputs_are_fed_at_each_call(feeds: Feeds) -> None:
    decoder = decoder_of(feeds, extra={"encoder_attention_bias": np.full((1, 1, 1, 1), 5.0)})
    decoder.prefill(np.array([[7]]), np.array([0]))
    decoder.step(np.array([1]))
    assert [float(call["encoder_attention_bias"].item()) for call in feeds.seen] == [5, 5]
