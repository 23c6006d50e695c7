"""Beam search, against greedy decoding, against all there is, and by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from edge_voice.beam import _top, beam_search
from edge_voice.decoding import Hypothesis, LoopGuard, decode
from edge_voice.hotwords import Hotwords
from edge_voice.sampling import Sampler
from tests.edge_voice.tables import Table, sequences

END = 2  # of the smallest vocabulary: two words and the end
NEVER = -np.inf


def search(table: Table, *, width: int, end_token: int = END, **options: Any) -> list[Hypothesis]:
    defaults = {"max_new_tokens": 3}
    return beam_search(
        table.step,
        table.logits(),
        width=width,
        reorder=table.reorder,
        end_token=end_token,
        **(defaults | options),
    )


class Chances:
    """One clip whose next token's probabilities depend on what was said; else the end is sure."""

    def __init__(
        self, chances: dict[tuple[int, ...], Sequence[float]], *, width: int, vocabulary: int
    ) -> None:
        self._chances = chances
        self._vocabulary = vocabulary
        self._said: list[tuple[int, ...]] = [()] * width
        self.steps = 0

    def logits(self) -> np.ndarray:
        sure = [0.0] * (self._vocabulary - 1) + [1.0]
        with np.errstate(divide="ignore"):
            return np.log([self._chances.get(said, sure) for said in self._said], dtype=np.float32)

    def reorder(self, sources: np.ndarray) -> None:
        self._said = [self._said[source] for source in sources]

    def step(self, tokens: np.ndarray) -> np.ndarray:
        self.steps += 1
        self._said = [(*said, token) for said, token in zip(self._said, tokens, strict=True)]
        return self.logits()

    def search(self, **options: Any) -> Hypothesis:
        defaults = {"end_token": self._vocabulary - 1, "max_new_tokens": 20}
        (found,) = beam_search(
            self.step,
            self.logits(),
            width=len(self._said),
            reorder=self.reorder,
            **(defaults | options),
        )
        return found


def forbid_in_turn(logits: np.ndarray, tokens: Sequence[int]) -> None:
    logits[len(tokens) % len(logits)] = NEVER


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rules": [forbid_in_turn]},
        {"guard": LoopGuard(longest_phrase=2, repeats=2, shortest_loop=3)},
        {"length_penalty": 0.6},
        {"max_new_tokens": 0},
    ],
)
def test_a_width_of_one_is_greedy(seed: int, options: dict[str, Any]) -> None:
    clips = [seed, seed + 100, seed + 200]
    limits = {"end_token": 4, "max_new_tokens": 12}
    table = Table(clips, width=1, vocabulary=5)
    beams = search(table, width=1, **(limits | options))
    same = {name: value for name, value in options.items() if name != "length_penalty"}
    table = Table(clips, width=1, vocabulary=5)
    assert beams == decode(table.step, table.logits(), sampler=Sampler(), **(limits | same))


def test_a_width_of_one_keeps_to_the_first_of_equals() -> None:
    logits = np.zeros((1, 1000), np.float32)
    rules = [lambda logits, tokens: logits.__setitem__(999, 1.0 if tokens else -1.0)]
    (found,) = beam_search(
        lambda tokens: np.zeros((1, 1000), np.float32),
        logits,
        width=1,
        reorder=lambda sources: None,
        end_token=999,
        max_new_tokens=5,
        rules=rules,
    )
    assert found.tokens == [0]


@pytest.mark.parametrize("seed", range(25))
def test_rows_have_rules_of_their_own(seed: int) -> None:
    def without(token: int) -> Callable[[np.ndarray, Sequence[int]], None]:
        return lambda logits, tokens: logits.__setitem__(token, NEVER)

    table = Table([seed, seed], width=3, vocabulary=4)
    rules = [[without(0)]] * 3 + [[without(1)]] * 3
    first, second = search(table, width=3, end_token=3, max_new_tokens=6, row_rules=rules)
    assert 0 not in first.tokens
    assert 1 not in second.tokens
    for row, forbidden in ((first, 0), (second, 1)):
        table = Table([seed], width=3, vocabulary=4)
        options = {"end_token": 3, "max_new_tokens": 6, "rules": [without(forbidden)]}
        assert search(table, width=3, **options) == [row]


def normalised(score: float, tokens: Sequence[int], alpha: float | None) -> float:
    length = len(tokens) + (tokens[-1:] != [END])  # the end token counts, said or not
    return score / (length if alpha is None else ((5 + length) / 6) ** alpha)


