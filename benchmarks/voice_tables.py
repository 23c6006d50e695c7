"""The tables about voices; `benchmarks.tables` puts them into the documents."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import MB, conditions, fixed, markdown


def kokoro_peers(result: dict[str, Any]) -> str:
    """Speed, first audio, memory and distance from the float32 graph of each engine."""
    header = ["engine", "real-time factor", "first audio", "peak memory"]
    header += ["samples against float32", "largest difference"]
    cells = [
        [
            row["engine"],
            f"{row['real_time_factor']:.3f}",
            f"{row['first_seconds']:.2f} s",
            f"{row['peak_bytes'] / MB:.0f} MB",
            fixed(row["decibels"], 0, " dB"),
            fixed(row["max_difference"], 4),
        ]
        for row in result["rows"]
    ]
    note = f"{result['peer']}; voice {result['voice']}; {result['sentences']} sentences;"
    note += f" {result['threads']} threads; a dash: no difference, or other durations; real-time "
    return markdown(header, cells) + "\n" + conditions(result, note)


def voices_round_trip(result: dict[str, Any]) -> str:
    """Word error rate of each voice."""
    header = ["model", "voice", "words", "wrong", "word error rate"]
    cells = [
        [
            row["model"],
            row["voice"],
            row["wer"]["words"],
            sum(row["wer"][kind] for kind in ("substitutions", "insertions", "deletions")),
            f"{row['wer']['percent']:.1f} %",
        ]
        for row in result["rows"]
    ]
    note = f"{result['sentences']} sentences, heard by {result['listener']}; "
    return markdown(header, cells) + "\n" + conditions(result, note)
