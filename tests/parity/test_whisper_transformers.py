"""Exported graphs and features against transformers, on random models of many shapes.

Runs where the extra `parity` is installed. Both sides compute in float32 in different orders:
hidden states and logits may differ by 1e-4 of the largest value, ids not at all.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_voice
from edge_voice_export import export_bundle
from tests.export.checkpoints import write_tiny_whisper
from tests.export.models.whisper.models import Graphs, cosine

Array = np.ndarray[Any, np.dtype[Any]]

with warnings.catch_warnings():  # theirs, not ours
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
    )

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.usefixtures("one_thread"),
]

SPECIAL_TOKENS = 1608
SEEDS = range(7)
WIDTHS = [(48, 3), (64, 2), (40, 5), (96, 1), (72, 3), (64, 8), (80, 2)]


def draw(seed: int) -> dict[str, Any]:
    """A random shape of model."""
    random = np.random.default_rng(seed)
    # The kernel of the decoder's self-attention takes heads of whole multiples of 8 channels.
    width, decoder_heads = WIDTHS[seed % len(WIDTHS)]
    divisors = [heads for heads in range(1, 9) if width % heads == 0]
    return {
        "num_mel_bins": [80, 128][seed % 2],
        "d_model": width,
        "encoder_layers": int(random.integers(1, 4)),
        "decoder_layers": int(random.integers(1, 4)),
        "encoder_attention_heads": int(random.choice(divisors)),
        "decoder_attention_heads": decoder_heads,
        "encoder_ffn_dim": int(random.integers(20, 200)),
        "decoder_ffn_dim": int(random.integers(20, 200)),
        "max_source_positions": int(random.integers(20, 70)),
        "max_target_positions": 40,
        "vocab_size": SPECIAL_TOKENS + int(random.integers(300, 900)),
    }


def make(folder: Path, seed: int, dtype: Any = None, **shape: Any) -> Any:
    """A random model, saved as transformers saves it; returned with the saved weights."""
    end = shape["vocab_size"] - SPECIAL_TOKENS
    write_tiny_whisper(
        folder, layers=1, width=2, audio_ctx=2, text_ctx=2, vocab=shape["vocab_size"]
    )
    special = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end}
    config = WhisperConfig(
        **shape, **special, decoder_start_token_id=end + 1, init_std=0.15,
        suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = WhisperForConditionalGeneration(config).eval().to(dtype or torch.float32)
    with torch.no_grad():
        for name, values in model.named_parameters():
            if name.endswith("bias") or "norm" in name:  # they start as zeros and ones
                values.add_(0.1 * torch.randn_like(values))
        model.model.decoder.embed_positions.weight.mul_(8)  # or one word follows itself for ever
    model.generation_config.is_multilingual = True
    limit = {"max_shard_size": "200KB"} if seed % 3 == 2 else {}
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, **limit)
    return model.float()


def agree(found: Array, expected: Any) -> None:
    expected = expected.numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def export(folder: Path, output: Path, precision: str) -> Graphs:
    return Graphs(output, export_bundle(folder, output, precision=precision))


@pytest.mark.parametrize("seed", SEEDS)
def test_random_models(tmp_path, seed):
    shape = draw(seed)
    dtype = [torch.float32, torch.float16, torch.bfloat16, torch.float32][seed % 4]
    model = make(tmp_path / "model", seed, dtype, **shape)
    graphs = export(tmp_path / "model", tmp_path / "fp32", "fp32")
    random = np.random.default_rng(seed)
    batch = 1 + seed % 3
    frames = 2 * shape["max_source_positions"]
    x = random.normal(0, 0.5, (batch, shape["num_mel_bins"], frames)).astype(np.float32)
    ids = random.integers(0, shape["vocab_size"], (batch, 11))
    with torch.no_grad():
        hidden = model.model.encoder(torch.tensor(x)).last_hidden_state
        expected = model(torch.tensor(x), decoder_input_ids=torch.tensor(ids)).logits
    encoded = graphs.encode(x)
    agree(encoded["encoder_hidden_states"], hidden)
    agree(graphs.logits(encoded, ids), expected)
    run = graphs.decoder(encoded, batch)
    steps = [run.feed(part) for part in np.split(ids, [4, *range(5, 11)], axis=1)]
    agree(np.concatenate(steps, axis=1), expected)
    precision, least = [("int8", 0.998), ("int4", 0.95)][seed % 2]
    graphs = export(tmp_path / "model", tmp_path / precision, precision)
    assert least < cosine(graphs.logits(graphs.encode(x), ids), expected.numpy())


def test_the_random_models_are_of_many_shapes():
    shapes = [draw(seed) for seed in SEEDS]
    for key in shapes[0].keys() - {"max_target_positions"}:
        assert len({shape[key] for shape in shapes}) >= 2, key
    assert any(shape["encoder_layers"] != shape["decoder_layers"] for shape in shapes)
    assert any(shape["encoder_attention_heads"] != shape["decoder_attention_heads"]
               for shape in shapes)  # fmt: skip
    assert any(shape["d_model"] % 32 for shape in shapes)


def waveform(seconds: float, seed: int) -> Array:
    """Noise that swells and fades, with a tone in it, near full scale."""
    time = np.arange(int(seconds * 16_000)) / 16_000
    noise = np.random.default_rng(seed).normal(0, 0.1, len(time))
    swell = np.sin(2 * np.pi * 0.7 * time) ** 2
    return (swell * (noise + 0.4 * np.sin(2 * np.pi * 440 * time))).astype(np.float32)


@pytest.fixture(scope="module", params=[80, 128], ids=["80 mels", "128 mels"])
def full_window(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """A model that hears 30 s, in transformers and as ours."""
    folder = tmp_path_factory.mktemp("full")
    shape = draw(1) | {"num_mel_bins": request.param, "max_source_positions": 1500,
                       "vocab_size": 2120}  # fmt: skip
    theirs = make(folder / "model", 3, **shape)
    export_bundle(folder / "model", folder / "out", precision="fp32")
    return theirs, edge_voice.load(folder / "out")


@pytest.mark.parametrize("seconds", [30.0, 31.7, 12.345, 0.31, 0.02])
def test_features(full_window, seconds):
    theirs, ours = full_window
    extractor = WhisperFeatureExtractor(feature_size=theirs.config.num_mel_bins)
    audio = waveform(seconds, 0)
    expected = extractor(audio, sampling_rate=16_000, return_tensors="np").input_features[0]
    found = ours.features(audio)
    assert found.shape == expected.shape == (theirs.config.num_mel_bins, 3000)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("seconds", [30.0, 2.5])
def test_greedy_ids_of_a_waveform(full_window, seconds):
    theirs, ours = full_window
    audio = waveform(seconds, 1)
    extractor = WhisperFeatureExtractor(feature_size=theirs.config.num_mel_bins)
    inputs = extractor(audio, sampling_rate=16_000, return_tensors="pt").input_features
    config = ours.config
    start = [config.start_of_transcript, config.language_tokens["de"], config.transcribe]
    ids = [*start, config.no_timestamps]
    with torch.no_grad():
        encoded = theirs.model.encoder(inputs)
        agree(ours.encode(ours.features(audio)), encoded.last_hidden_state[0])
        new, past = torch.tensor([ids]), None
        for _ in range(20):
            step = theirs(encoder_outputs=encoded, decoder_input_ids=new, past_key_values=past)
            ids.append(int(step.logits[0, -1].argmax()))
            new, past = torch.tensor([ids[-1:]]), step.past_key_values
    found = ours.generate(audio, language="de", max_new_tokens=20)
    end = config.end_of_text
    expected = ids[4:]
    if end in expected:
        expected = expected[: expected.index(end) + 1]
    assert found == expected
    assert len(set(found)) > 3
