"""Exported graphs against the same mathematics in numpy, and quantized ones against fp32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_voice.listener import biased_decoders
from edge_voice.models.moonshine import graphs
from edge_voice.models.moonshine.config import FEWEST_SAMPLES, positions_of
from edge_voice.seq2seq import Encoded, Encoder
from edge_voice.session import Session
from edge_voice_export import export_bundle
from edge_voice_export.models.moonshine.recipe import PRESETS
from edge_voice_export.numeric_check import cosine

from . import models
from .reference import Reference

Array = np.ndarray[Any, np.dtype[Any]]
Export = Callable[[str], Path]
LENGTHS = (FEWEST_SAMPLES, FEWEST_SAMPLES + 383, 9000, 16_001)
IDS = np.array([1, 262, 30, 5, 269, 262, 2, 7, 100])


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    root = tmp_path_factory.mktemp("moonshine")
    models.write_checkpoint(root / "checkpoint", models.tensors())

    def exported(precision: str) -> Path:
        folder = root / precision
        if not folder.exists():
            export_bundle(root / "checkpoint", folder, precision=precision)
        return folder

    return exported


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference(models.tensors())


def clip(samples: int) -> Array:
    return np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32)


def encode(folder: Path, *lengths: int) -> Encoded:
    encoder = Encoder(Session(folder / "encoder.onnx", graphs.ENCODER), positions_of)
    return encoder([clip(length) for length in lengths], hidden_states=True)


def logits(folder: Path, encoded: Encoded, ids: Array, at_once: int) -> Array:
    """(rows, n, vocabulary): the first tokens in one pass, the others one by one."""
    session = Session(folder / "decoder.onnx", graphs.DECODER)
    decoder = biased_decoders(session, 64)(encoded, len(ids), 32)
    parts = [decoder.prefill(ids[:, :at_once], np.arange(at_once))]
    parts += [decoder.step(column)[:, None].copy() for column in ids[:, at_once:].T]
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_encoder(export: Export, reference: Reference, length: int) -> None:
    found = encode(export("fp32"), length).hidden_states
    expected = reference.encode(clip(length))
    assert found is not None
    assert found.shape[1:] == expected.shape
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("at_once", [1, 4, len(IDS)])
def test_the_decoder(export: Export, reference: Reference, at_once: int) -> None:
    encoded = encode(export("fp32"), 9000)
    found = logits(export("fp32"), encoded, IDS[None], at_once)[0]
    expected = reference.logits(reference.encode(clip(9000)), IDS)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_clips_of_different_lengths_side_by_side(export: Export, reference: Reference) -> None:
    rows = np.stack([IDS, IDS[::-1], (IDS + 7) % models.VOCABULARY])
    lengths = (9000, 2000, 16_001)
    found = logits(export("fp32"), encode(export("fp32"), *lengths), rows, 3)
    for row, ids, length in zip(found, rows, lengths, strict=True):
        expected = reference.logits(reference.encode(clip(length)), ids)
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("index", [0, 1])
def test_where_a_clip_of_several_looks(export: Export, index: int) -> None:
    """Also where it is the shorter one, with padding behind it."""
    session = Session(export("fp32") / "decoder.onnx", graphs.DECODER)
    new_decoder = biased_decoders(session, 64)
    lengths = (3000, 9000)
    together = encode(export("fp32"), *lengths)
    alone = encode(export("fp32"), lengths[index])
    count = alone.lengths[0]
    found, expected = (
        new_decoder(encoded, 1, 32).cross_attention(IDS, [(1, 2)])
        for encoded in (together.clip(index), alone)
    )
    np.testing.assert_allclose(found[..., :count], expected, rtol=0, atol=1e-5)
    assert not found[..., count:].any()


@pytest.mark.parametrize("precision", [name for name in PRESETS if name != "fp32"])
def test_quantized(export: Export, precision: str) -> None:
    exact, coarse = (encode(export(name), 16_001) for name in ("fp32", precision))
    assert exact.hidden_states is not None
    assert coarse.hidden_states is not None
    assert cosine(exact.hidden_states, coarse.hidden_states) > 0.99
    expected = logits(export("fp32"), exact, IDS[None], 2)
    found = logits(export(precision), coarse, IDS[None], 2)
    assert cosine(expected, found) > (0.97 if precision == "int4" else 0.98)
    assert not np.array_equal(expected, found)
