"""Cells, tables and the line below them that says how they were measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

MB = 1_000_000


def markdown(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; None becomes a dash."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(_cell(value) for value in line)} |\n" for line in lines)


def _cell(value: object) -> str:
    return "–" if value is None else str(value)


def fixed(value: float | None, digits: int, unit: str = "") -> str | None:
    """A number with so many digits behind the point, or None."""
    return None if value is None else f"{value:.{digits}f}{unit}"


def conditions(result: dict[str, Any], what: str) -> str:
    """What was measured, on which machine and when; `what` may end in `real-time `."""
    facts = result["machine"]
    factor = "factor = compute time ÷ audio time. " if what.endswith("real-time ") else ""
    flags = ", ".join(facts["cpu_flags"])
    machine = f"{facts['cpu']}, {facts['cores']} cores ({flags}), {facts['date']}."
    return f"{what}{factor}{machine}\n"
