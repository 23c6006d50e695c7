"""Tables of docs/boards.md: what was run on which core, and what each model takes."""

from __future__ import annotations

import re
from typing import Any

from benchmarks.markdown import MB, conditions, fixed, markdown


def cores(result: dict[str, Any]) -> str:
    """Each model on each emulated core, beside this machine; then what differed."""
    header = ["model", "core", "found in", "instructions", "the same as here?"]
    rows = result["rows"]
    cells = [
        [
            f"{row['model']} {row['precision']}",
            row["core"],
            row["boards"],
            ", ".join(row["features"]) or None,
            _verdict(row),
        ]
        for row in rows
    ]
    here = ", ".join(result["machine"]["cpu_flags"])
    versions = result["machine"]["versions"]
    note = (
        f"Here: {result['machine']['cpu']} ({here}). QEMU {result['qemu']}, onnxruntime "
        f"{versions['onnxruntime']}; clips: {', '.join(map(_stem, result['clips']))}; "
        f"spoken: “{result['text']}”; {result['machine']['date']}.\n"
    )
    differences = list(dict.fromkeys(line for row in rows for line in _differences(row)))
    listed = "\n" + "".join(f"- {line}\n" for line in differences) if differences else ""
    return markdown(header, cells) + "\n" + note + listed


def _verdict(row: dict[str, Any]) -> str:
    if "failed" in row:
        return f"failed: {row['failed']}"
    if "texts" in row:
        pairs = list(zip(row["texts"], row["here"]["texts"], strict=True))
        if all(found == expected for found, expected in pairs):
            return "same text"
        same = all(_words(found) == _words(expected) for found, expected in pairs)
        return "same words, other punctuation" if same else "other words"
    heard = "" if _words(row["heard"]) == _words(row["here"]["heard"]) else "not "
    if row["samples"] != row["expected"]:
        share = row["samples"] / row["expected"] - 1
        return f"{100 * share:+.1f} % long; {heard}heard as the same words"
    return (
        f"samples differ by {row['max_difference']:.2g} (correlation {row['correlation']:.4f}),"
        f" spectrum by {row['spectrum_difference_decibels']:.2f} dB; {heard}heard as the same words"
    )


def _differences(row: dict[str, Any]) -> list[str]:
    """Texts that are not those of this machine."""
    found = row.get("texts") or [row["heard"]] if "failed" not in row else []
    expected = row["here"].get("texts") or [row["here"]["heard"]]
    return [
        f"{row['model']} {row['precision']}: “{text}” instead of “{usual}”"
        for text, usual in zip(found, expected, strict=False)
        if text != usual
    ]


def _stem(clip: str) -> str:
    return clip.rpartition("/")[2].partition(".")[0]


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def model_costs(result: dict[str, Any]) -> str:
    """Memory and work of each model, as the doctor knows it."""
    kinds = ("products", "convolutions", "steps", "front")
    cells = [
        [
            f"{row['model']} {row['precision']}",
            f"{row['peak_bytes'] / MB:.0f} MB",
            *(fixed(row["runs"].get(kind), 1) for kind in kinds),
            row["basis"],
        ]
        for row in result["models"]
    ]
    note = f"Threads: {result['threads']}; runs of the probe's layers for a second of audio. "
    return (
        markdown(["model", "peak memory", *kinds, "from"], cells)
        + "\n"
        + conditions(result, note)
        + "\n"
        + _accuracy(result["accuracy"])
    )


def _accuracy(rows: list[dict[str, Any]]) -> str:
    cells = [
        [f"{row['model']} {row['precision']}", row["what"], fixed(row["predicted_to_measured"], 2)]
        for row in rows
    ]
    return markdown(["model", "predicted for", "predicted ÷ measured"], cells)
