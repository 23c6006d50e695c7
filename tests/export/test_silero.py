"""The detector's emitter: what it refuses, what it writes, and how it compares.

The published graph is not in the repository; EDGE_VOICE_SILERO may name a copy of
silero_vad_16k_sequence.onnx for the test that the shipped file comes from it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

import edge_voice
from edge_voice.errors import ChecksumMismatch, GraphMismatch, ModelNotFound, StoreError
from edge_voice.session import Session
from edge_voice.silero import GRAPH
from edge_voice_export import silero
from edge_voice_export.silero import build, export_detector
from edge_voice_export.silero_check import compare

SHIPPED = Path(edge_voice.__file__).with_name("data") / "silero_vad.onnx"
SHAPES = {
    "stft.forward_basis_buffer": (258, 1, 256),
    "encoder.0.weight": (128, 129, 3),
    "encoder.0.bias": (128,),
    "encoder.1.weight": (64, 128, 3),
    "encoder.1.bias": (64,),
    "encoder.2.weight": (64, 64, 3),
    "encoder.2.bias": (64,),
    "encoder.3.weight": (128, 64, 3),
    "encoder.3.bias": (128,),
    "output.weight": (1, 128, 1),
    "output.bias": (1,),
    "onnx::LSTM_209": (1, 512, 128),
    "onnx::LSTM_210": (1, 512, 128),
    "onnx::LSTM_211": (1, 1024),
}


@pytest.fixture(scope="module")
def weights():
    """Random weights whose layers neither die nor saturate."""
    random = np.random.default_rng(0)
    return {
        name: (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]) or 1)).astype(np.float32)
        for name, shape in SHAPES.items()
    }


@pytest.fixture
def source(tmp_path, weights, monkeypatch):
    """A file with such weights that passes for the published graph: it computes the same."""
    path = tmp_path / "source.onnx"
    model = build(weights)
    for name, values in weights.items():
        spare = ir.val(f"{name} ", const_value=ir.tensor(values, name=f"{name} "))
        model.graph.initializers.setdefault(name, spare)
    ir.save(model, path)
    monkeypatch.setattr(silero, "SOURCE_SHA256", silero.file_sha256(path))
    monkeypatch.setattr(silero, "_read_weights", lambda _: weights)
    return path
