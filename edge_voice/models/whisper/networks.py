"""Whisper's two graphs as functions on arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_voice.kv_cache import KVCache
from edge_voice.models.whisper.config import FRAMES_PER_POSITION, WhisperConfig
from edge_voice.session import Session

Array = np.ndarray[Any, np.dtype[Any]]

_CROSS = "encoder.{i}.{kind}"


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the encoder makes of a batch of windows.

    Attributes:
        hidden_states: (batch, positions, width) float32; None unless asked for.
        cross: Name → keys (batch, heads, head size, positions) and values (batch, heads,
            positions, head size) of each decoder layer.
    """

    hidden_states: Array | None
    cross: dict[str, Array]

    @property
    def batch(self) -> int:
        """Windows."""
        return len(next(iter(self.cross.values())))

    def first(self) -> Encoded:
        """The first window alone."""
        return Encoded(None, {name: array[:1] for name, array in self.cross.items()})


class Encoder:
    """Log-mel features → hidden states and cross-attention keys and values."""

    def __init__(self, session: Session) -> None:
        self._session = session
        _, _, width = session.shape("encoder_hidden_states")
        _, heads, size, _ = session.shape(_CROSS.format(i=0, kind="key"))
        self._width, self._heads, self._size = int(width), int(heads), int(size)

    def __call__(self, features: Array, *, hidden_states: bool = False) -> Encoded:
        """Encodes a batch.

        Args:
            features: (batch, mels, frames) float32, frames even.
            hidden_states: Whether they are wanted too; decoding does without.
        """
        batch, _, frames = features.shape
        positions = frames // FRAMES_PER_POSITION
        hidden = np.empty((batch if hidden_states else 0, positions, self._width), np.float32)
        shapes = {
            "key": (batch, self._heads, self._size, positions),
            "value": (batch, self._heads, positions, self._size),
        }
        cross = {
            _CROSS.format(i=i, kind=kind): np.empty(shape, np.float32)
            for i in range(self._session.layers)
            for kind, shape in shapes.items()
        }
        for i in range(batch):  # one after another: side by side is no faster, and takes memory
            binding = self._session.bind()
            binding.input("input_features", np.ascontiguousarray(features[i : i + 1]))
            if hidden_states:
                binding.output("encoder_hidden_states", hidden[i : i + 1])
            for name, array in cross.items():
                binding.output(name, array[i : i + 1])
            binding.run()
        return Encoded(hidden if hidden_states else None, cross)


class Decoder:
    """Token ids → logits, with a cache.

    One instance decodes one batch of windows with `rows` hypotheses in all (a whole multiple of
    the windows; the rows of a window are neighbours).
    """

    def __init__(
        self,
        session: Session,
        config: WhisperConfig,
        encoded: Encoded,
        *,
        rows: int = 1,
        capacity: int | None = None,
    ) -> None:
        """Makes room for `capacity` tokens a row, prompt included; by default for the most."""
        self._session = session
        self._cross = encoded.cross
        self._vocabulary = config.vocabulary
        most = config.text_positions
        self.cache = KVCache(session, rows=rows, capacity=min(capacity or most, most))
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

    def _bind(self, tokens: Array, positions: Array, wanted: Array) -> Any:
        binding = self._session.bind()
        binding.input("input_ids", tokens)
        binding.input("position_ids", positions)
        binding.input("logits_positions", wanted)
        binding.input("seqlens_k", self._lengths)
        binding.input("total_sequence_length", self._longest)
        for name, array in self._cross.items():
            binding.input(name, array)
        self.cache.bind(binding)
        return binding
