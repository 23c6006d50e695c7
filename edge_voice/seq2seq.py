"""Encoder-decoder models: audio that is encoded once, and a decoder that reads it at each token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from edge_voice.kv_cache import KVCache
from edge_voice.session import Binding, Session

Array = np.ndarray[Any, np.dtype[Any]]

_CROSS = "encoder.{i}.{kind}"
_ATTENTION = "cross_attentions.{i}"
_PIECE_TOKENS = 64
Head = tuple[int, int]
"""Layer and number of an attention head of the decoder."""
_NOTHING: Mapping[str, Array] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Encoded:
    """What an encoder makes of a batch of clips.

    Attributes:
        hidden_states: (batch, positions, width) float32; None unless asked for.
        cross: Name → keys (batch, heads, head size, positions) and values (batch, heads,
            positions, head size) of each decoder layer; zeros behind a shorter clip.
        lengths: Positions of each clip.
    """

    hidden_states: Array | None
    cross: dict[str, Array]
    lengths: tuple[int, ...]

    @property
    def batch(self) -> int:
        """Clips."""
        return len(self.lengths)

    def clip(self, index: int) -> Encoded:
        """One clip alone, with the padding that it has in the batch."""
        one = slice(index, index + 1)
        cross = {name: array[one] for name, array in self.cross.items()}
        hidden = None if self.hidden_states is None else self.hidden_states[one]
        return Encoded(hidden, cross, self.lengths[one])

    def attention_bias(self) -> Array:
        """(batch, 1, 1, positions) float32: 0 where a clip is, a very low number behind it."""
        places = np.arange(self.cross[_CROSS.format(i=0, kind="value")].shape[2])
        behind = places[None] >= np.array(self.lengths)[:, None]
        return np.where(behind, np.float32(-1e9), np.float32(0))[:, None, None]


class Encoder:
    """Features → hidden states and cross-attention keys and values, one clip after another.

    Side by side would be no faster, and take memory; and clips may differ in length.
    """

    def __init__(self, session: Session, positions: Callable[[Array], int]) -> None:
        """Looks at the sizes of the graph.

        Args:
            session: Its only input is `input_features`.
            positions: How many positions the features of one clip become.
        """
        self._session = session
        self._positions = positions
        _, _, width = session.shape("encoder_hidden_states")
        _, heads, size, _ = session.shape(_CROSS.format(i=0, kind="key"))
        self._width, self._heads, self._size = int(width), int(heads), int(size)

    def __call__(
        self, features: Sequence[Array] | Array, *, hidden_states: bool = False
    ) -> Encoded:
        """Encodes a batch.

        Args:
            features: Those of each clip, float32.
            hidden_states: Whether they are wanted too; decoding does without.
        """
        lengths = tuple(self._positions(clip) for clip in features)
        batch, longest = len(lengths), max(lengths)
        hidden = np.zeros((batch if hidden_states else 0, longest, self._width), np.float32)
        cross = self._cross_arrays(batch, longest)
        for i, (clip, length) in enumerate(zip(features, lengths, strict=True)):
            binding = self._session.bind()
            binding.input("input_features", np.ascontiguousarray(clip[None]))
            targets = {name: array[i : i + 1] for name, array in cross.items()}
            if hidden_states:
                targets["encoder_hidden_states"] = hidden[i : i + 1]
            if length == longest:
                _run_into(binding, targets)
            else:
                self._run_beside(binding, targets, length)
        return Encoded(hidden if hidden_states else None, cross, lengths)

    def _cross_arrays(self, batch: int, positions: int) -> dict[str, Array]:
        shapes = {
            "key": (batch, self._heads, self._size, positions),
            "value": (batch, self._heads, positions, self._size),
        }
        return {
            _CROSS.format(i=i, kind=kind): np.zeros(shape, np.float32)
            for i in range(self._session.layers)
            for kind, shape in shapes.items()
        }

    def _run_beside(self, binding: Binding, targets: dict[str, Array], length: int) -> None:
        """Runs into arrays of the clip's own length, and copies them to where they belong."""
        parts = {
            name: array[..., :length] if name.endswith("key") else array[..., :length, :]
            for name, array in targets.items()
        }
        own = {name: np.empty(part.shape, np.float32) for name, part in parts.items()}
        _run_into(binding, own)
        for name, part in parts.items():
            part[...] = own[name]


def _run_into(binding: Binding, targets: dict[str, Array]) -> None:
    for name, array in targets.items():
        binding.output(name, array)
    binding.run()


