"""Exported Moonshine models of many random shapes against transformers."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_voice
from edge_voice.listener import biased_decoders
from edge_voice.models.moonshine import graphs
from edge_voice.models.moonshine.config import positions_of
from edge_voice.seq2seq import Encoder
from edge_voice.session import Session
from edge_voice_export import export_bundle
from edge_voice_export.numeric_check import cosine
from tests.export.models.moonshine.models import table

with warnings.catch_warnings():  # theirs, not ours
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers", minversion="5.4")
    from transformers import MoonshineConfig, MoonshineForConditionalGeneration

pytestmark = pytest.mark.filterwarnings("ignore")

Array = np.ndarray[Any, np.dtype[Any]]
SEEDS = range(6)


def draw(seed: int) -> dict[str, Any]:
    """Sizes of a random model; head sizes of which no kernel takes all."""
    random = np.random.default_rng(seed)
    heads = int(random.integers(1, 5))
    return {
        "vocab_size": 270,
        "hidden_size": heads * [36, 52, 16, 24, 12, 48][seed % 6],
        "intermediate_size": int(random.integers(20, 150)),
        "encoder_num_hidden_layers": int(random.integers(1, 4)),
        "decoder_num_hidden_layers": int(random.integers(1, 4)),
        "encoder_num_attention_heads": heads,
        "decoder_num_attention_heads": heads,
        "attention_bias": seed % 3 == 1,
        "pad_head_dim_to_multiple_of": [None, 8][seed % 2],
        "max_position_embeddings": 64,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": [10_000.0, 500.0][seed % 2],
            "partial_rotary_factor": [0.9, 0.62, 0.5, 1.0][seed % 4],
        },
    }


def make(folder: Path, seed: int) -> Any:
    """A random model, saved as transformers saves it."""
    torch.manual_seed(seed)
    model = MoonshineForConditionalGeneration(MoonshineConfig(**draw(seed))).eval()
    with torch.no_grad():
        for name, values in model.named_parameters():
            if name.endswith("bias") or "norm" in name:
                values.add_(0.2 * torch.randn_like(values))
            else:
                values.normal_(0, 0.8 / values[0].numel() ** 0.5)
        model.model.decoder.embed_tokens.weight.normal_(0, 0.3)
    if seed % 3 == 2:
        model = model.to(torch.bfloat16)
    model.save_pretrained(folder, **({"max_shard_size": "100KB"} if seed % 3 == 1 else {}))
    (folder / "tokenizer.bin").write_bytes(table())
    # Read again: rounding to bfloat16 has reached the model's rotary frequencies too.
    return MoonshineForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()


def clip(samples: int) -> Array:
    return np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32)


def agree(found: Array, expected: Any) -> None:
    expected = expected.numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("seed", SEEDS)
def test_random_models(tmp_path: Path, seed: int) -> None:
    theirs = make(tmp_path / "model", seed)
    export_bundle(tmp_path / "model", tmp_path / "fp32", precision="fp32")
    encoder = Encoder(Session(tmp_path / "fp32/encoder.onnx", graphs.ENCODER), positions_of)
    session = Session(tmp_path / "fp32/decoder.onnx", graphs.DECODER)
    clips = [clip(samples) for samples in (1000 + seed, 16_000 - seed, 7777 * (seed + 1))]
    ids = np.random.default_rng(seed).integers(0, 270, (len(clips), 14))
    encoded = encoder(clips, hidden_states=True)
    decoder = biased_decoders(session, 64)(encoded, len(clips), 32)
    logits = [decoder.prefill(ids[:, :9], np.arange(9))]
    logits += [decoder.step(ids[:, i])[:, None].copy() for i in range(9, 14)]
    found = np.concatenate(logits, axis=1)
    assert encoded.hidden_states is not None
    for i, samples in enumerate(clips):
        with torch.no_grad():
            tokens = torch.tensor(ids[i : i + 1])
            outputs = theirs(input_values=torch.tensor(samples[None]), decoder_input_ids=tokens)
            hidden, expected = outputs.encoder_last_hidden_state, outputs.logits[0]
        agree(encoded.hidden_states[i, : encoded.lengths[i]], hidden[0])
        agree(found[i], expected)
    export_bundle(tmp_path / "model", tmp_path / "int8", precision="int8")
    coarse = Encoder(Session(tmp_path / "int8/encoder.onnx", graphs.ENCODER), positions_of)
    other = coarse(clips[:1], hidden_states=True).hidden_states
    assert other is not None
    assert cosine(other, encoded.hidden_states[:1, : encoded.lengths[0]]) > 0.99


def test_the_random_models_are_of_many_shapes() -> None:
    shapes = [draw(seed) for seed in SEEDS]
    sizes = {shape["hidden_size"] // shape["decoder_num_attention_heads"] for shape in shapes}
    assert {size % 16 == 0 for size in sizes} == {True, False}
    for key in ("encoder_num_hidden_layers", "attention_bias", "intermediate_size"):
        assert len({shape[key] for shape in shapes}) >= 2, key


@pytest.mark.parametrize("seconds", [0.06, 1.7, 12.345, 30.0])
def test_greedy_ids(tmp_path: Path, seconds: float) -> None:
    theirs = make(tmp_path / "model", 0)
    export_bundle(tmp_path / "model", tmp_path / "out", precision="fp32")
    ours = edge_voice.load(tmp_path / "out", threads=1)
    samples = clip(int(seconds * 16_000))
    with torch.no_grad():
        expected = theirs.generate(
            torch.tensor(samples[None]), max_new_tokens=40, do_sample=False, num_beams=1
        )[0]
    assert ours.generate(samples, max_new_tokens=40) == expected.tolist()  # type: ignore[attr-defined]