@pytest.mark.parametrize("alpha", [None, 0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(25))
def test_a_wide_beam_finds_the_best_of_all(seed: int, alpha: float | None) -> None:
    table = Table([seed], width=8, vocabulary=3)
    best = max(
        sequences((0, 1), END, 3),
        key=lambda tokens: normalised(sum(table.logprobs(seed, tokens)), tokens, alpha),
    )
    (found,) = search(table, width=8, length_penalty=alpha)
    assert found.tokens == [token for token in best if token != END]
    assert found.complete == (best[-1:] == [END])
    np.testing.assert_allclose(found.logprobs, table.logprobs(seed, best), atol=1e-5)


@pytest.mark.parametrize("seed", range(25))
def test_with_hotwords_it_finds_the_best_of_all(seed: int) -> None:
    hotwords = Hotwords([([0, 1], 1.0), ([1, 1, 0], 1.5)])
    table = Table([seed], width=8, vocabulary=3)

    def score(tokens: list[int]) -> float:
        said = [token for token in tokens if token != END]
        bonus = {(0, 1): 2.0, (1, 1, 0): 4.5, (0, 0, 1): 2.0, (0, 1, 0): 2.0, (0, 1, 1): 2.0,
                 (1, 0, 1): 2.0}.get(tuple(said), 0.0)  # fmt: skip
        return normalised(sum(table.logprobs(seed, tokens)) + bonus, tokens, None)

    best = max(sequences((0, 1), END, 3), key=score)
    (found,) = search(table, width=8, hotwords=hotwords)
    assert found.tokens == [token for token in best if token != END]
    # What is told is what the model thinks, without the boost.
    np.testing.assert_allclose(found.logprobs, table.logprobs(seed, best), atol=1e-5)


@pytest.mark.parametrize("width", [2, 3, 5, 8])
@pytest.mark.parametrize("seed", range(10))
def test_clips_do_not_disturb_each_other(seed: int, width: int) -> None:
    clips = [seed, seed + 100, seed + 200]
    options = {"end_token": 5, "max_new_tokens": 15}
    together = Table(clips, width=width, vocabulary=6)
    alone = [Table([clip], width=width, vocabulary=6) for clip in clips]
    found = search(together, width=width, **options)
    assert found == [search(table, width=width, **options)[0] for table in alone]
    assert together.steps == max(table.steps for table in alone)


@pytest.mark.parametrize("seed", range(10))
def test_state_follows_its_hypothesis_and_moves_for_forks_only(seed: int) -> None:
    table = Table([seed, seed + 100], width=4, vocabulary=6)
    for row in search(table, width=4, end_token=5, max_new_tokens=15):
        clip = seed if row.tokens == search_one(seed) else seed + 100
        spoken = [*row.tokens, *([5] if row.complete else [])]
        np.testing.assert_allclose(row.logprobs, table.logprobs(clip, spoken), atol=1e-5)
    for sources in table.moves:
        assert all(source // 4 == row // 4 for row, source in enumerate(sources))
        # Who still has a child in its own row is never overwritten.
        assert all(sources[source] == source for source in sources)


def search_one(clip: int) -> list[int]:
    table = Table([clip], width=4, vocabulary=6)
    return search(table, width=4, end_token=5, max_new_tokens=15)[0].tokens


# Two words and the end. The likelier first word leads to an uncertain second.
GARDEN_PATH = {(): [0.6, 0.4, 0.0], (0,): [0.4, 0.3, 0.3], (1,): [0.0, 0.0, 1.0]}


def test_two_beams_see_where_greedy_goes_wrong() -> None:
    greedy = Chances(GARDEN_PATH, width=1, vocabulary=3).search()
    beams = Chances(GARDEN_PATH, width=2, vocabulary=3).search()
    assert (greedy.tokens, beams.tokens) == ([0, 0], [1])
    assert (beams.complete, beams.avg_logprob) == (True, pytest.approx(np.log(0.4) / 2))


# One token and the end at 0.6, or five and the end at 0.4.
LENGTHS = {(): [0.4, 0.6, 0.0], **{(0,) * n: [1.0, 0.0, 0.0] for n in range(1, 5)}}


@pytest.mark.parametrize(("alpha", "length"), [(None, 5), (0.0, 1), (0.2, 1), (2.0, 5)])
def test_a_length_penalty_decides_between_long_and_short(alpha: float | None, length: int) -> None:
    found = Chances(LENGTHS, width=2, vocabulary=3).search(length_penalty=alpha)
    assert len(found.tokens) == length


def test_it_stops_when_enough_have_ended() -> None:
    chances = {(): [0.2, 0.2, 0.6], (0,): [0.1, 0.1, 0.8], (1,): [0.1, 0.1, 0.8]}
    table = Chances(chances, width=2, vocabulary=3)
    assert table.search().tokens == []
    assert table.steps == 1


def test_it_goes_on_while_an_open_one_is_likelier_than_all_that_ended() -> None:
    chances = {(0,) * n: [0.8, 0.1, 0.1] for n in range(6)} | {(0,) * 6: [0.0, 0.0, 1.0]}
    table = Chances(chances, width=2, vocabulary=3)
    assert table.search(length_penalty=0.0).tokens == [0] * 6
    assert table.steps == 6


def test_what_loops_is_taken_only_if_nothing_else_is_there() -> None:
    chances = {(1,): [0.0, 0.1, 0.9], (): [0.9, 0.1, 0.0]}
    chances |= {(0,) * n: [1.0, 0.0, 0.0] for n in range(1, 30)}
    guard = LoopGuard(shortest_loop=4)
    options = {"guard": guard, "max_new_tokens": 30}
    greedy = Chances(chances, width=1, vocabulary=3).search(**options)
    beams = Chances(chances, width=2, vocabulary=3).search(**options)
    assert (greedy.tokens, greedy.looped) == ([0], True)
    assert (beams.tokens, beams.looped, beams.complete) == ([1], False, True)


def test_what_a_limit_cuts_is_not_lost() -> None:
    chances = {(0,) * n: [0.9, 0.05, 0.05] for n in range(10)}
    table = Chances(chances, width=2, vocabulary=3)
    found = table.search(max_new_tokens=4)
    assert (found.tokens, found.complete) == ([0] * 4, False)
    assert table.steps == 3


def test_where_the_rules_forbid_everything_a_hypothesis_is_cut() -> None:
    def nothing_after_one(logits: np.ndarray, tokens: Sequence[int]) -> None:
        if tokens:
            logits[:] = NEVER

    found = Chances({}, width=2, vocabulary=3).search()
    assert (found.tokens, found.complete) == ([], True)
    chances = {(): [0.7, 0.3, 0.0]}
    found = Chances(chances, width=2, vocabulary=3).search(rules=[nothing_after_one])
    assert (found.tokens, found.complete) == ([0], False)


def test_times_count_together() -> None:
    # One word, the end, and three times from id 2 on.
    chances = {
        (): [0.4, 0.0, 0.15, 0.25, 0.2], (0,): [0, 1, 0, 0, 0],
        **{(time,): [0, 1, 0, 0, 0] for time in (2, 3, 4)},
    }  # fmt: skip
    apart = Chances(chances, width=2, vocabulary=5).search(end_token=1)
    together = Chances(chances, width=2, vocabulary=5).search(end_token=1, words_end=2)
    assert (apart.tokens, together.tokens) == ([0], [3])
    assert together.logprobs == pytest.approx([np.log(0.25), 0.0], abs=1e-6)


def test_times_do_not_fill_the_beam() -> None:
    # Three times that lead nowhere, and a word that leads to a sure one.
    chances = {
        (): [0.1, 0.0, 0.3, 0.3, 0.3], (0,): [0, 1, 0, 0, 0],
        **{(time,): [0.3, 0.4, 0.1, 0.1, 0.1] for time in (2, 3, 4)},
        **{(time, 0): [0.5, 0.5, 0, 0, 0] for time in (2, 3, 4)},
    }  # fmt: skip
    found = Chances(chances, width=2, vocabulary=5).search(
        end_token=1, words_end=2, length_penalty=0.0
    )
    assert found.tokens == [2]  # 0.9 · 0.4 against 0.1
    seen: list[int] = []

    def watch(logits: np.ndarray, tokens: Sequence[int]) -> None:
        seen.extend(tokens[:1])

    Chances(chances, width=2, vocabulary=5).search(end_token=1, words_end=2, rules=[watch])
    assert set(seen) == {0, 2}


@pytest.mark.parametrize("size", [1, 3, 64, 65, 1000, 51_864])
@pytest.mark.parametrize("count", [1, 2, 9])
@pytest.mark.parametrize("levels", [3, 100_000])
def test_top_is_the_head_of_a_stable_sort(size: int, count: int, levels: int) -> None:
    random = np.random.default_rng(size + count)
    scores = random.integers(0, levels, size).astype(np.float32)
    scores[random.random(size) < 0.3] = NEVER
    order = np.argsort(-scores, kind="stable")
    expected = [place for place in order if np.isfinite(scores[place])][:count]
    assert _top(scores, count).tolist() == expected
