"""Decoder state as a value: keys and values of every layer in memory that is never moved."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_voice.errors import OptionError
from edge_voice.session import Binding, Session

Array = np.ndarray[Any, np.dtype[Any]]

PAST = "past_key_values.{i}.{kind}"
PRESENT = "present.{i}.{kind}"
_KINDS = ("key", "value")


class KVCache:
    """Keys and values of self-attention, preallocated to a capacity.

    Past and present are one buffer: a step writes its row behind the others in place. Rows are
    hypotheses decoded side by side.

    Attributes:
        rows: Hypotheses.
        capacity: Most tokens a row can hold.
        length: Tokens in every row.
    """

    def __init__(self, session: Session, *, rows: int, capacity: int) -> None:
        _, heads, _, size = session.shape(PAST.format(i=0, kind="key"))
        shape = (rows, int(heads), capacity, int(size))
        dtype = session.dtype(PAST.format(i=0, kind="key"))
        self.rows = rows
        self.capacity = capacity
        self.length = 0
        # zeros, not empty: the kernel multiplies the unused tail by 0, and 0 · NaN is NaN.
        self._buffers = {
            (i, kind): np.zeros(shape, dtype)
            for i in range(session.layers)
            for kind in _KINDS
        }

    def bind(self, binding: Binding) -> None:
        """Ties every layer's past and present to the same buffer."""
        for (i, kind), buffer in self._buffers.items():
            binding.input(PAST.format(i=i, kind=kind), buffer)
            binding.output(PRESENT.format(i=i, kind=kind), buffer)

    def advance(self, tokens: int) -> None:
        """Counts tokens that a run has written.

        Raises:
            OptionError: They do not fit; the caller must stop before that.
        """
        if self.length + tokens > self.capacity:
            raise OptionError(f"{self.length + tokens} tokens exceed the cache of {self.capacity}")
        self.length += tokens

    def truncate(self, length: int) -> None:
        """Forgets all tokens from `length` on; the next run overwrites them."""
        self.length = min(self.length, length)

    def snapshot(self) -> Array:
        """What the first row remembers: (layers, 2, heads, length, head size), a copy."""
        layers = len(self._buffers) // 2
        return np.stack(
            [
                np.stack([self._buffers[i, kind][0, :, : self.length] for kind in _KINDS])
                for i in range(layers)
            ]
        )

    def restore(self, state: Array) -> None:
        """Makes the first row remember what `snapshot` gave, in any float type.

        Raises:
            OptionError: The state is not one of this model, or does not fit.
        """
        layers, (_, heads, capacity, size) = len(self._buffers) // 2, self._buffers[0, "key"].shape
        length = state.shape[3] if state.ndim == 5 else 0
        if state.shape != (layers, 2, heads, length, size) or length > capacity:
            raise OptionError(
                f"a saved cache of shape {list(state.shape)}"
                f" (expected {[layers, 2, heads, f'up to {capacity}', size]})"
            )
        for i, layer in enumerate(state):
            for kind, values in zip(_KINDS, layer, strict=True):
                self._buffers[i, kind][0, :, :length] = values
        self.length = length

    def reorder(self, source_rows: Array) -> None:
        """Row i becomes what row `source_rows[i]` was: beams that fork and die.

        Only rows that change are copied, and of these only what is in use.

        Args:
            source_rows: (rows,) integers; any row may be wanted several times, or not at all.
        """
        changed = np.flatnonzero(source_rows != np.arange(self.rows))
        if not len(changed):
            return
        sources = source_rows[changed]
        # A source that is itself overwritten has to be set aside first.
        overlap = bool(np.isin(sources, changed).any())
        for buffer in self._buffers.values():
            used = buffer[:, :, : self.length]
            if overlap:
                used[changed] = used[sources]
            else:
                for row, source in zip(changed, sources, strict=True):
                    used[row] = used[source]

    def fork(self, session: Session, rows: int) -> KVCache:
        """A new cache whose every row is a copy of this one's first row."""
        copy = KVCache(session, rows=rows, capacity=self.capacity)
        copy.length = self.length
        for key, buffer in self._buffers.items():
            copy._buffers[key][:, :, : self.length] = buffer[:1, :, : self.length]
        return copy
