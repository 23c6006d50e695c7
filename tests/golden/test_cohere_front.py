"""Features and chunks of Cohere Transcribe against what transformers computes."""

from __future__ import annotations

import numpy as np
import pytest

from edge_voice.models.cohere_transcribe.chunks import CutRule
from edge_voice.models.cohere_transcribe.frontend import FrontEnd

from .cohere_tiny import FEATURES, FEATURES_MEAN, CohereTiny

CLIPS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def waveforms(cohere: CohereTiny):
    return {clip: cohere.waveform(clip) for clip in CLIPS}


@pytest.fixture(scope="module")
def expected(cohere: CohereTiny):
    return cohere.arrays


@pytest.fixture(scope="module")
def texts(cohere: CohereTiny):
    return cohere.facts


def check(found, expected):
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, **FEATURES)
    assert np.abs(found - expected).mean() < FEATURES_MEAN


@pytest.mark.parametrize("clip", ["a", "b"])
def test_features(waveforms, expected, clip):
    found = FrontEnd(128)(waveforms[clip])

    assert len(found) == expected[f"{clip}_valid"]
    check(found, expected[f"{clip}_features"])


def test_features_without_dither(waveforms, expected):
    found = FrontEnd(128, dither=0)(waveforms["a"])

    check(found, expected["a_features_no_dither"])
    # Nor would noise go unnoticed.
    assert np.abs(found - expected["a_features"]).max() > 2e-3


@pytest.mark.parametrize("chunk", range(3))
def test_features_of_chunks(waveforms, expected, texts, chunk):
    start, stop = texts["clips"]["c"]["chunk_boundaries_samples"][chunk]
    found = FrontEnd(128)(waveforms["c"][start:stop])

    assert len(found) == expected[f"c{chunk}_valid"]
    check(found[expected[f"c{chunk}_rows"]], expected[f"c{chunk}_features_rows"])
    check(found[:16], expected[f"c{chunk}_features_head"])
    check(found[-16:], expected[f"c{chunk}_features_tail"])


@pytest.mark.parametrize("clip", CLIPS)
def test_chunks(waveforms, texts, clip):
    said = texts["clips"][clip]
    assert len(waveforms[clip]) == said["samples"]
    assert list(map(list, CutRule.of().chunks(waveforms[clip]))) == said["chunk_boundaries_samples"]


def test_chunks_of_the_beginning_of_a_recording(waveforms, texts):
    cases = texts["prefix_chunking_of_c"]
    assert {480_000, 480_001, 560_000, 560_001} <= {case["samples"] for case in cases}
    for case in cases:
        chunks = CutRule.of().chunks(waveforms["c"][: case["samples"]])
        assert list(map(list, chunks)) == case["boundaries"]
