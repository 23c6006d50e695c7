"""Where chunks begin and end, with scripted probabilities instead of a detector."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from edge_voice.chunk_plan import ChunkPlanner, ChunkRules
from edge_voice.errors import OptionError
from edge_voice.vad import ROW_SAMPLES, speech_chunks

ROW = 0.032
RULES = {
    "min_speech_seconds": 2 * ROW,
    "min_silence_seconds": 4 * ROW,
    "pad_seconds": 3 * ROW,
    "max_pause_seconds": 20 * ROW,
    "target_chunk_seconds": 60 * ROW,
    "max_chunk_seconds": 60 * ROW,
}


class Scripted:
    """Gives out a list of probabilities, one per 512 samples, whatever the samples are."""

    def __init__(self, probabilities):
        self.probabilities_to_come = probabilities

    def reset(self):
        self.held, self.script = 0, iter(self.probabilities_to_come)

    def probabilities(self, samples):
        rows, self.held = divmod(self.held + len(samples), ROW_SAMPLES)
        return np.array([next(self.script) for _ in range(rows)], np.float32)

    def flush(self):
        return np.array([next(self.script)] if self.held else [], np.float32)


def script(*runs):
    """script((3, 0.9), (2, 0.1)) is three rows of 0.9 and two of 0.1."""
    return [probability for rows, probability in runs for _ in range(rows)]


def plans(probabilities, energies=None, **changes):
    planner = ChunkPlanner(ChunkRules(**(RULES | changes)))
    found = []
    for at, probability in enumerate(probabilities):
        found += planner.push(probability, energies[at] if energies else 1.0)
    found += planner.finish()
    return [(plan.start, plan.stop, plan.speech) for plan in found]


def test_padding_stays_inside_the_stream():
    assert plans(script((1, 0), (8, 1), (1, 0))) == [(0, 10, ((1, 9),))]
    assert plans(script((9, 0), (8, 1), (9, 0))) == [(6, 20, ((9, 17),))]


@pytest.mark.parametrize(
    ("dip", "regions"),
    [
        ((3, 0.0), 1),  # shorter than min_silence_seconds
        ((4, 0.0), 2),
        ((9, 0.4), 1),  # between release and threshold
        ((9, 0.34), 2),
    ],
)
def test_hysteresis(dip, regions):
    ((_, _, speech),) = plans(script((5, 0), (8, 0.6), dip, (8, 0.6), (5, 0)))
    assert len(speech) == regions


def test_speech_starts_at_threshold_only():
    assert plans(script((5, 0), (20, 0.49), (5, 0))) == []
    assert plans(script((5, 0), (20, 0.49), (2, 0.5), (5, 0))) == [(22, 30, ((25, 27),))]


@pytest.mark.parametrize(("rows", "chunks"), [(1, 0), (2, 1)])
def test_single_spikes_are_dropped(rows, chunks):
    assert len(plans(script((9, 0), (rows, 1), (9, 0)))) == chunks


@pytest.mark.parametrize(("pause", "chunks"), [(19, 1), (20, 2)])
def test_long_pause_ends_a_chunk(pause, chunks):
    assert len(plans(script((8, 1), (pause, 0), (8, 1)))) == chunks


def test_chunk_is_given_out_when_the_pause_is_long_enough():
    planner = ChunkPlanner(ChunkRules(**RULES))
    for probability in script((8, 1), (19, 0)):
        assert not planner.push(probability, 1.0)
    assert len(planner.push(0.0, 1.0)) == 1


def test_full_chunk_ends_at_the_longest_late_pause():
    # Pauses at 20 (12 rows, too early), 45 (9 rows) and 60 (5 rows); the fourth stretch overflows.
    rows = script((20, 1), (12, 0), (13, 1), (9, 0), (2, 1), (5, 0), (30, 1))
    first, second = plans(rows)
    assert first == (0, 48, ((0, 20), (32, 45)))
    assert second == (51, 91, ((54, 56), (61, 91)))


def test_full_chunk_without_late_pause_ends_at_the_last_pause():
    rows = script((10, 1), (5, 0), (5, 1), (5, 0), (50, 1))
    assert [plan[:2] for plan in plans(rows)] == [(0, 22), (22, 75)]


@pytest.mark.parametrize(("rows", "chunks"), [(27, 1), (28, 2)])
def test_joining_leaves_room_for_the_padding(rows, chunks):
    assert len(plans(script((20, 1), (10, 0), (rows, 1), (9, 0)))) == chunks


def test_pause_shorter_than_two_pads_is_shared():
    first, second = plans(script((50, 1), (4, 0), (30, 1)))
    assert first[1] == second[0] == 52


def test_unbroken_speech_is_cut_at_the_longest_dip():
    # 41 is deeper, 52 is longer; 20 is longer still but too early.
    rows = script((20, 1), (3, 0), (18, 1), (1, 0.0), (10, 1), (2, 0.3), (60, 1))
    energies = [1.0] * len(rows)
    energies[53] = 0.5
    first, *_ = plans(rows, energies)
    assert first[:2] == (0, 53)


def test_unbroken_speech_without_dip_is_cut_at_the_quietest_stretch():
    rows = [1.0] * 100
    energies = [1.0] * 100
    energies[44] = 0.0  # a plosive: one quiet row among loud ones
    energies[50:54] = [0.3] * 4
    first, second = plans(rows, energies)
    assert first[:2] == (0, 52)
    assert second[:2] == (52, 100)


def test_what_follows_a_cut_is_kept_however_short():
    rows, energies = script((61, 1), (9, 0)), [1.0] * 70
    energies[56:60] = [0.0] * 4
    first, second = plans(rows, energies, min_speech_seconds=10 * ROW)
    assert first[:2] == (0, 58)
    assert second == (58, 64, ((58, 61),))


def test_region_between_target_and_max_stays_whole():
    assert len(plans(script((50, 1), (5, 0)), target_chunk_seconds=40 * ROW)) == 1
    assert len(plans(script((50, 1), (5, 0), (9, 1)), target_chunk_seconds=40 * ROW)) == 2


def random_script(generator):
    lengths = generator.geometric(1 / generator.choice([3, 12, 60]), 40)
    levels = generator.choice([0.0, 0.3, 0.4, 0.6, 1.0], 40)
    rows = script(*zip(lengths.tolist(), levels.tolist(), strict=True))
    waveform = generator.standard_normal(len(rows) * ROW_SAMPLES - 100).astype(np.float32)
    return rows, waveform


@pytest.mark.parametrize("seed", range(40))
def test_chunks_of_random_streams(seed):
    generator = np.random.default_rng(seed)
    rows, waveform = random_script(generator)
    rules = ChunkRules(**RULES)
    chunks = list(speech_chunks([waveform], Scripted(rows), rules))
    end = 0
    covered = np.zeros(len(waveform), bool)
    for chunk in chunks:
        stop = chunk.start + len(chunk.waveform)
        assert end <= chunk.start < stop <= len(waveform)
        assert stop - chunk.start <= rules.max_chunk_seconds * 16_000
        np.testing.assert_array_equal(chunk.waveform, waveform[chunk.start : stop])
        assert all(chunk.start <= first < last <= stop for first, last in chunk.speech)
        covered[chunk.start : stop] = True
        end = stop
    # Two rows of speech in a row are never outside every chunk.
    loud = np.repeat(np.array(rows) >= 0.5, ROW_SAMPLES)[: len(waveform)]
    missed = np.flatnonzero(loud & ~covered)
    runs = np.split(missed, np.flatnonzero(np.diff(missed) != 1) + 1)
    assert max(map(len, runs)) <= ROW_SAMPLES

    cuts = np.sort(generator.integers(0, len(waveform), 30))
    again = speech_chunks(np.split(waveform, cuts), Scripted(rows), rules)
    assert [(c.start, len(c.waveform), c.speech) for c in again] == [
        (c.start, len(c.waveform), c.speech) for c in chunks
    ]


def test_planner_remembers_little():
    planner = ChunkPlanner(ChunkRules(**RULES))
    noise = np.random.default_rng(0).random(6_000).tolist()
    tracemalloc.start()
    for probability in script((300, 0), (300, 1)) + noise:
        planner.push(probability, 1.0)
        assert planner.count - planner.needed <= 32 + 60
    held_bytes = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held_bytes < 100_000


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("threshold", 0),
        ("threshold", float("nan")),
        ("release", 0.6),
        ("min_speech_seconds", -1),
        ("min_silence_seconds", 0),
        ("pad_seconds", 6),
        ("max_pause_seconds", 0.1),
        ("max_pause_seconds", float("inf")),
        ("max_chunk_seconds", 0.5),
        ("target_chunk_seconds", 31),
        ("short_clip_seconds", -1),
    ],
)
def test_impossible_rules_are_refused(rule, value):
    with pytest.raises(OptionError, match=f"^{rule} is .* \\(allowed: "):
        ChunkRules(**{rule: value})
