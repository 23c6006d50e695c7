"""Prefix beam search: against all paths, and with words that are known or favoured."""

from __future__ import annotations

import itertools
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from edge_voice.hotwords import Hotwords
from edge_voice.models.ctc import paths
from edge_voice.models.ctc.model import CtcModel
from edge_voice.models.ctc.ngrams import NGrams
from edge_voice.models.ctc.search import Knowledge, prefix_beam_search, word_tree
from tests.ready_files import TOKENS

ARPA = """\\data\\
ngram 1=6
ngram 2=2

\\1-grams:
-2\t<unk>
-1\t<s>\t0
-1\tbad\t0
-1\tdab\t-1
-3\tbed\t0
-1\thead

\\2-grams:
-0.1\tbad\thead
-0.2\t<s>\tdab

\\end\\
"""


def doubtful(*choices: dict[str, float], model: CtcModel) -> np.ndarray:
    """Log-probabilities of rows, each with what it may be; a blank row follows each."""
    chances = np.full((2 * len(choices), model.vocabulary.size), 1e-4)
    chances[1::2, 0] = 1
    for row, choice in zip(chances[::2], choices, strict=True):
        for letter, chance in choice.items():
            row[TOKENS.index("|" if letter == " " else letter)] = chance
    return np.log(chances / chances.sum(axis=1, keepdims=True))


def text(logprobs: np.ndarray, model: CtcModel, knowledge: Knowledge) -> str:
    tokens = prefix_beam_search(logprobs, 0, width=32, knowledge=knowledge)
    return model.vocabulary.decode(tokens)


@pytest.mark.parametrize("seed", range(10))
def test_it_finds_the_text_of_the_likeliest_paths(seed: int, model: CtcModel) -> None:
    logprobs = paths.log_softmax(np.random.default_rng(seed).normal(0, 1, (5, 3)))
    totals: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(3), repeat=5):
        said = tuple(token for token, _ in itertools.groupby(path) if token)
        totals[said] += float(np.exp(sum(logprobs[i, token] for i, token in enumerate(path))))
    knowledge = Knowledge(model.vocabulary)
    found = prefix_beam_search(logprobs, 0, width=200, knowledge=knowledge)
    assert found == max(totals, key=totals.__getitem__)


def test_many_ways_beat_the_likeliest_path(model: CtcModel) -> None:
    logprobs = np.log(np.array([[0.4, 0.3, 0.3, 1e-9], [0.4, 0.6 - 1e-9, 1e-9, 1e-9]]))
    assert paths.greedy(logprobs, 0).tokens == (1,)
    knowledge = Knowledge(model.vocabulary)
    assert prefix_beam_search(logprobs, 0, width=1, knowledge=knowledge) == (1,)


def test_hotwords_decide_what_is_doubtful(model: CtcModel) -> None:
    logprobs = doubtful({"B": 1}, {"A": 0.45, "E": 0.55}, {"D": 1}, {" ": 1}, {"A": 1}, model=model)
    assert text(logprobs, model, Knowledge(model.vocabulary)) == "BED A"
    hotwords = Hotwords.build(["bad"], model.vocabulary.encode, 2.0)
    assert text(logprobs, model, Knowledge(model.vocabulary, hotwords)) == "BAD A"
    gone = Hotwords.build(["badge"], model.vocabulary.encode, 2.0)
    assert text(logprobs, model, Knowledge(model.vocabulary, gone)) == "BED A"


def test_a_word_list_allows_nothing_else(model: CtcModel) -> None:
    logprobs = doubtful({"B": 1}, {"A": 0.1, "E": 0.9}, {"D": 1}, {" ": 1}, {"A": 1}, model=model)
    tree = word_tree(["bad", "a", "ça"], model.vocabulary)
    assert text(logprobs, model, Knowledge(model.vocabulary, words=tree)) == "BAD A"
    tree = word_tree(["head"], model.vocabulary)
    assert isinstance(text(logprobs, model, Knowledge(model.vocabulary, words=tree)), str)


def test_a_language_model_prefers_what_follows(model: CtcModel, tmp_path: Path) -> None:
    (tmp_path / "small.arpa").write_text(ARPA)
    knowledge = Knowledge(model.vocabulary, language_model=NGrams(tmp_path / "small.arpa"))
    logprobs = doubtful(
        {"B": 1}, {"A": 0.4, "E": 0.6}, {"D": 1}, {" ": 1}, *({c: 1} for c in "HEAD"), model=model
    )
    assert text(logprobs, model, Knowledge(model.vocabulary)) == "BED HEAD"
    assert text(logprobs, model, knowledge) == "BAD HEAD"


def test_ngrams_back_off(tmp_path: Path) -> None:
    (tmp_path / "small.arpa").write_text(ARPA)
    ngrams = NGrams(tmp_path / "small.arpa")
    assert ngrams.order == 2
    assert ngrams.log10(("bad",), "head") == pytest.approx(-0.1)
    assert ngrams.log10(("x", "<s>"), "dab") == pytest.approx(-0.2)
    assert ngrams.log10(("dab",), "bad") == pytest.approx(-2)
    assert ngrams.log10((), "bed") == pytest.approx(-3)
    assert ngrams.log10(("bad",), "nobody") == pytest.approx(-2)
    assert ngrams.knows("head")
    assert not ngrams.knows("nobody")
