"""Options of decoding that models share: what is allowed, and which search they lead to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_voice.beam import beam_search
from edge_voice.decoding import LoopGuard, decode
from edge_voice.decoding_options import DecodingOptions, read_decoding_options
from edge_voice.errors import OptionError
from edge_voice.hotwords import Hotwords
from edge_voice.sampling import Sampler
from tests.edge_voice.tables import Table

LIMITS: dict[str, Any] = {"end_token": 5, "max_new_tokens": 12}
HOTWORDS = Hotwords([([0, 1], 3.0), ([2], 1.0)])
GUARD = LoopGuard(longest_phrase=2, repeats=2, shortest_loop=3)


class FakeDecoder:
    """What a search asks of a decoder."""

    def __init__(self, table: Table) -> None:
        self.step = table.step
        self.cache = table


def table(rows: int, clips: int = 3) -> Table:
    return Table(range(clips), width=rows, vocabulary=6)


def search(options: DecodingOptions, **more: Any) -> Any:
    rows = table(options.rows(more.get("temperature", 0.0)))
    return options.search(FakeDecoder(rows), rows.logits(), **LIMITS, **more)  # type: ignore[arg-type]


def test_by_default_it_is_greedy() -> None:
    options = read_decoding_options({}, lambda text: [1])
    assert options == DecodingOptions()
    assert (options.rows(), options.uses_beams()) == (1, False)
    rows = table(1)
    assert search(options) == decode(rows.step, rows.logits(), sampler=Sampler(), **LIMITS)


def test_all_options() -> None:
    given = {"beam_size": 3, "length_penalty": 0.5, "hotwords": ["ab"], "language": "en"}
    options = read_decoding_options(given, lambda text: list(text.encode()))  # type: ignore[arg-type]
    assert (options.beam_size, options.length_penalty) == (3, 0.5)
    assert options.hotwords is not None
    assert options.hotwords.bonus([*b" ab"]) == 3 * 2.0  # the default boost
    stronger = read_decoding_options(
        {"hotwords": ("ab",), "hotword_boost": 4}, lambda text: list(text.encode())
    )
    assert stronger.hotwords is not None
    assert stronger.hotwords.bonus([*b" ab"]) == 3 * 4.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"beam_size": 0}, r"beam_size 0 \(allowed: 1 to 8\)"),
        ({"beam_size": 9}, r"beam_size 9 "),
        ({"beam_size": 2.0}, r"beam_size 2\.0 "),
        ({"beam_size": True}, r"beam_size True "),
        ({"beam_size": None}, r"beam_size None "),
        ({"length_penalty": -0.1}, r"length_penalty -0\.1 \(allowed: 0 to 2, or None\)"),
        ({"length_penalty": float("nan")}, r"length_penalty nan"),
        ({"length_penalty": float("inf")}, r"length_penalty inf"),
        ({"hotwords": "Gutenberg"}, r"hotwords 'Gutenberg' \(allowed: a sequence of phrases\)"),
        ({"hotwords": ["a", ""]}, r"hotword 2: no phrase"),
        ({"hotword_boost": -1}, r"hotword_boost -1 \(allowed: 0 to 20\)"),
    ],
)
def test_values_that_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        read_decoding_options(given, lambda text: [1])  # type: ignore[arg-type]


def test_several_hypotheses_are_beams() -> None:
    options = DecodingOptions(beam_size=4, length_penalty=0.7, hotwords=HOTWORDS)
    rows = table(4)
    expected = beam_search(
        rows.step, rows.logits(), width=4, reorder=rows.reorder, length_penalty=0.7,
        hotwords=HOTWORDS, guard=GUARD, words_end=4, **LIMITS,
    )  # fmt: skip
    assert search(options, guard=GUARD, words_end=4) == expected
    assert len(expected) == 3


def test_above_zero_the_best_of_five_samples_counts() -> None:
    options = DecodingOptions(beam_size=4)
    assert (options.rows(0.5), options.uses_beams(0.5)) == (5, False)
    rows = table(5)
    samples = decode(rows.step, rows.logits(), sampler=Sampler(0.5), guard=GUARD, **LIMITS)
    found = search(options, temperature=0.5, guard=GUARD)
    assert len(found) == 3
    for i, best in enumerate(found):
        mine = samples[5 * i : 5 * i + 5]
        straight = [row for row in mine if not row.looped] or mine
        assert best == max(straight, key=lambda row: row.avg_logprob)


@pytest.mark.parametrize("temperature", [0.0, 0.5])
@pytest.mark.parametrize("beam_size", [1, 4])
def test_hotwords_are_favoured_by_each_kind_of_search(beam_size: int, temperature: float) -> None:
    def said(hotwords: Hotwords | None) -> list[int]:
        options = DecodingOptions(beam_size=beam_size, hotwords=hotwords)
        found = search(options, temperature=temperature)
        for clip, row in enumerate(found):
            spoken = [*row.tokens, *([5] if row.complete else [])]
            expected = table(1).logprobs(clip, spoken)
            np.testing.assert_allclose(row.logprobs, expected, atol=1e-5)
        return [token for row in found for token in row.tokens]

    strong = Hotwords([([4], 20.0)])
    assert said(strong).count(4) > said(None).count(4)
