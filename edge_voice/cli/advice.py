"""How `edge-voice doctor` shows a recommendation: the choice, why, and what else there is."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from edge_voice.cli.doctor import size
from edge_voice.recommend import REAL_TIME_LIMITS, Candidate, Recommendation


def render_advice(recommendation: Recommendation, installed: Collection[tuple[str, str]]) -> str:
    """A table of the candidates with the choice marked, and the command that fetches it.

    Args:
        recommendation: What to show.
        installed: Name and precision of the bundles in the store.
    """
    task, language = recommendation.task, recommendation.language
    if not recommendation.candidates:
        return f"{task} in {language}\n  no known model"
    rows = [_cells(one, recommendation, installed) for one in recommendation.candidates]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"{task} in {language}"]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, *_next_step(recommendation.choice, installed)])


def advice_as_dict(
    recommendation: Recommendation, installed: Collection[tuple[str, str]]
) -> dict[str, Any]:
    """The same as JSON values."""
    choice = recommendation.choice
    return {
        "language": recommendation.language,
        "model": choice and choice.cost.model,
        "precision": choice and choice.cost.precision,
        "installed": choice is not None and _name(choice) in installed,
        "candidates": [
            {
                "model": one.cost.model,
                "precision": one.cost.precision,
                "basis": one.cost.basis,
                "peak_bytes": one.cost.peak_bytes,
                "real_time_factor": _rounded(one.real_time_factor),
                "fits": one.fits,
                "fast_enough": one.fast_enough,
            }
            for one in recommendation.candidates
        ],
    }


def _cells(
    one: Candidate, recommendation: Recommendation, installed: Collection[tuple[str, str]]
) -> list[str]:
    name, precision = _name(one)
    mark = ">" if one is recommendation.choice else " "
    where = "installed" if _name(one) in installed else ""
    notes = ", ".join(filter(None, [_obstacle(one, recommendation.task), where]))
    factor = _factor_text(one.real_time_factor)
    return [f"{mark} {name}", precision, size(one.cost.peak_bytes), factor, notes]


def _factor_text(factor: float | None) -> str:
    """Two digits, as more would promise too much."""
    if factor is None:
        return "-"
    return f"{factor:.2g}" if factor < 99.5 else f"{factor:.0f}"


def _obstacle(one: Candidate, task: str) -> str:
    if not one.fits:
        return "too much memory"
    return "" if one.fast_enough else f"too slow (limit {REAL_TIME_LIMITS[task]:g})"


def _next_step(choice: Candidate | None, installed: Collection[tuple[str, str]]) -> list[str]:
    if choice is None:
        return ["  none of them fits the memory"]
    if _name(choice) in installed:
        return []
    name, precision = _name(choice)
    return [f"  edge-voice pull {name} --precision {precision}"]


def _name(one: Candidate) -> tuple[str, str]:
    return one.cost.model, one.cost.precision


def _rounded(factor: float | None) -> float | None:
    return None if factor is None else float(f"{factor:.3g}")
