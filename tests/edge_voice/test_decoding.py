"""The loop over tokens, with a model that is a table."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from edge_voice.decoding import Hypothesis, LoopGuard, decode
from edge_voice.sampling import Sampler

VOCABULARY, END = 6, 5
# Softmax of one 5 among six: what a scripted token's log probability is.
CERTAIN = pytest.approx(float(5 - np.log(np.exp(5) + VOCABULARY - 1)), abs=1e-6)


class Script:
    """Says the tokens of each row one after the other; remembers what it was fed."""

    def __init__(self, *rows: Sequence[int]) -> None:
        self._rows = [itertools.chain(row, itertools.repeat(END)) for row in rows]
        self.fed: list[list[int]] = []

    def logits(self) -> np.ndarray:
        logits = np.zeros((len(self._rows), VOCABULARY), np.float32)
        for row, tokens in enumerate(self._rows):
            logits[row, next(tokens)] = 5
        return logits

    def step(self, tokens: np.ndarray) -> np.ndarray:
        self.fed.append(tokens.tolist())
        return self.logits()


def run(script: Script, **options: object) -> list[Hypothesis]:
    defaults = {"sampler": Sampler(), "end_token": END, "max_new_tokens": 50}
    return decode(script.step, script.logits(), **(defaults | options))


def test_until_the_end_token() -> None:
    script = Script([1, 2, 3])
    (row,) = run(script)
    assert (row.tokens, row.complete, row.looped) == ([1, 2, 3], True, False)
    assert script.fed == [[1], [2], [3]]


def test_average_counts_the_end_token() -> None:
    (row,) = run(Script([1, 2, 3]))
    assert row.logprobs == [CERTAIN] * 4
    assert row.avg_logprob == CERTAIN


def test_nothing_to_say() -> None:
    script = Script([])
    (row,) = run(script)
    assert (row.tokens, row.complete, row.avg_logprob) == ([], True, CERTAIN)
    assert script.fed == []


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_the_limit_stops_without_a_wasted_step(limit: int) -> None:
    script = Script([1, 2, 3, 4])
    (row,) = run(script, max_new_tokens=limit)
    assert (row.tokens, row.complete) == ([1, 2, 3, 4][:limit], False)
    assert len(script.fed) == max(limit - 1, 0)


def test_rows_end_on_their_own() -> None:
    script = Script([1, 2, 3], [4], [])
    rows = run(script)
    assert [row.tokens for row in rows] == [[1, 2, 3], [4], []]
    assert all(row.complete for row in rows)
    assert all(row.avg_logprob == CERTAIN for row in rows)
    assert len(script.fed) == 3


def test_rules_see_open_rows_and_their_tokens() -> None:
    seen = []

    def rule(logits: np.ndarray, tokens: Sequence[int]) -> None:
        assert logits.shape == (VOCABULARY,)
        seen.append(list(tokens))

    run(Script([1, 2], []), rules=[rule])
    assert sorted(seen) == [[], [], [1], [1, 2]]


def test_rules_change_what_is_picked_and_act_in_order() -> None:
    def forbid_one(logits: np.ndarray, tokens: Sequence[int]) -> None:
        logits[1] = -np.inf

    def then_favour_four(logits: np.ndarray, tokens: Sequence[int]) -> None:
        if np.isinf(logits[1]) and not tokens:
            logits[4] = 9

    (row,) = run(Script([1, 2]), rules=[forbid_one, then_favour_four])
    assert row.tokens == [4, 2]
    assert np.isfinite(row.avg_logprob)


def test_a_bias_changes_what_is_picked_and_nothing_that_is_told() -> None:
    seen = []

    def favour_three(logits: np.ndarray, tokens: Sequence[int]) -> None:
        seen.append((float(logits[0]), list(tokens)))
        if not tokens:
            logits[3] += 6

    def forbid_zero(logits: np.ndarray, tokens: Sequence[int]) -> None:
        logits[0] = -np.inf

    first, second = run(Script([1, 2], [4]), rules=[forbid_zero], bias=favour_three)
    assert (first.tokens, second.tokens) == ([3, 2], [3])
    # Five may follow, one of them with a logit of 5; the bias is not part of it.
    total = np.log(np.exp(5) + VOCABULARY - 2)
    assert first.logprobs == pytest.approx([-total, 5 - total, 5 - total], abs=1e-6)
    # It sees rows after the rules, and no row that has ended.
    assert sorted(seen) == sorted(
        [(-np.inf, []), (-np.inf, []), (-np.inf, [3]), (-np.inf, [3]), (-np.inf, [3, 2])]
    )


def test_a_loop_is_cut_to_its_first_turn() -> None:
    script = Script([4, *[1, 2, 3] * 20])
    (row,) = run(script, guard=LoopGuard())
    assert (row.tokens, row.looped, row.complete) == ([4, 1, 2, 3], True, False)
    assert len(script.fed) < 20


def test_what_was_cut_does_not_count() -> None:
    (row,) = run(Script([4, *[1, 2, 3] * 20]), guard=LoopGuard())
    assert row.logprobs == [CERTAIN] * 4
    assert row.avg_logprob * 5 / 4 == CERTAIN


def test_a_loop_ends_its_own_row_only() -> None:
    rows = run(Script([1] * 40, [*[2, 3] * 3, 4]), guard=LoopGuard())
    assert [row.tokens for row in rows] == [[1], [2, 3, 2, 3, 2, 3, 4]]
    assert [row.looped for row in rows] == [True, False]


@pytest.mark.parametrize(
    ("tokens", "start"),
    [
        ([], None),
        ([7] * 15, None),  # "no no no no" is speech
        ([7] * 16, 1),
        ([1, 2, *[7] * 16], 3),
        ([1, 2] * 7, None),
        ([1, 2] * 8, 2),
        ([9, *[1, 2, 3, 4, 5, 6] * 3], None),
        ([9, *[1, 2, 3, 4, 5, 6] * 4], 7),
        ([*range(24)] * 3, None),
        ([*range(24)] * 4, 24),
        ([*range(25)] * 8, None),  # longer than the longest phrase
        ([*[7] * 30, 8], None),  # over and done with
        ([3, *[1, 2, 3] * 6], 3),  # the loop began a token earlier than it seems
    ],
)
def test_loop_guard(tokens: list[int], start: int | None) -> None:
    assert LoopGuard().loop_start(tokens) == start
    assert LoopGuard().loop_start(tuple(tokens)) == start


def test_loop_guard_obeys_its_settings() -> None:
    guard = LoopGuard(longest_phrase=2, repeats=3, shortest_loop=4)
    assert guard.loop_start([1, 2, 1, 2, 1, 2]) == 2
    assert guard.loop_start([1, 1, 1]) is None
    assert guard.loop_start([1, 1, 1, 1]) == 1
    assert guard.loop_start([1, 2, 3] * 4) is None


@pytest.mark.parametrize("seed", range(20))
def test_loop_guard_agrees_with_its_definition(seed: int) -> None:
    guard = LoopGuard(longest_phrase=3, repeats=3, shortest_loop=5)
    tokens = np.random.default_rng(seed).integers(0, 2, 60).tolist()
    for count in range(len(tokens) + 1):
        head = tokens[:count]
        periods = [
            period
            for period in (1, 2, 3)
            if count >= (length := max(3 * period, 5))
            and all(head[-i] == head[-i - period] for i in range(1, length - period + 1))
        ]
        start = guard.loop_start(head)
        assert (start is not None) == bool(periods)
        if start is not None:
            # Everything from there on repeats what is one phrase earlier; nothing longer does.
            period = periods[0]
            assert all(head[i] == head[i - period] for i in range(start, count))
            assert start == period or head[start - 1] != head[start - 1 - period]
