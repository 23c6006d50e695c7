"""Cohere Transcribe against transformers, on random models of many shapes and clips of any length.

Runs where the extra `parity` is installed. Both sides compute in float32 in different orders:
hidden states and logits may differ by 1e-4 of the largest value, ids not at all.
"""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_voice
from edge_voice.models.cohere_transcribe import graphs
from edge_voice.models.cohere_transcribe.config import positions_of
from edge_voice.seq2seq import Decoder, Encoder
from edge_voice.session import Session
from edge_voice_export import export_bundle
from edge_voice_export.numeric_check import cosine

Array = np.ndarray[Any, np.dtype[Any]]

with warnings.catch_warnings():  # theirs, not ours
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from transformers import (
        CohereAsrConfig,
        CohereAsrFeatureExtractor,
        CohereAsrForConditionalGeneration,
    )

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.usefixtures("one_thread"),
]
SEEDS = range(6)


def draw(seed: int) -> dict[str, Any]:
    """A random shape of model."""
    random = np.random.default_rng(seed)
    heads = [4, 2, 1, 8, 4, 2][seed % 6]
    decoder_heads = [3, 4, 2, 1, 4, 6][seed % 6]
    return {
        "vocab_size": 781,
        "hidden_size": 48,
        "num_hidden_layers": int(random.integers(1, 4)),
        "num_attention_heads": decoder_heads,
        "intermediate_size": int(random.integers(20, 150)),
        "max_position_embeddings": 64,
        "encoder_config": {
            "model_type": "parakeet_encoder",
            "hidden_size": 16 * int(random.integers(2, 5)),
            "num_hidden_layers": int(random.integers(1, 4)),
            "num_attention_heads": heads,
            "intermediate_size": int(random.integers(20, 150)),
            "conv_kernel_size": [9, 5, 3, 7, 9, 11][seed % 6],
            "subsampling_conv_channels": 8 * int(random.integers(1, 4)),
            "num_mel_bins": [128, 80, 64, 128, 128, 128][seed % 6],
            "attention_bias": seed % 3 != 1,
            "convolution_bias": seed % 3 != 2,
            "scale_input": seed % 4 == 3,
        },
        "tie_word_embeddings": seed % 2 == 0,
        "decoder_start_token_id": 655,
    }


def make(folder: Path, published: Path, seed: int) -> Any:
    """A random model, saved as transformers saves it."""
    torch.manual_seed(seed)
    shape = draw(seed)
    model = CohereAsrForConditionalGeneration(CohereAsrConfig(**shape)).eval()
    with torch.no_grad():
        for name, values in [*model.named_parameters(), *model.named_buffers()]:
            if not values.is_floating_point():
                continue
            if name.endswith("running_var"):
                values.uniform_(0.5, 1.5)
            elif name.endswith(("running_mean", "bias", "bias_u", "bias_v")) or "norm" in name:
                values.add_(0.2 * torch.randn_like(values))
            elif values.dim() > 1 and "pos_emb" not in name:
                values.normal_(0, 0.8 / values[0].numel() ** 0.5)
        model.model.decoder.embed_tokens.weight.normal_(0, 0.3)
    if seed % 3 == 2:
        model = model.to(torch.bfloat16)
    limit = {"max_shard_size": "200KB"} if seed % 3 == 1 else {}
    model.save_pretrained(folder, **limit)
    for name in ("tokenizer.json", "generation_config.json"):
        shutil.copy(published / name, folder / name)
    mels = shape["encoder_config"]["num_mel_bins"]
    extractor = {"feature_extractor": {"feature_size": mels}}
    (folder / "processor_config.json").write_text(json.dumps(extractor))
    return model.float()


def logits_of(model: Any, hidden: Any, ids: Any) -> Any:
    """(1, n, vocabulary) behind each of (1, n) tokens, over unprojected encoder output."""
    decoded = model.model.decoder(torch.tensor(ids), encoder_hidden_states=hidden)
    return model.proj_out(decoded.last_hidden_state)


def agree(found: Array, expected: Any) -> None:
    expected = expected.numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.fixture(scope="module")
def published(data: Path) -> Path:
    return data / "cohere_transcribe_tiny" / "published"


