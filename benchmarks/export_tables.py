"""The table of ready exports; `benchmarks.tables` puts it into the documents."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import MB, conditions, markdown


def ready_exports(result: dict[str, Any]) -> str:
    """Size, speed, memory and errors by language of each way to run a Whisper."""
    languages = result["clips"]
    header = ["model", "weights from", "run by", "files", "real-time factor", "peak memory"]
    header += [f"WER {code}" for code in languages]
    rows = [
        [
            *(row["model"], row["weights"], row["way"], f"{row['bytes'] / MB:.0f} MB"),
            f"{row['seconds'] / result['audio_seconds']:.3f}",
            f"{row['peak_bytes'] / MB:.0f} MB",
            *(f"{row['wer'][code]['percent']:.1f} %" for code in languages),
        ]
        for row in result["rows"]
    ]
    clips = ", ".join(f"{count} {code}" for code, count in languages.items())
    note = f"{result['threads']} threads; clips: {clips}; the language is told; real-time "
    return markdown(header, rows) + "\n" + conditions(result, note)
