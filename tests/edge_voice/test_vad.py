"""The detector with its real graph, and chunks of real speech, noise and silence."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from edge_voice.errors import AudioError
from edge_voice.vad import (
    ROW_SAMPLES,
    SAMPLE_RATE,
    ChunkRules,
    SpeechCutter,
    VoiceActivity,
    repack,
    speech_chunks,
)

CLIP = Path(__file__).parents[1] / "data" / "LJ001-0002.wav"


@pytest.fixture(scope="module")
def speech():
    """1.9 s of reading, no pause: (n,) at 16 kHz."""
    waveform, sample_rate = soundfile.read(CLIP, dtype="float32")
    return soxr.resample(waveform, sample_rate, SAMPLE_RATE).astype(np.float32)


@pytest.fixture(scope="module")
def detector():
    return VoiceActivity()


def silence(seconds):
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def noise(colour, seconds, level, seed=0):
    count = round(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    spectrum /= np.arange(1, len(spectrum) + 1) ** {"white": 0, "pink": 0.5, "brown": 1}[colour]
    waveform = np.fft.irfft(spectrum, count)
    return (level * waveform / np.abs(waveform).max()).astype(np.float32)


def tone(hertz, seconds, level=0.3):
    at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


def heard(detector, blocks):
    detector.reset()
    return np.concatenate([*map(detector.probabilities, blocks), detector.flush()])


def chunks_of(detector, *parts, **rules):
    return list(speech_chunks([np.concatenate(parts)], detector, ChunkRules(**rules)))


def test_probability_separates_speech_from_silence(detector, speech):
    probabilities = heard(detector, [silence(1), speech, silence(1)])
    row = SAMPLE_RATE // ROW_SAMPLES
    assert probabilities[: row - 2].max() < 0.1
    assert np.mean(probabilities[row : row + len(speech) // ROW_SAMPLES] > 0.5) > 0.9
    assert probabilities[-row // 2 :].max() < 0.1


def test_rows_of_one_call_equal_calls_of_one_row(detector, speech):
    whole = heard(detector, [speech])
    by_row = heard(detector, np.split(speech, range(ROW_SAMPLES, len(speech), ROW_SAMPLES)))
    np.testing.assert_allclose(by_row, whole, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_remainders_are_carried_between_calls(detector, speech, seed):
    cuts = np.sort(np.random.default_rng(seed).integers(0, len(speech), 12))
    pieces = np.split(speech, cuts)
    detector.reset()
    rows, samples = 0, 0
    for piece in pieces:
        rows, samples = rows + len(detector.probabilities(piece)), samples + len(piece)
        assert rows == samples // ROW_SAMPLES
    np.testing.assert_allclose(heard(detector, pieces), heard(detector, [speech]), atol=1e-5)


@pytest.mark.parametrize(("samples", "rest"), [(0, 0), (1, 1), (511, 1), (512, 0), (513, 1)])
def test_flush_hears_an_unfilled_row(detector, samples, rest):
    detector.reset()
    assert len(detector.probabilities(np.ones(samples, np.float32))) == samples // ROW_SAMPLES
    assert len(detector.flush()) == rest
    assert len(detector.flush()) == 0


def test_reset_forgets(detector, speech):
    first = heard(detector, [speech])
    np.testing.assert_array_equal(heard(detector, [speech]), first)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite_is_refused_and_leaves_no_trace(detector, speech, bad):
    broken = speech.copy()
    broken[1000] = bad
    detector.reset()
    with pytest.raises(AudioError, match="not finite"):
        detector.probabilities(broken)
    np.testing.assert_array_equal(heard(detector, [speech]), heard(VoiceActivity(), [speech]))


def test_speech_in_silence_is_one_exact_chunk(detector, speech):
    stream = np.concatenate([silence(3), speech, silence(3)])
    (chunk,) = speech_chunks([stream], detector)
    stop = chunk.start + len(chunk.waveform)
    assert 2.5 * SAMPLE_RATE < chunk.start < 3 * SAMPLE_RATE
    assert 3 * SAMPLE_RATE + len(speech) < stop < 3.6 * SAMPLE_RATE + len(speech)
    np.testing.assert_array_equal(chunk.waveform, stream[chunk.start : stop])
    (spoken,) = chunk.speech
    assert chunk.start < spoken[0] < spoken[1] < stop


def test_long_pauses_split_and_short_ones_join(detector, speech):
    chunks = chunks_of(detector, speech, silence(0.6), speech, silence(4), speech)
    assert [len(chunk.speech) for chunk in chunks] == [2, 1]


@pytest.mark.parametrize("seed", range(6))
def test_blocks_do_not_change_chunks(detector, speech, seed):
    stream = np.concatenate([speech, silence(2), noise("pink", 1, 0.01), speech, silence(0.3)])
    cuts = np.sort(np.random.default_rng(seed).integers(0, len(stream), 4 ** (seed + 1)))
    expected = [
        (c.start, c.waveform.tobytes(), c.speech) for c in speech_chunks([stream], detector)
    ]
    found = speech_chunks(np.split(stream, cuts), detector)
    assert [(c.start, c.waveform.tobytes(), c.speech) for c in found] == expected


@pytest.mark.parametrize("seconds", [0, 0.01, 0.4, 0.9, 6])
@pytest.mark.parametrize(
    "make",
    [
        silence,
        *(
            lambda seconds, colour=colour, level=level: noise(colour, seconds, level)
            for colour in ("white", "pink", "brown")
            for level in (0.001, 0.03, 0.5)
        ),
        *(lambda seconds, hertz=hertz: tone(hertz, seconds) for hertz in (50, 120, 440, 3000)),
        lambda seconds: silence(seconds) + np.float32(0.2),
    ],
)
def test_no_speech_gives_no_chunk(detector, make, seconds):
    waveform = make(seconds) if seconds else silence(0)
    assert chunks_of(detector, waveform) == []


@pytest.mark.parametrize("level", [1, 0.1, 0.01])
@pytest.mark.parametrize("start", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seconds", [0.3, 0.5, 0.9])
def test_short_speech_survives_quiet_or_not(detector, speech, start, seconds, level):
    at = round(start * SAMPLE_RATE)
    clip = speech[at : at + round(seconds * SAMPLE_RATE)] * np.float32(level)
    (chunk,) = speech_chunks([clip], detector)
    assert len(chunk.waveform) > 0.25 * SAMPLE_RATE


def test_second_look_passes_the_whole_clip_and_can_be_off(detector, speech):
    faint = speech[: round(0.4 * SAMPLE_RATE)] * np.float32(0.002)
    assert chunks_of(detector, faint, keep_short_clips=False) == []
    (chunk,) = chunks_of(detector, faint)
    assert (chunk.start, chunk.speech) == (0, ((0, len(faint)),))
    np.testing.assert_array_equal(chunk.waveform, faint)
    # The same voice in a stream that is not short stays unheard.
    assert chunks_of(detector, faint, silence(1)) == []


def test_memory_does_not_grow_with_the_stream(detector, speech):
    minute = np.resize(np.concatenate([speech, silence(0.3)]), 60 * SAMPLE_RATE)

    def peak(minutes):
        tracemalloc.start()
        for _ in speech_chunks((minute for _ in range(minutes)), detector):
            pass
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak_bytes

    assert peak(4) < 1.1 * peak(1) < 12e6


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_what_is_pending_is_what_the_end_of_the_pause_gives_out(detector, speech, rows):
    cutter = SpeechCutter(detector, ChunkRules(max_pause_seconds=0.5))
    chunks, pending = [], []
    stream = np.concatenate([silence(1), speech, silence(1)])
    for piece in repack([stream], rows * ROW_SAMPLES):
        chunks += cutter.push(piece)
        pending.append(cutter.pending())
    (chunk,) = [*chunks, *cutter.finish()]
    growing = [found for found in pending if found]
    assert pending[0] is None
    assert pending[-1] is None
    assert growing[0].start == chunk.start
    assert len(growing[0].waveform) < len(chunk.waveform)
    # The padding of 0.25 s is over, the pause of 0.5 s not yet.
    for found in growing[-6 // rows :]:
        assert found.speech == chunk.speech
        np.testing.assert_array_equal(found.waveform, chunk.waveform)


def test_pending_speech_is_padded_on_both_sides(detector, speech):
    cutter = SpeechCutter(detector, ChunkRules())
    cutter.push(np.concatenate([silence(1), speech, silence(0.5)]))
    found = cutter.pending()
    assert found
    ((begin, end),) = found.speech
    assert found.start == begin - cutter.pad
    assert found.start + len(found.waveform) == end + cutter.pad
    assert cutter.pad == 8 * ROW_SAMPLES
    assert cutter.heard == (len(speech) + round(1.5 * SAMPLE_RATE)) // ROW_SAMPLES * ROW_SAMPLES


def test_chunks_of_one_breath(detector, speech):
    talk = np.concatenate([speech] * 3)
    rules = ChunkRules(target_chunk_seconds=2, max_chunk_seconds=2, max_pause_seconds=0.5)
    cutter = SpeechCutter(detector, rules)
    chunks = list(speech_chunks([np.concatenate([talk, silence(1), speech])], detector, rules))
    following = [cutter.is_one_breath(a, b) for a, b in pairwise(chunks)]
    assert following[:2] == [True, True]
    assert following.count(False) == 1
