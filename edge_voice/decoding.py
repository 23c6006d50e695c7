"""The autoregressive loop: token ids and logits only, no text, no audio, no graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from edge_voice.sampling import Sampler

Array = np.ndarray[Any, np.dtype[Any]]

# Feeds (rows,) tokens, returns (rows, vocabulary) logits of what follows.
Step = Callable[[Array], Array]


class LogitsRule(Protocol):
    """Forbids or favours tokens before one is picked."""

    def __call__(self, logits: Array, tokens: Sequence[int]) -> None:
        """Changes one row's logits (vocabulary,) in place, given the tokens so far."""


@dataclass(slots=True)
class Hypothesis:
    """One decoded row.

    Attributes:
        tokens: Ids without prompt and end token.
        logprobs: Natural-log probability of each token, then that of the end token if reached.
        looped: The loop guard cut it.
        complete: It ended with the end token, not at a limit.
    """

    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    looped: bool = False
    complete: bool = False

    @property
    def avg_logprob(self) -> float:
        """Mean per token, the end token counted."""
        return sum(self.logprobs) / (len(self.tokens) + 1)


@dataclass(frozen=True, slots=True)
class LoopGuard:
    """Notices that the tail of a sequence is one phrase again and again.

    Attributes:
        longest_phrase: Longest period looked for, in tokens.
        repeats: Times a phrase may stand in a row before it counts as a loop.
        shortest_loop: A loop has at least this many tokens: "no no no no" is speech.
        words_end: Ids from here on (timestamps, say) are looked over: they differ at each turn.
    """

    longest_phrase: int = 24
    repeats: int = 4
    shortest_loop: int = 16
    words_end: int | None = None

    def loop_start(self, tokens: Sequence[int]) -> int | None:
        """Index behind the first turn of a loop at the end of `tokens`; None if there is none."""
        if self.words_end is None:
            return self._loop_start(tokens)
        places = [i for i, token in enumerate(tokens) if token < self.words_end]
        start = self._loop_start([tokens[i] for i in places])
        return None if start is None else places[start]

    def _loop_start(self, tokens: Sequence[int]) -> int | None:
        for period in range(1, min(self.longest_phrase, len(tokens) // self.repeats) + 1):
            length = max(period * self.repeats, self.shortest_loop)
            if len(tokens) < length:
                continue
            tail = tokens[-length:]
            if tail[period:] == tail[:-period]:
                return _first_turn(tokens, period)
        return None


def decode(
    step: Step,
    logits: Array,
    *,
    sampler: Sampler,
    end_token: int,
    max_new_tokens: int,
    rules: Sequence[LogitsRule] = (),
    row_rules: Sequence[Sequence[LogitsRule]] | None = None,
    guard: LoopGuard | None = None,
    bias: LogitsRule | None = None,
) -> list[Hypothesis]:
    """Picks tokens until every row has ended.

    Args:
        step: Runs the model on the tokens just picked.
        logits: (rows, vocabulary) float32 after the prompt; changed in place.
        sampler: Picks.
        end_token: Ends a row.
        max_new_tokens: Most tokens per row.
        rules: Applied to each row's logits in order.
        row_rules: Further rules of each row, applied after those.
        guard: Ends rows that loop, and cuts the loop to its first turn.
        bias: Applied after the rules, to what tokens are chosen by only: the log-probabilities
            stay those without it.

    Returns:
        One hypothesis per row.
    """
    rows = [Hypothesis() for _ in range(len(logits))]
    open_rows = set(range(len(rows)))
    for count in range(max_new_tokens):
        for i in open_rows:
            for rule in (*rules, *(row_rules[i] if row_rules else ())):
                rule(logits[i], rows[i].tokens)
        biased = None
        if bias:
            biased = logits.copy()
            for i in open_rows:
                bias(biased[i], rows[i].tokens)
        tokens, logprobs = sampler.pick(logits, biased)
        for i in list(open_rows):
            if not extend(rows[i], int(tokens[i]), float(logprobs[i]), end_token, guard):
                open_rows.discard(i)
        if not open_rows or count + 1 == max_new_tokens:
            break
        logits = step(tokens)
    return rows


def extend(
    row: Hypothesis, token: int, logprob: float, end_token: int, guard: LoopGuard | None
) -> bool:
    """Appends a token, or ends the row with it; returns whether the row goes on."""
    row.logprobs.append(logprob)
    if token == end_token:
        row.complete = True
        return False
    row.tokens.append(token)
    start = guard.loop_start(row.tokens) if guard else None
    if start is None:
        return True
    row.looped = True
    del row.tokens[start:], row.logprobs[start:]
    return False


def _first_turn(tokens: Sequence[int], period: int) -> int:
    """Where the first turn of the loop at the end is over."""
    start = len(tokens) - period
    while start > 0 and tokens[start - 1] == tokens[start - 1 + period]:
        start -= 1
    return start + period
