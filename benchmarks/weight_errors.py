"""Relative errors of a bundle's stored weights by kind of layer, and the table of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from statistics import median
from typing import Any

from benchmarks.markdown import markdown

Groups = Mapping[str, tuple[str, ...]]
"""Kind of layer → patterns of names; the first kind with a pattern that fits is a layer's."""

_FIGURES = ("min", "median", "max")


def grouped(layers: Iterable[tuple[str, float]], groups: Groups) -> dict[str, dict[str, float]]:
    """Least, middle and largest relative error of each kind of layer."""
    errors: dict[str, list[float]] = {}
    for name, error in layers:
        errors.setdefault(group_of(name, groups), []).append(error)
    return {
        group: {
            "layers": len(values),
            "min": round(min(values), 6),
            "median": round(median(values), 6),
            "max": round(max(values), 6),
        }
        for group, values in errors.items()
    }


def group_of(layer: str, groups: Groups) -> str:
    """The kind of a layer.

    Raises:
        KeyError: None is known.
    """
    for group, patterns in groups.items():
        if any(fnmatchcase(layer, pattern) for pattern in patterns):
            return group
    raise KeyError(f"layer {layer!r} belongs to no group")


def weight_table(rows: list[dict[str, Any]], model: str) -> str:
    """A row for each kind of layer, a column for each precision.

    Args:
        rows: Results of one model, each with `precision` and `weights`.
        model: What it is called.
    """
    groups = dict.fromkeys(group for row in rows for group in row["weights"])
    header = [
        f"relative error of weights, {model} model",
        *(f"{row['precision']}: least, middle, largest" for row in rows),
    ]
    return markdown(header, [[group, *_cells(rows, group)] for group in groups])


def _cells(rows: list[dict[str, Any]], group: str) -> Iterator[str]:
    for row in rows:
        errors = row["weights"].get(group)
        yield ", ".join(f"{errors[f]:.4f}" for f in _FIGURES) if errors else "not rounded"
