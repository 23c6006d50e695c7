"""Finished graphs against the PyTorch model that they were made of, on the same random input."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from edge_voice.errors import GraphMismatch

from .numeric_check import check_alike
from .package import Bundle
from .pipeline import Compare
from .weights import Array

# Cosine at lower precisions; a wrong graph is near 0.
_LEAST_COSINE = 0.5


def comparison(model: Any) -> Compare:
    """A check for `export_bundle` that holds a bundle against a PyTorch model.

    Args:
        model: The transformers model, in evaluation mode, float32.
    """

    def compare(model_type: str, bundle: Bundle) -> dict[str, float]:
        package = f"{__package__}.models.{model_type}.reference"
        outputs = importlib.import_module(package).outputs(model, bundle)
        figures: dict[str, float] = {}
        for name, (expected, found) in outputs.items():
            figures |= _figures(name, expected, found, exact=bundle.recipe.name == "fp32")
        return figures

    return compare


def run(model: Any, inputs: dict[str, Array], **options: Any) -> dict[str, Array]:
    """Calls a PyTorch model with arrays by name; returns those of its outputs that are tensors."""
    import torch

    tensors = {name: torch.from_numpy(values) for name, values in inputs.items()}
    with torch.no_grad():
        outputs = model(**tensors, **options)
    return {
        name: value.numpy() for name, value in outputs.items() if isinstance(value, torch.Tensor)
    }


def _figures(name: str, expected: Array, found: Array, *, exact: bool) -> dict[str, float]:
    if found.shape != expected.shape or not np.isfinite(found).all():
        raise GraphMismatch(
            f"{name}: {list(found.shape)} from the graphs, {list(expected.shape)} finite values"
            " from PyTorch"
        )
    difference, likeness = check_alike(
        found,
        expected,
        f"{name}: the graphs and PyTorch",
        exact=exact,
        least_cosine=_LEAST_COSINE,
    )
    return {
        f"{name}: largest difference from PyTorch, relative": difference,
        f"{name}: cosine to PyTorch": likeness,
    }
