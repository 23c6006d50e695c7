"""A `with` block closes what it opened, also when it fails."""

from __future__ import annotations

import pytest

from edge_voice_export.closable import Closable


class Open(Closable):
    closed = 0

    def close(self) -> None:
        self.closed += 1


def test_a_block_closes():
    with Open() as thing:
        assert thing.closed == 0
    assert thing.closed == 1


def test_a_failing_block_closes_too():
    thing = Open()
    with pytest.raises(KeyError), thing:
        raise KeyError
    assert thing.closed == 1
