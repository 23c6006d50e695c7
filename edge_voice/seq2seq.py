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

    def first(self) -> Encoded:
        """The first clip alone, with the padding that it has in the batch."""
        cross = {name: array[:1] for name, array in self.cross.items()}
        return Encoded(None, cross, self.lengths[:1])

    def attention_bias(self) -> Array:
        """(batch, 1, 1, positions) float32: 0 where a clip is, a very low number behind it."""
        places = np.arange(max(self.lengths))
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
        self._logits = np.empty((rows, 1, self._vocabulary), np.float32)
        self._binding = self._bind(self._tokens, self._positions, np.zeros(1, np.int64))
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

    def _advance(self, count: int) -> None:
        self.cache.advance(count)
        self._lengths[:] = self.cache.length - 1
        self._longest[...] = self.cache.length

    def _bind(self, tokens: Array, positions: Array, wanted: Array) -> Binding:
        binding = self._session.bind()
        binding.input("input_ids", tokens)
        binding.input("position_ids", positions)
        binding.input("logits_positions", wanted)
        binding.input("seqlens_k", self._lengths)
        binding.input("total_sequence_length", self._longest)
        for name, array in self._fixed.items():
            binding.input(name, array)
        self.cache.bind(binding)
        return binding
