"""Figures of graphs against a reference: what passes, and what does not."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge_voice.errors import GraphMismatch
from edge_voice_export import pytorch_check
from edge_voice_export.package import Bundle
from edge_voice_export.quantize import Recipe
from edge_voice_export.report import Report

EXPECTED = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)


def figures(monkeypatch, found, precision="fp32"):
    reference = SimpleNamespace(outputs=lambda model, bundle: {"logits": (model, found)})
    name = "edge_voice_export.models.made_up.reference"
    monkeypatch.setitem(sys.modules, "edge_voice_export.models.made_up", SimpleNamespace())
    monkeypatch.setitem(sys.modules, name, reference)
    bundle = Bundle(Path(), Recipe(precision, ()), Report("", precision), print)
    return pytorch_check.comparison(EXPECTED)("made_up", bundle)


def test_what_is_equal_has_no_difference(monkeypatch):
    assert figures(monkeypatch, EXPECTED) == {
        "logits: largest difference from PyTorch, relative": 0,
        "logits: cosine to PyTorch": pytest.approx(1),
    }


@pytest.mark.parametrize(
    ("found", "precision"),
    [
        (EXPECTED + 0.01, "fp32"),
        (EXPECTED[:2], "int8"),
        (EXPECTED * np.nan, "int8"),
        (-EXPECTED, "int8"),
    ],
)
def test_another_models_outputs_are_refused(monkeypatch, found, precision):
    with pytest.raises(GraphMismatch, match="PyTorch"):
        figures(monkeypatch, found, precision)


def test_rounding_is_allowed_to_lower_precisions(monkeypatch):
    found = figures(monkeypatch, EXPECTED + np.float32(0.05), "int8")
    assert found["logits: largest difference from PyTorch, relative"] == pytest.approx(0.05, 0.01)