@pytest.mark.parametrize("seed", SEEDS)
def test_random_models(tmp_path: Path, published: Path, seed: int) -> None:
    theirs = make(tmp_path / "model", published, seed)
    export_bundle(tmp_path / "model", tmp_path / "fp32", precision="fp32")
    encoder = Encoder(Session(tmp_path / "fp32/encoder.onnx", graphs.ENCODER), positions_of)
    session = Session(tmp_path / "fp32/decoder.onnx", graphs.DECODER)
    random = np.random.default_rng(seed)
    mels = theirs.config.encoder_config.num_mel_bins
    clips = [random.standard_normal((int(n), mels)).astype(np.float32)
             for n in (80 + seed, 160 - seed, 8 * seed + 9)]  # fmt: skip
    ids = random.integers(0, 781, (len(clips), 14))
    encoded = encoder(clips, hidden_states=True)
    extra = {"encoder_attention_bias": encoded.attention_bias()}
    decoder = Decoder(session, encoded, text_positions=64, rows=len(clips), extra=extra)
    logits = [decoder.prefill(ids[:, :9], np.arange(9))]
    logits += [decoder.step(ids[:, i])[:, None].copy() for i in range(9, 14)]
    found = np.concatenate(logits, axis=1)
    for i, clip in enumerate(clips):
        with torch.no_grad():
            inputs = torch.tensor(clip[None])
            hidden = theirs.model.encoder(inputs, return_dict=True).last_hidden_state
            expected = logits_of(theirs, hidden, ids[i : i + 1])[0]
            projected = theirs.model.decoder.proj(hidden)[0]
        assert encoded.hidden_states is not None
        agree(encoded.hidden_states[i, : encoded.lengths[i]], projected)
        agree(found[i], expected)
    export_bundle(tmp_path / "model", tmp_path / "int8", precision="int8")
    encoder = Encoder(Session(tmp_path / "int8/encoder.onnx", graphs.ENCODER), positions_of)
    other = encoder(clips[:1], hidden_states=True).hidden_states
    assert other is not None
    assert cosine(other, encoded.hidden_states[:1, : encoded.lengths[0]]) > 0.99


def test_the_random_models_are_of_many_shapes() -> None:
    shapes = [draw(seed) for seed in SEEDS]
    encoders = [shape["encoder_config"] for shape in shapes]
    for key in encoders[0].keys() - {"model_type"}:
        assert len({encoder[key] for encoder in encoders}) >= 2, key
    # Heads that the cache's kernel would refuse, and heads that it takes.
    sizes = {shape["hidden_size"] // shape["num_attention_heads"] for shape in shapes}
    assert {size % 8 == 0 for size in sizes} == {True, False}


@pytest.mark.parametrize("seconds", [0.3, 1.7, 12.345, 29.99, 35.0])
def test_features_and_greedy_ids(tmp_path: Path, published: Path, seconds: float) -> None:
    theirs = make(tmp_path / "model", published, 0)
    export_bundle(tmp_path / "model", tmp_path / "out", precision="fp32")
    ours = edge_voice.load(tmp_path / "out", threads=1)
    time = np.arange(int(seconds * 16_000)) / 16_000
    noise = np.random.default_rng(1).normal(0, 0.1, len(time))
    audio = (np.sin(2 * np.pi * 0.7 * time) ** 2 * (noise + 0.4 * np.sin(2765 * time)))
    audio = audio.astype(np.float32)
    extractor = CohereAsrFeatureExtractor(feature_size=128)
    inputs = extractor(audio, sampling_rate=16_000, return_tensors="pt")
    features, mask = inputs["input_features"], inputs["attention_mask"]
    valid = int(mask.sum())
    found = ours.features(audio)
    assert len(found) == valid
    np.testing.assert_allclose(found, features[0, :valid].numpy(), atol=5e-4)
    prompt = ours.config.prompt("de", punctuation=False)
    with torch.no_grad():
        encoded = theirs.model.encoder(features, attention_mask=mask, return_dict=True)
        hidden = encoded.last_hidden_state[:, : positions_of(found)]
        ids = list(prompt)
        for _ in range(20):
            ids.append(int(logits_of(theirs, hidden, [ids])[0, -1].argmax()))
            if ids[-1] == ours.config.end_of_text:
                break
    assert ours.generate(audio, "de", punctuation=False, max_new_tokens=20) == ids


def test_chunks_of_long_audio(tmp_path: Path, published: Path) -> None:
    make(tmp_path / "model", published, 0)
    export_bundle(tmp_path / "model", tmp_path / "out", precision="fp32")
    ours = edge_voice.load(tmp_path / "out", threads=1)
    extractor = CohereAsrFeatureExtractor(feature_size=128)
    random = np.random.default_rng(3)
    for seconds in (36, 71.3, 140):
        audio = random.normal(0, 0.1, int(seconds * 16_000)).astype(np.float32)
        inputs = extractor(audio, sampling_rate=16_000, return_tensors="pt")
        frames = inputs["attention_mask"].sum(dim=-1).tolist()
        chunks = ours.chunks(audio)
        assert [(stop - start) // 160 for start, stop in chunks] == frames
        assert chunks[0][0] == 0
        assert chunks[-1][1] == len(audio)
