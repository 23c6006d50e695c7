"""Where the decoder looks, and what follows from it, against transformers.

Runs where the extra `parity` is installed. Attention is compared on random models; the real
weights of whisper-base, where they are, show where tokens are spoken.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_voice
from edge_voice.alignment import (
    median_filtered,
    monotonic_starts,
    standardised,
    token_starts,
)
from edge_voice.audio import read
from edge_voice_export import export_bundle

with warnings.catch_warnings():  # theirs, not ours
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")

from tests.parity.test_whisper_transformers import draw, make

pytestmark = pytest.mark.filterwarnings("ignore")

Array = np.ndarray[Any, np.dtype[Any]]

SECONDS_PER_POSITION = 0.02


def cross_attention(theirs: Any, features: Array, ids: Array) -> Array:
    """(layers, heads, n, positions) weights of one clip and one row."""
    theirs.set_attn_implementation("eager")
    with torch.no_grad():
        found = theirs(
            torch.tensor(features[None]), decoder_input_ids=torch.tensor(ids[None]),
            output_attentions=True,
        )  # fmt: skip
    return torch.cat(found.cross_attentions).numpy()


def decoder_of(ours: Any, features: Array) -> Any:
    """The runtime's decoder over one clip."""
    return ours._windows._decoder(ours._encoder([features]), rows=1, capacity=448)


def token_starts_of_transformers(
    theirs: Any, attention: Array, heads: list[tuple[int, int]], first: int, positions: int
) -> Array:
    """Second at which each row from `first` on is entered, by their code."""
    layers = [torch.tensor(layer[None]) for layer in attention]
    outputs = {"cross_attentions": [layers], "sequences": torch.zeros(1, attention.shape[2])}
    found = theirs._extract_token_timestamps(
        _Outputs(outputs), heads, num_frames=2 * positions, num_input_ids=first
    )
    return np.asarray(found[0])


class _Outputs(dict[str, Any]):
    """Has keys and attributes, as what `generate` returns."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


@pytest.mark.parametrize("seed", range(4))
def test_where_random_models_look(tmp_path: Path, seed: int) -> None:
    shape = draw(seed) | {"max_source_positions": 1500, "vocab_size": 2120}
    theirs = make(tmp_path / "model", seed, **shape)
    export_bundle(tmp_path / "model", tmp_path / "out", precision="fp32")
    ours: Any = edge_voice.load(tmp_path / "out")
    random = np.random.default_rng(seed)
    features = random.normal(0, 0.5, (shape["num_mel_bins"], 3000)).astype(np.float32)
    ids = random.integers(0, 500, 17)
    expected = cross_attention(theirs, features, ids)
    decoder = decoder_of(ours, features)
    found = decoder.cross_attention(ids, decoder.heads).reshape(expected.shape)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * expected.max())


def test_the_way_through_random_attention(tmp_path: Path) -> None:
    """Normalisation, filter and time warping of theirs and ours, on the same weights."""
    theirs = make(tmp_path / "model", 0, **draw(0) | {"vocab_size": 2120})
    layers, heads = theirs.config.decoder_layers, theirs.config.decoder_attention_heads
    named = [(layer, head) for layer in range(layers) for head in range(heads)]
    for seed in range(10):
        random = np.random.default_rng(seed)
        rows, positions = int(random.integers(3, 30)), int(random.integers(8, 200))
        attention = random.random((layers, heads, rows, positions)).astype(np.float32) ** 8
        attention /= attention.sum(axis=-1, keepdims=True)
        expected = token_starts_of_transformers(theirs, attention, named, 2, positions)
        weights = attention.reshape(-1, rows, positions)[:, 2:]
        smooth = median_filtered(standardised(weights), 7).mean(axis=0)
        found = monotonic_starts(-smooth) * SECONDS_PER_POSITION
        np.testing.assert_allclose(expected[2:-1], found, atol=1e-6)


@pytest.mark.weights
@pytest.mark.parametrize("name", ["jfk.wav", "LJ001-0002.wav"])
def test_real_words_start_where_transformers_says(
    shared: Path, data: Path, tmp_path: Path, name: str
) -> None:
    """Published heads, a full window; theirs leaves the prompt out of the normalisation."""
    checkpoint = shared / "weights/whisper-base"
    if not checkpoint.is_dir():
        pytest.skip(f"no weights at {checkpoint}")
    theirs = transformers.WhisperForConditionalGeneration.from_pretrained(checkpoint)
    theirs = theirs.float().eval()
    export_bundle(checkpoint, tmp_path / "out", precision="fp32")
    ours: Any = edge_voice.load(tmp_path / "out")
    config = ours.config
    waveform = read(data / name)
    features = ours.features(waveform)
    prompt = [config.start_of_transcript, config.language_tokens["en"], config.transcribe]
    ids = np.array([*prompt, config.no_timestamps, *ours.generate(waveform, language="en")[:-1]])
    heads = [(int(layer), int(head)) for layer, head in config.alignment_heads]
    attention = cross_attention(theirs, features, ids)
    expected = token_starts_of_transformers(theirs, attention, heads, 3, 1500)[3:-1]
    found = token_starts(decoder_of(ours, features), ids, 3, 1500, heads)
    errors = np.abs(found * SECONDS_PER_POSITION - expected)
    assert len(found) > 4
    assert np.median(errors) <= 0.02
    assert np.mean(errors <= 0.1) >= 0.9
