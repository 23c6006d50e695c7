"""Beam search: several hypotheses of a clip side by side, over the step and cache of `decode`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from edge_voice.decoding import Hypothesis, LogitsRule, LoopGuard, Step, extend
from edge_voice.hotwords import Hotwords
from edge_voice.sampling import log_sum_exp

Array = np.ndarray[Any, np.dtype[Any]]

# Takes (rows,) source rows: row i of the cache becomes what row source[i] was.
Reorder = Callable[[Array], None]

_GROUPS = 64


def beam_search(
    step: Step,
    logits: Array,
    *,
    width: int,
    reorder: Reorder,
    end_token: int,
    max_new_tokens: int,
    rules: Sequence[LogitsRule] = (),
    row_rules: Sequence[Sequence[LogitsRule]] | None = None,
    guard: LoopGuard | None = None,
    hotwords: Hotwords | None = None,
    length_penalty: float | None = None,
    words_end: int | None = None,
) -> list[Hypothesis]:
    """Looks for the likeliest hypothesis of every clip, `width` at a time.

    Each step keeps the `width` best continuations of a clip's open hypotheses. One that ends, or
    loops, is set aside if it is among them. A clip is done when `width` have been set aside and no
    open one is likelier than the likeliest of them. (openai-whisper 20250625, `decoding.py`, does
    not look at the open ones: a sure hypothesis then dies when poor ones end early.) With a width
    of 1 and without hotwords this is `decode` with a greedy sampler.

    Args:
        step: Runs the model on the tokens just picked.
        logits: (rows, vocabulary) float32 after the prompt; changed in place. The rows of a clip
            are `width` neighbours, and all the same at first.
        width: Hypotheses of a clip.
        reorder: Moves the model's state to where its hypothesis has gone, before each step.
        end_token: Ends a hypothesis.
        max_new_tokens: Most tokens of a hypothesis.
        rules: Applied to each hypothesis' logits in order.
        row_rules: Further rules of each row, the same for all rows of a clip.
        guard: Ends hypotheses that loop, and cuts the loop to its first turn; one that did not
            loop is preferred.
        hotwords: Favoured phrases; log-probabilities stay those without them.
        length_penalty: Alpha of the GNMT length normalisation; None ranks by mean log-probability.
        words_end: Ids from here on (timestamps, say) are one choice in the search, as likely as all
            of them together; the likeliest stands for it. Else hypotheses that differ in nothing
            but a time fill the beam, and those that avoid to tell one win.

    Returns:
        The best hypothesis of each clip.
    """
    judge = _Judge(width, end_token, guard, hotwords, length_penalty, words_end)
    firsts = range(0, len(logits), width)
    clips = [_Clip((*rules, *(row_rules[first] if row_rules else ()))) for first in firsts]
    for count in range(max_new_tokens):
        tokens = np.full(len(logits), end_token, np.int64)
        sources = np.arange(len(logits))
        for first, clip in zip(firsts, clips, strict=True):
            rows = slice(first, first + width)
            if clip.open:
                clip.grow(logits[rows], judge)
                clip.place(tokens[rows], sources[rows], first)
        if count + 1 == max_new_tokens or not any(clip.open for clip in clips):
            break
        reorder(sources)
        logits = step(tokens)
    return [max(clip.candidates(), key=judge.rank).hypothesis for clip in clips]


class _Beam(NamedTuple):
    """A hypothesis in the search.

    Attributes:
        hypothesis: Its tokens, with the log-probabilities that are told.
        score: Log-probability, ids from `words_end` on taken together.
        bonus: What hotwords have added so far.
    """

    hypothesis: Hypothesis
    score: float = 0.0
    bonus: float = 0.0

    @property
    def total(self) -> float:
        """What hypotheses of one length are compared by."""
        return self.score + self.bonus


class _Continuation(NamedTuple):
    """A token that may follow the hypothesis in `row`; score and bonus are those of both."""

    row: int
    token: int
    logprob: float
    score: float
    bonus: float


@dataclass(frozen=True, slots=True)
class _Judge:
    """What all clips of a search have in common."""

    width: int
    end_token: int
    guard: LoopGuard | None
    hotwords: Hotwords | None
    length_penalty: float | None
    words_end: int | None

    def rank(self, beam: _Beam) -> tuple[bool, float]:
        """Greater is better: one that does not loop, then by score for its length.

        The length counts the end token, as `Hypothesis.avg_logprob` does. With a penalty it is
        ((5 + n) / 6)^alpha (Wu et al. 2016, arXiv:1609.08144, equation 14).
        """
        hypothesis = beam.hypothesis
        score = sum(hypothesis.logprobs) if hypothesis.looped else beam.score
        if self.hotwords:
            score += self.hotwords.bonus(hypothesis.tokens)
        length = len(hypothesis.tokens) + 1
        if self.length_penalty is None:
            return not hypothesis.looped, score / length
        return not hypothesis.looped, score / ((5 + length) / 6) ** self.length_penalty

    def continuations(self, row: int, beam: _Beam, logits: Array) -> Iterator[_Continuation]:
        """The best tokens behind one hypothesis: one more than there are beams, best first, and
        what stands for the ids from `words_end` on.

        One of them at most is the end, so enough are left to fill the beams.
        """
        biased, bonus = logits, beam.bonus
        if self.hotwords:
            biased = logits.copy()
            bonus += self.hotwords.add_gains(biased, beam.hypothesis.tokens)
        total = log_sum_exp(logits)
        for token in _top(biased[: self.words_end], self.width + 1).tolist():
            logprob = float(logits[token] - total)
            gain = float(biased[token]) - float(logits[token])
            yield _Continuation(row, token, logprob, beam.score + logprob, bonus + gain)
        if self.words_end is not None:
            behind = logits[self.words_end :]
            for place in _top(behind, 1).tolist():
                logprob, together = float(behind[place] - total), log_sum_exp(behind) - total
                token, score = self.words_end + place, beam.score + float(together)
                yield _Continuation(row, token, logprob, score, bonus)


@dataclass(slots=True)
class _Clip:
    """The hypotheses of one clip.

    Attributes:
        rules: Of its logits.
        open: Row within the clip → hypothesis that goes on.
        ended: Hypotheses that have ended.
        parents: Row → the row that its hypothesis grew from in the last step.
    """

    rules: Sequence[LogitsRule]
    open: dict[int, _Beam] = field(default_factory=lambda: {0: _Beam(Hypothesis())})
    ended: list[_Beam] = field(default_factory=list)
    parents: dict[int, int] = field(default_factory=dict)

    def grow(self, logits: Array, judge: _Judge) -> None:
        """Replaces the open hypotheses by their best continuations, given (width, vocabulary)."""
        found: list[_Continuation] = []
        for row, beam in self.open.items():
            for rule in self.rules:
                rule(logits[row], beam.hypothesis.tokens)
            found += judge.continuations(row, beam, logits[row])
        found.sort(key=lambda continuation: continuation.score + continuation.bonus, reverse=True)
        grown: list[tuple[int, _Beam]] = []
        for row, token, logprob, score, bonus in found:
            child = _Beam(_copy(self.open[row].hypothesis), score, bonus)
            if len(grown) == judge.width or self._is_beaten(child, judge):
                break
            if extend(child.hypothesis, token, logprob, judge.end_token, judge.guard):
                grown.append((row, child))
            else:
                self.ended.append(child)
        if not found:  # the rules forbid everything
            self.ended += self.open.values()
        self._settle([(row, beam) for row, beam in grown if not self._is_beaten(beam, judge)])

    def _is_beaten(self, beam: _Beam, judge: _Judge) -> bool:
        enough = len(self.ended) >= judge.width
        return enough and beam.total <= max(ended.total for ended in self.ended)

    def place(self, tokens: Array, sources: Array, first: int) -> None:
        """Writes the last token and the parent's row of each open hypothesis.

        Args:
            tokens: (width,) of this clip.
            sources: (width,) of this clip.
            first: This clip's first row among all.
        """
        for row, beam in self.open.items():
            tokens[row] = beam.hypothesis.tokens[-1]
            sources[row] = first + self.parents[row]

    def candidates(self) -> list[_Beam]:
        """What the best is chosen from: those that ended, and those that a limit cut."""
        return [*self.ended, *self.open.values()]

    def _settle(self, grown: list[tuple[int, _Beam]]) -> None:
        """Leaves the first child of each row where its parent was: its state need not move."""
        self.open, self.parents, moving = {}, {}, []
        for parent, beam in grown:
            if parent in self.open:
                moving.append((parent, beam))
            else:
                self.open[parent], self.parents[parent] = beam, parent
        free = (row for row in range(len(grown)) if row not in self.parents)
        for (parent, beam), row in zip(moving, list(free), strict=False):
            self.open[row], self.parents[row] = beam, parent


def _copy(hypothesis: Hypothesis) -> Hypothesis:
    return Hypothesis([*hypothesis.tokens], [*hypothesis.logprobs])


def _top(scores: Array, count: int) -> Array:
    """The places of the `count` greatest of (vocabulary,), greatest first, ties in order.

    The greatest of each of many groups bound the answer from below, so that few places are left to
    sort: a tenth of the time of argpartition. Places of -inf are left out.
    """
    size = len(scores) // _GROUPS * _GROUPS
    bound = -np.inf
    if size // _GROUPS > count:
        highest = scores[:size].reshape(_GROUPS, -1).max(axis=0)
        bound = np.partition(highest, -count)[-count]
    places = np.flatnonzero((scores >= bound) & (scores > -np.inf))
    order = np.argsort(-scores[places], kind="stable")[:count]
    return np.asarray(places[order])
