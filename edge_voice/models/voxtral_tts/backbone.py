"""The backbone with its cache: embeddings in, hidden states out."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_voice.errors import OptionError
from edge_voice.kv_cache import KVCache
from edge_voice.session import Binding, Session

Array = np.ndarray[Any, np.dtype[Any]]

# Room is made in steps, so that one sentence's cache mostly serves the next one too.
_CAPACITY_STEP = 512
# Attention's scores grow with the square of what is fed at once.
_PREFILL_ROWS = 256


class Backbone:
    """Feeds embeddings behind one another; one sequence at a time.

    Attributes:
        width: Channels of embeddings and hidden states.
        hidden: (1, width) float32: the state behind the last position; overwritten by each call.
    """

    def __init__(self, session: Session, max_positions: int) -> None:
        self._session = session
        self._max_positions = max_positions
        self.width = int(session.shape("hidden_states")[2])
        self._embedding = np.zeros((1, 1, self.width), np.float32)
        self._hidden = np.zeros((1, 1, self.width), np.float32)
        self.hidden: Array = self._hidden[0]
        self._lengths = np.zeros(1, np.int32)
        self._total = np.zeros((), np.int32)
        self._cache = KVCache(session, rows=1, capacity=0)
        self._step: Binding | None = None

    @property
    def length(self) -> int:
        """Positions fed so far."""
        return self._cache.length

    @property
    def cache(self) -> KVCache:
        """Keys and values of what was fed."""
        return self._cache

    def reserve(self, positions: int) -> None:
        """Makes room for a sequence, of which what was fed so far is the beginning.

        Raises:
            OptionError: The model cannot tell so many positions apart.
        """
        if positions > self._max_positions:
            raise OptionError(
                f"text and speech of {positions} positions (at most {self._max_positions} fit)"
            )
        if positions > self._cache.capacity:
            capacity = -(-positions // _CAPACITY_STEP) * _CAPACITY_STEP
            self._step = None  # its binding holds the old cache
            kept = self._cache.snapshot()
            self._cache = KVCache(
                self._session, rows=1, capacity=min(capacity, self._max_positions)
            )
            self._cache.restore(kept)

    def truncate(self, length: int) -> None:
        """Forgets all positions from `length` on."""
        self._cache.truncate(length)

    def prefill(self, embeddings: Array) -> Array:
        """Feeds (n, width) embeddings, at least one; returns `hidden` of the last."""
        for start in range(0, len(embeddings), _PREFILL_ROWS):
            part = embeddings[start : start + _PREFILL_ROWS]
            self.hidden[:] = self.states(part, np.array([len(part) - 1]))
        return self.hidden

    def states(self, embeddings: Array, wanted: Array) -> Array:
        """Feeds (n, width) embeddings; returns (k, width) hidden states at k places among them."""
        hidden = np.empty((1, len(wanted), self.width), np.float32)
        places = np.ascontiguousarray(wanted, np.int64)
        binding = self._bind(np.ascontiguousarray(embeddings[None], np.float32), places, hidden)
        self._advance(len(embeddings))
        binding.run()
        return np.asarray(hidden[0])

    def step(self, embedding: Array) -> Array:
        """Feeds one (width,) embedding; returns `hidden`."""
        if self._step is None:
            self._step = self._bind(self._embedding, np.zeros(1, np.int64), self._hidden)
        self._embedding[0, 0] = embedding
        self._advance(1)
        self._step.run()
        return self.hidden

    def _advance(self, count: int) -> None:
        self._cache.advance(count)
        self._total[...] = self._cache.length
        self._lengths[:] = self._cache.length - 1

    def _bind(self, embeddings: Array, wanted: Array, hidden: Array) -> Binding:
        binding = self._session.bind()
        binding.input("inputs_embeds", embeddings)
        binding.input("hidden_positions", wanted)
        binding.input("seqlens_k", self._lengths)
        binding.input("total_sequence_length", self._total)
        binding.output("hidden_states", hidden)
        self._cache.bind(binding)
        return binding
