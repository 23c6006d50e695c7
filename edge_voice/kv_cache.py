"""Decoder state as a value: keys and values of every layer in memory that is never moved."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_voice.errors import OptionError
from edge_voice.session import Binding, Session

Array = np.ndarray[Any, np.dtype[Any]]

PAST = "past_key_values.{i}.{kind}"
PRESENT = "present.{i}.{kind}"


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
            for kind in ("key", "value")
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
