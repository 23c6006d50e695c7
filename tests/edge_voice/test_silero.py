"""The shipped graph against what the published one hears.

tests/data/silero_vad_published.npz holds the published graph's probabilities for `streams`; with
EDGE_VOICE_SILERO set to that graph (silero_vad_16k_sequence.onnx), they are compared with it.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from edge_voice import silero
from edge_voice.silero import SAMPLE_RATE, VoiceActivity

DATA = Path(__file__).parents[1] / "data"
STREAMS = ("speech", "noise", "both")


@pytest.fixture(scope="module")
def streams():
    """Name → (n,) waveform of 1.9 s."""
    waveform, sample_rate = soundfile.read(DATA / "LJ001-0002.wav", dtype="float32")
    speech = soxr.resample(waveform, sample_rate, SAMPLE_RATE).astype(np.float32)
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, len(speech)).astype(np.float32)
    return {"speech": speech, "noise": noise, "both": speech + np.float32(0.15) * noise}


@pytest.fixture(scope="module")
def published():
    """Name → (rows,) probabilities by the published graph."""
    with np.load(DATA / "silero_vad_published.npz") as file:
        return {name: file[name] for name in STREAMS}


def heard(waveform):
    detector = VoiceActivity()
    return np.concatenate((detector.probabilities(waveform), detector.flush()))


@pytest.mark.parametrize("name", STREAMS)
def test_the_shipped_graph_hears_what_the_published_one_does(streams, published, name):
    np.testing.assert_allclose(heard(streams[name]), published[name], rtol=0, atol=1e-4)


def test_the_expected_probabilities_tell_speech_from_noise(published):
    assert np.mean(published["speech"] > 0.9) > 0.8
    assert published["noise"].max() < 0.1
    assert published["both"].min() < 0.3 < 0.9 < published["both"].max()


@pytest.mark.parametrize("name", STREAMS)
def test_the_expected_probabilities_are_the_published_graphs(streams, published, name, monkeypatch):
    if "EDGE_VOICE_SILERO" not in os.environ:
        pytest.skip("EDGE_VOICE_SILERO does not name the published graph")
    monkeypatch.setattr(silero, "_GRAPH_PATH", Path(os.environ["EDGE_VOICE_SILERO"]))
    np.testing.assert_allclose(heard(streams[name]), published[name], rtol=0, atol=1e-6)
