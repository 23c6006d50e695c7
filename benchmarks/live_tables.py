"""The table of docs/live.md."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import conditions, fixed, markdown


def live(result: dict[str, Any]) -> str:
    """How soon text is there, how often it changes, and what it costs."""
    header = ["engine", "model", "final text: median", "9 of 10 within", "first words: median"]
    header += ["taken back", "stable before the end", "real-time factor", "WER", "whole"]
    cells = [
        [
            row["engine"],
            row["model"],
            *_seconds(row["final_latency"], "median", "p90"),
            *_seconds(row["first_latency"], "median"),
            fixed(row["erased_per_word"], 2),
            f"{100 * row['stable_share']:.0f} %",
            fixed(row["rtf"], 3),
            *(_percent(row[name]) for name in ("wer_live", "wer_offline")),
        ]
        for row in result["rows"]
    ]
    clips = f"{result['rows'][0]['clips']} short clips and the two-minute file"
    what = f"{result['threads']} threads; {clips}; real-time "
    return markdown(header, cells) + "\n" + conditions(result, what)


def _seconds(spread: dict[str, float] | None, *names: str) -> list[str | None]:
    return [fixed(spread[name], 2, " s") if spread else None for name in names]


def _percent(parts: dict[str, dict[str, Any]]) -> str:
    """Over all clips, the two-minute file included."""
    kinds = ("substitutions", "insertions", "deletions")
    wrong = sum(part[kind] for part in parts.values() for kind in kinds)
    return f"{100 * wrong / sum(part['words'] for part in parts.values()):.1f} %"