class Decoder:
    """Token ids → logits, with a cache.

    One instance decodes one batch of clips with `rows` hypotheses in all (a whole multiple of the
    clips; the rows of a clip are neighbours).
    """

    def __init__(
        self,
        session: Session,
        encoded: Encoded,
        *,
        text_positions: int,
        rows: int = 1,
        capacity: int | None = None,
        extra: Mapping[str, Array] = _NOTHING,
    ) -> None:
        """Makes room for `capacity` tokens a row, prompt included; by default for the most.

        Args:
            session: The decoder's graph.
            encoded: What it listens to.
            text_positions: Most tokens that the model can hold.
            rows: Hypotheses.
            capacity: Tokens to make room for.
            extra: Further inputs of this model's graph, the same at each call.
        """
        self._session = session
        self._fixed = {**encoded.cross, **extra}
        self._vocabulary = int(session.shape("logits")[2])
        self.cache = KVCache(
            session, rows=rows, capacity=min(capacity or text_positions, text_positions)
        )
        self._tokens = np.zeros((rows, 1), np.int64)
        self._positions = np.zeros((rows, 1), np.int64)
        self._lengths = np.zeros(rows, np.int32)
        self._longest = np.zeros((), np.int32)
        self._nowhere = np.zeros(0, np.int64)
        self._logits = np.empty((rows, 1, self._vocabulary), np.float32)
        self._audio_positions = encoded.cross[_CROSS.format(i=0, kind="value")].shape[2]
        self._binding = self._bind(
            self._tokens, self._positions, np.zeros(1, np.int64), self._nowhere
        )
        self._binding.output("logits", self._logits)

    def prefill(self, tokens: Array, wanted: Array) -> Array:
        """Feeds a prompt.

        Args:
            tokens: (rows, n) int64.
            wanted: (k,) places in the prompt whose logits are needed.

        Returns:
            (rows, k, vocabulary) float32.
        """
        rows, count = tokens.shape
        first = self.cache.length
        positions = np.broadcast_to(np.arange(first, first + count), tokens.shape)
        wanted = np.ascontiguousarray(wanted, np.int64)
        logits = np.empty((rows, len(wanted), self._vocabulary), np.float32)
        binding = self._bind(
            np.ascontiguousarray(tokens, np.int64),
            np.ascontiguousarray(positions, np.int64),
            wanted,
            self._nowhere,
        )
        binding.output("logits", logits)
        self._advance(count)
        binding.run()
        return logits

    def step(self, tokens: Array) -> Array:
        """Feeds one token per row; returns (rows, vocabulary) logits, overwritten by the next."""
        self._tokens[:, 0] = tokens
        self._positions[:] = self.cache.length
        self._advance(1)
        self._binding.run()
        return self._logits[:, 0]

    @property
    def heads(self) -> list[Head]:
        """Every head of cross-attention, layer by layer."""
        return attention_heads(self._session)

    def cross_attention(self, tokens: Array, heads: Sequence[Head]) -> Array:
        """Feeds one row of tokens, and tells where in the audio each of them looks.

        The row goes in by pieces: all heads of a large model take 4 MB a token.

        Args:
            tokens: (n,) int64.
            heads: Those that are wanted.

        Returns:
            (heads, n, positions) float32: weights that add up to 1 over the positions.
        """
        count = len(tokens)
        result = np.empty((len(heads), count, self._audio_positions), np.float32)
        for start in range(0, count, _PIECE_TOKENS):
            piece = slice(start, start + _PIECE_TOKENS)
            self._attend(np.array(tokens[piece], np.int64)[None], heads, result[:, piece])
        return result

    def _attend(self, tokens: Array, heads: Sequence[Head], result: Array) -> None:
        places = np.arange(tokens.shape[1])
        binding = self._bind(tokens, places[None] + self.cache.length, self._nowhere, places)
        count = int(self._session.shape(_ATTENTION.format(i=0))[1])
        shape = (1, count, len(places), self._audio_positions)
        layers = {layer: np.empty(shape, np.float32) for layer, _ in heads}
        for layer, weights in layers.items():
            binding.output(_ATTENTION.format(i=layer), weights)
        self._advance(len(places))
        binding.run()
        for i, (layer, head) in enumerate(heads):
            result[i] = layers[layer][0, head]

    def _advance(self, count: int) -> None:
        self.cache.advance(count)
        self._lengths[:] = self.cache.length - 1
        self._longest[...] = self.cache.length

    def _bind(
        self, tokens: Array, positions: Array, wanted: Array, attended: Array
    ) -> Binding:
        binding = self._session.bind()
        binding.input("input_ids", tokens)
        binding.input("position_ids", positions)
        binding.input("logits_positions", wanted)
        binding.input("attention_positions", attended)
        binding.input("seqlens_k", self._lengths)
        binding.input("total_sequence_length", self._longest)
        for name, array in self._fixed.items():
            binding.input(name, array)
        self.cache.bind(binding)
        return binding


def attention_heads(session: Session) -> list[Head]:
    """Every head of a decoder's cross-attention, layer by layer."""
    count = int(session.shape(_ATTENTION.format(i=0))[1])
    return [(layer, head) for layer in range(session.layers) for head in range(count)]
