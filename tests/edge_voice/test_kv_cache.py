"""The cache as a value: what is bound, counted, forgotten, reordered and forked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_voice.errors import OptionError
from edge_voice.kv_cache import KVCache

LAYERS, HEADS, SIZE, CAPACITY = 2, 3, 4, 10


class FakeSession:
    """What the cache asks of a decoder graph."""

    layers = LAYERS

    def __init__(self, dtype: type[np.generic] = np.float32) -> None:
        self._dtype = dtype

    def shape(self, name: str) -> tuple[int | str, ...]:
        assert name.startswith("past_key_values.0.")
        return ("rows", HEADS, "capacity", SIZE)

    def dtype(self, name: str) -> type[np.generic]:
        assert name.startswith("past_key_values.0.")
        return self._dtype


class Recorder:
    """A binding that remembers what it was given."""

    def __init__(self, cache: KVCache) -> None:
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}
        cache.bind(self)

    def input(self, name: str, array: Any) -> None:
        self.inputs[name] = array

    def output(self, name: str, array: Any) -> None:
        self.outputs[name] = array


def filled(rows: int, length: int) -> tuple[KVCache, Recorder]:
    """Each entry of the used part tells its row and token; the unused tail is 0."""
    cache = KVCache(FakeSession(), rows=rows, capacity=CAPACITY)
    bound = Recorder(cache)
    cache.advance(length)
    for number, array in enumerate(bound.inputs.values()):
        for row in range(rows):
            for token in range(length):
                array[row, :, token] = 1000 * number + 100 * (row + 1) + token
    return cache, bound


def rows_of(bound: Recorder, name: str = "past_key_values.1.value") -> list[int]:
    """Which row each row's first token came from."""
    return [int(entry) // 100 % 10 - 1 for entry in bound.inputs[name][:, 0, 0, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_buffers_have_the_graphs_shape_and_type(dtype: type[np.generic]) -> None:
    bound = Recorder(KVCache(FakeSession(dtype), rows=5, capacity=CAPACITY))
    assert set(bound.inputs) == {
        f"past_key_values.{i}.{kind}" for i in range(LAYERS) for kind in ("key", "value")
    }
    for array in bound.inputs.values():
        assert (array.shape, array.dtype) == ((5, HEADS, CAPACITY, SIZE), dtype)
        assert array.flags.c_contiguous
        assert not array.any()  # no NaN in the unused tail


def test_past_and_present_are_one_memory_and_nothing_else_is() -> None:
    bound = Recorder(KVCache(FakeSession(), rows=1, capacity=CAPACITY))
    for name, array in bound.inputs.items():
        assert bound.outputs[name.replace("past_key_values", "present")] is array
    assert len({array.ctypes.data for array in bound.inputs.values()}) == 2 * LAYERS
    assert len(bound.outputs) == 2 * LAYERS


def test_a_second_binding_gets_the_same_memory() -> None:
    cache, bound = filled(1, 2)
    again = Recorder(cache)
    assert all(again.inputs[name] is array for name, array in bound.inputs.items())


def test_length_grows_to_the_capacity_and_no_further() -> None:
    cache = KVCache(FakeSession(), rows=1, capacity=CAPACITY)
    cache.advance(CAPACITY - 1)
    cache.advance(1)
    assert cache.length == CAPACITY
    with pytest.raises(OptionError, match="11 tokens exceed the cache of 10"):
        cache.advance(1)
    assert cache.length == CAPACITY


@pytest.mark.parametrize(("to", "length"), [(0, 0), (3, 3), (6, 6), (9, 6)])
def test_truncate(to: int, length: int) -> None:
    cache, _ = filled(1, 6)
    cache.truncate(to)
    assert cache.length == length
    cache.advance(CAPACITY - length)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 1, 1], [0, 0, 1]])
def test_reorder_moves_whole_rows(order: list[int]) -> None:
    cache, bound = filled(3, 4)
    cache.reorder(np.array(order))
    for name in bound.inputs:
        assert rows_of(bound, name) == order
    used = bound.inputs["past_key_values.0.key"][:, 0, :4, 0]
    assert (used % 100 == np.arange(4)).all()


@pytest.mark.parametrize("seed", range(30))
def test_reorder_in_any_order(seed: int) -> None:
    """Also where a row is read after another has been written over it."""
    rows = 6
    order = np.random.default_rng(seed).integers(0, rows, rows)
    cache, bound = filled(rows, 3)
    before = {name: array.copy() for name, array in bound.inputs.items()}
    cache.reorder(order)
    for name, array in bound.inputs.items():
        np.testing.assert_array_equal(array, before[name][order])


def test_reorder_leaves_alone_what_does_not_move() -> None:
    cache, bound = filled(4, 3)
    for array in bound.inputs.values():
        array[:, :, 3:] = np.arange(4)[:, None, None, None]  # behind what is in use
    cache.reorder(np.array([0, 0, 2, 2]))
    for name, array in bound.inputs.items():
        assert rows_of(bound, name) == [0, 0, 2, 2]
        assert (array[:, :, 3:] == np.arange(4)[:, None, None, None]).all()


def test_fork_copies_the_first_row() -> None:
    cache, bound = filled(2, 4)
    fork = cache.fork(FakeSession(), 3)
    copied = Recorder(fork)
    assert (fork.rows, fork.capacity, fork.length) == (3, CAPACITY, 4)
    assert rows_of(copied) == [0, 0, 0]
    for name, array in copied.inputs.items():
        np.testing.assert_array_equal(array, np.repeat(bound.inputs[name][:1], 3, axis=0))


def test_a_fork_shares_nothing() -> None:
    cache, bound = filled(1, 4)
    copied = Recorder(cache.fork(FakeSession(), 1))
    for array in copied.inputs.values():
        array[:] = -1
    assert all((array >= 0).all() for array in bound.inputs.values())
    assert cache.length == 4


def test_a_snapshot_brings_back_the_first_row() -> None:
    cache, bound = filled(2, 4)
    state = cache.snapshot()
    assert state.shape == (LAYERS, 2, HEADS, 4, SIZE)
    larger = KVCache(FakeSession(), rows=1, capacity=CAPACITY + 5)
    restored = Recorder(larger)
    larger.restore(state.astype(np.float16))
    assert larger.length == 4
    for name, array in restored.inputs.items():
        np.testing.assert_allclose(array[0, :, :4], bound.inputs[name][0, :, :4], rtol=1e-3)
        assert not array[:, :, 4:].any()
    bound.inputs["past_key_values.0.key"][:] = -1
    assert state.min() >= 0  # a copy


@pytest.mark.parametrize("shape", [(2, 2, 3, 11, 4), (1, 2, 3, 4, 4), (2, 2, 3, 4, 5), (2, 2, 3)])
def test_a_snapshot_of_another_model_is_refused(shape: tuple[int, ...]) -> None:
    cache, _ = filled(1, 2)
    with pytest.raises(OptionError, match="saved cache"):
        cache.restore(np.zeros(shape, np.float16))
    assert cache.length == 2
