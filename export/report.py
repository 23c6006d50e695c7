"""What quantization did: per layer and in total, written beside the bundle."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from .weights import Array


@dataclass(frozen=True, slots=True)
class Layer:
    """One weight of one graph.

    Attributes:
        name: Layer name as recipes match it.
        scheme: How it is stored.
        parameters: Number of values.
        bytes: Bytes in the bundle, scales included.
        relative_error: ‖stored − original‖ ÷ ‖original‖ (Frobenius norm).
    """

    name: str
    scheme: str
    parameters: int
    bytes: int
    relative_error: float


@dataclass(slots=True)
class ErrorMeter:
    """Adds up the relative error of a matrix that is seen in parts."""

    difference: float = 0.0
    norm: float = 0.0

    def add(self, original: Array, stored: Array) -> None:
        """Takes in one part, before and after."""
        delta = (original - stored).ravel()
        self.difference += float(np.dot(delta, delta))
        self.norm += float(np.dot(original.ravel(), original.ravel()))

    @property
    def relative(self) -> float:
        """Relative error so far; 0 for an all-zero matrix stored exactly."""
        return float(np.sqrt(self.difference / self.norm)) if self.norm else 0.0


@dataclass(slots=True)
class Report:
    """Collects layers while graphs are built.

    Attributes:
        model: Name of the model.
        precision: Name of the preset.
        layers: In the order they were written.
        checks: Numeric checks of the finished graphs, name → value.
    """

    model: str
    precision: str
    layers: list[Layer] = field(default_factory=list)
    checks: dict[str, float] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Writes `report.json` and `report.md` into the folder."""
        (folder / "report.json").write_text(json.dumps(self._as_dict(), indent=1) + "\n")
        (folder / "report.md").write_text(self._as_markdown())

    def totals(self) -> dict[str, dict[str, int]]:
        """Parameters and bytes by scheme."""
        totals: dict[str, dict[str, int]] = {}
        for layer in self.layers:
            row = totals.setdefault(layer.scheme, {"layers": 0, "parameters": 0, "bytes": 0})
            row["layers"] += 1
            row["parameters"] += layer.parameters
            row["bytes"] += layer.bytes
        return totals

    def _as_dict(self) -> dict[str, object]:
        return {
            "model": self.model,
            "precision": self.precision,
            "totals": self.totals(),
            "checks": self.checks,
            "layers": [asdict(layer) for layer in self.layers],
        }

    def _as_markdown(self) -> str:
        lines = [f"# {self.model}, precision {self.precision}", ""]
        lines += ["| scheme | layers | parameters | bytes |", "|---|---:|---:|---:|"]
        for scheme, row in self.totals().items():
            lines.append(
                f"| {scheme} | {row['layers']} | {row['parameters']:,} | {row['bytes']:,} |"
            )
        parameters = sum(layer.parameters for layer in self.layers)
        size = sum(layer.bytes for layer in self.layers)
        lines += [f"| **total** | {len(self.layers)} | {parameters:,} | {size:,} |", ""]
        if self.checks:
            lines += ["| check | value |", "|---|---:|"]
            lines += [f"| {name} | {value:.3g} |" for name, value in self.checks.items()] + [""]
        lines += ["| layer | scheme | parameters | bytes | relative error |"]
        lines += ["|---|---|---:|---:|---:|"]
        for layer in self.layers:
            lines.append(
                f"| {layer.name} | {layer.scheme} | {layer.parameters:,} | {layer.bytes:,} "
                f"| {layer.relative_error:.2e} |"
            )
        return "\n".join(lines) + "\n"
