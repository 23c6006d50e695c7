"""Exported graphs against the reference at every stage, and quantized ones against fp32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edge_voice.models.cohere_transcribe import graphs
from edge_voice.models.cohere_transcribe.config import positions_of
from edge_voice.seq2seq import Decoder, Encoded, Encoder
from edge_voice.session import Session
from edge_voice_export.numeric_check import cosine
from tests.golden.cohere_tiny import ENCODER, LOGITS, CohereTiny

Array = np.ndarray[Any, np.dtype[Any]]
BundleOf = Callable[[str], Path]
CLIPS = ["a", "b"]
HEADS, SIZE = 4, 12  # of the tiny decoder; its cache is 16 wide


def encoder_of(folder: Path) -> Encoder:
    return Encoder(Session(folder / "encoder.onnx", graphs.ENCODER), positions_of)


def decoder_of(folder: Path, encoded: Encoded, rows: int = 1) -> Decoder:
    session = Session(folder / "decoder.onnx", graphs.DECODER)
    bias = {"encoder_attention_bias": encoded.attention_bias()}
    return Decoder(session, encoded, text_positions=256, rows=rows, extra=bias)


def stages(folder: Path, names: dict[str, str]) -> Session:
    """The encoder with more outputs: values inside it, by their labels."""
    model = onnx.load(folder / "encoder.onnx", load_external_data=False)
    for name in names:
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    onnx.save(model, folder / "stages.onnx")
    outputs = (*graphs.ENCODER.outputs, *names)
    return Session(folder / "stages.onnx", graphs.GraphSpec(graphs.ENCODER.inputs, outputs))


@pytest.mark.parametrize("clip", CLIPS)
def test_stages_of_the_encoder(tiny: CohereTiny, bundle_of: BundleOf, clip: str) -> None:
    names = {
        "encoder.subsampling": "subsampled",
        "encoder.layers.0": "block0",
        "encoder.layers.2": "block_last",
        "encoder_hidden_states": "projected",
    }
    inside = {name: stored for name, stored in names.items() if "." in name}
    session = stages(bundle_of("fp32"), inside)
    found = session.run({"input_features": tiny.arrays[f"{clip}_features"][None]})
    for name, stored in names.items():
        np.testing.assert_allclose(found[name][0], tiny.arrays[f"{clip}_{stored}"], **ENCODER)


@pytest.mark.parametrize("clip", CLIPS)
def test_cross_attention_keys_and_values(
    tiny: CohereTiny, bundle_of: BundleOf, clip: str
) -> None:
    encoded = encoder_of(bundle_of("fp32"))([tiny.arrays[f"{clip}_features"]])
    for i in range(2):
        key = encoded.cross[f"encoder.{i}.key"][0].transpose(0, 2, 1)
        np.testing.assert_allclose(key, tiny.arrays[f"{clip}_cross_k{i}"], **ENCODER)
        value = encoded.cross[f"encoder.{i}.value"][0]
        np.testing.assert_allclose(value, tiny.arrays[f"{clip}_cross_v{i}"], **ENCODER)


def forced_logits(tiny: CohereTiny, folder: Path, clip: str) -> Array:
    """Logits behind the prompt, fed at once, and behind each of the forced tokens."""
    features = tiny.arrays["a_features" if clip == "a" else "b_features"]
    decoder = decoder_of(folder, encoder_of(folder)([features]))
    prompt = tiny.arrays[f"{clip}_prompt_ids"]
    logits = [decoder.prefill(prompt[None], np.arange(len(prompt)))[0]]
    for token in tiny.arrays[f"{clip}_forced_ids"]:
        logits.append(decoder.step(np.array([token])).copy())
    return np.concatenate(logits)


@pytest.mark.parametrize("clip", CLIPS)
def test_logits_under_teacher_forcing(tiny: CohereTiny, bundle_of: BundleOf, clip: str) -> None:
    expected = tiny.arrays[f"{clip}_logits"]
    found = forced_logits(tiny, bundle_of("fp32"), clip)
    np.testing.assert_allclose(found, expected, **LOGITS)
    np.testing.assert_array_equal(found.argmax(axis=1), expected.argmax(axis=1))


def test_the_cache_after_the_prompt(tiny: CohereTiny, bundle_of: BundleOf) -> None:
    encoded = encoder_of(bundle_of("fp32"))([tiny.arrays["a_features"]])
    decoder = decoder_of(bundle_of("fp32"), encoded)
    prompt = tiny.arrays["a_prompt_ids"]
    decoder.prefill(prompt[None], np.array([9]))
    for kind, stored in (("key", "k"), ("value", "v")):
        cache = decoder.cache._buffers[0, kind][0, :, :10]
        assert cache.shape == (HEADS, 10, 16)
        expected = tiny.arrays[f"a_prefill_self_{stored}0"]
        np.testing.assert_allclose(cache[..., :SIZE], expected, **ENCODER)
        assert not cache[..., SIZE:].any()


def test_clips_of_different_lengths_side_by_side(tiny: CohereTiny, bundle_of: BundleOf) -> None:
    clips = [tiny.arrays["a_features"], tiny.arrays["b_features"]]
    encoded = encoder_of(bundle_of("fp32"))(clips)
    decoder = decoder_of(bundle_of("fp32"), encoded, rows=2)
    prompts = np.stack([tiny.arrays[f"{clip}_prompt_ids"] for clip in CLIPS])
    logits = [decoder.prefill(prompts, np.arange(10))]
    for tokens in zip(*(tiny.arrays[f"{clip}_forced_ids"] for clip in CLIPS), strict=True):
        logits.append(decoder.step(np.array(tokens))[:, None].copy())
    for row, clip in zip(np.concatenate(logits, axis=1), CLIPS, strict=True):
        np.testing.assert_allclose(row, tiny.arrays[f"{clip}_logits"], **LOGITS)


@pytest.mark.parametrize("frames", [1, 2, 7, 8, 9, 15, 16, 17, 3500])
def test_any_length(bundle_of: BundleOf, frames: int) -> None:
    features = np.random.default_rng(frames).standard_normal((frames, 128)).astype(np.float32)
    encoded = encoder_of(bundle_of("fp32"))([features], hidden_states=True)
    assert encoded.hidden_states is not None
    assert encoded.hidden_states.shape == (1, -(-frames // 8), 48)
    assert np.isfinite(encoded.hidden_states).all()


@pytest.mark.parametrize(
    ("precision", "encoder", "logits", "agreement"),
    [("int8", 0.998, 0.999, 0.9), ("balanced", 0.998, 0.999, 0.9), ("int4", 0.9, 0.95, 0.3)],
)
def test_quantized_graphs_stay_near(
    tiny: CohereTiny,
    bundle_of: BundleOf,
    precision: str,
    encoder: float,
    logits: float,
    agreement: float,
) -> None:
    """Heads of 16 channels and a width of 64 forgive little: real sizes stay nearer."""
    hidden = encoder_of(bundle_of(precision))([tiny.arrays["b_features"]], hidden_states=True)
    similarity = cosine(np.asarray(hidden.hidden_states), tiny.arrays["b_projected"])
    assert encoder < similarity < 1 - 1e-7  # 1 would mean that nothing was quantized
    found, expected = forced_logits(tiny, bundle_of(precision), "b"), tiny.arrays["b_logits"]
    assert logits < cosine(found, expected) < 1 - 1e-7
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() >= agreement
