"""Writes the benchmark tables into README and docs from the JSON files in `results/`.

    python -m benchmarks.tables [FILE.md …]

A table stands between `<!-- bench:NAME -->` and `<!-- /bench -->`, where NAME is one of
`whisper-peers`, `whisper-wer`, `whisper-floor`, `whisper-window`, `word-times`, `export-memory`,
`cohere-full-size`, `cohere-quality`, `ready-exports`, `cores`, `model-costs`. `NAME MACHINE` picks
the results of one machine; without it the newest are taken. Without files, README.md and
docs/**/*.md are rewritten. `--check` changes nothing and fails when a table is out of date.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.board_tables import cores, model_costs
from benchmarks.cohere_tables import cohere_full_size, cohere_quality
from benchmarks.export_tables import ready_exports
from benchmarks.markdown import MB, conditions, fixed, markdown

_ROOT = Path(__file__).parents[1]
_MARKERS = re.compile(r"(<!-- bench:([\w-]+)(?: ([\w.-]+))? -->\n).*?(<!-- /bench -->)", re.DOTALL)


def whisper_peers(result: dict[str, Any]) -> str:
    """Speed, memory and word error rates of all engines."""
    parts = result["corpus"]
    header = [
        *("engine", "model, precision", "short clips", "two minutes", "whole process", "load"),
        *("peak memory", *(f"WER {_part_name(part)}" for part in parts if part != "jfk")),
    ]
    rows = [_peer_cells(row, parts) for row in result["engines"] if not row["skipped"]]
    return (
        markdown(header, rows)
        + _skipped(result["engines"])
        + "\n"
        + conditions(result, f"{result['threads']} threads; {_corpus_line(parts)}; real-time ")
    )


def _peer_cells(row: dict[str, Any], parts: Iterable[str]) -> list[object]:
    errors = row["wer"]
    return [
        f"{row['engine']} {row['version'] or ''}".strip(),
        f"{row['model']} {row['precision']}",
        fixed(row["short_rtf"], 3),
        fixed(row["long_rtf"], 3),
        fixed(row["whole_process_seconds"], 2, " s"),
        fixed(row["load_seconds"], 2, " s"),
        f"{row['peak_bytes'] / MB:.0f} MB",
        *(_percent(errors.get(part)) for part in parts if part != "jfk"),
    ]


def _skipped(rows: Iterable[dict[str, Any]]) -> str:
    lines = [
        f"- not measured: {row['engine']} {row['precision']}: {row['skipped']}\n"
        for row in rows
        if row["skipped"]
    ]
    return "\n" + "".join(lines) if lines else ""


def _corpus_line(parts: dict[str, Any]) -> str:
    short = [part for name, part in parts.items() if name != "long"]
    clips, seconds = (sum(part[key] for part in short) for key in ("clips", "seconds"))
    text = f"{clips} short clips of {seconds:.0f} s together"
    return text + (f", one of {parts['long']['seconds']:.0f} s" if "long" in parts else "")


def whisper_wer(result: dict[str, Any]) -> str:
    """Word error rate of each precision on each part of the corpus."""
    rows = result["rows"]
    parts = list(dict.fromkeys(part for row in rows for part in row["wer"]))
    words = {part: rows[0]["wer"][part]["words"] for part in parts}
    header = ["precision", *(f"{_part_name(part)} ({words[part]} words)" for part in parts), "all"]
    cells = [
        [row["precision"], *(_percent(row["wer"].get(part)) for part in parts), _total(row["wer"])]
        for row in rows
    ]
    return markdown(header, cells)


def _total(errors: dict[str, dict[str, Any]]) -> str:
    # The two-minute file is made of clips that are counted already.
    counted = [wer for part, wer in errors.items() if part != "long"]
    kinds = ("substitutions", "insertions", "deletions")
    wrong = sum(wer[kind] for wer in counted for kind in kinds)
    return f"{100 * wrong / sum(wer['words'] for wer in counted):.1f} %"


def whisper_floor(result: dict[str, Any]) -> str:
    """How far transcription is from its bare matrix multiplications."""
    header = ["precision", "audio", "transcription", "matrix multiplications", "ratio"]
    cells = [
        [
            row["precision"],
            f"{row['audio']} ({row['audio_seconds']:.0f} s)",
            f"{row['measured_seconds']:.2f} s",
            f"{row['floor_seconds']:.2f} s",
            f"{row['measured_seconds'] / row['floor_seconds']:.2f}",
        ]
        for row in result["rows"]
    ]
    return markdown(header, cells) + "\n" + conditions(result, f"{result['threads']} threads; ")


def export_memory(result: dict[str, Any]) -> str:
    """Peak memory of exports against the limit."""
    header = ["checkpoint", "precision", "largest tensor", "peak", "limit", "time"]
    cells = [
        [
            row["checkpoint"],
            row["precision"],
            f"{row['largest_float32_bytes'] / MB:.0f} MB",
            f"{row['peak_bytes'] / MB:.0f} MB",
            f"{row['limit_bytes'] / MB:.0f} MB",
            f"{row['seconds']:.0f} s",
        ]
        for row in result["rows"]
    ]
    return markdown(header, cells)


def whisper_window(result: dict[str, Any]) -> str:
    """What shortened windows cost and save."""
    header = ["silence behind the clip", "encoder frames", "time", "WER, first result"]
    header += ["time, second look", "WER, second look"]
    full = result["rows"][-1]
    plain = {row["tail_seconds"]: row for row in result["rows"] if not row["second_look"]}
    looked = {row["tail_seconds"]: row for row in result["rows"] if row["second_look"]}
    cells = [
        [
            f"{tail:g} s" if row is not full else "full window",
            f"{row['frames'] / full['frames']:.2f}",
            f"{row['seconds'] / full['seconds']:.2f}",
            _percent(row["wer"]),
            f"{looked[tail]['seconds'] / full['seconds']:.2f}" if tail in looked else None,
            _percent(looked[tail]["wer"]) if tail in looked else None,
        ]
        for tail, row in plain.items()
    ]
    note = f"{result['utterances']} utterances; frames and time as parts of those of full windows; "
    return markdown(header, cells) + "\n" + conditions(result, note)


def word_times(result: dict[str, Any]) -> str:
    """How far word times are off, on each kind of recording."""
    header = ["model", "heads", "voice activity", "recordings", "words found"]
    header += ["starts: half within", "9 of 10 within", "0.1 s", "0.2 s"]
    header += ["ends: half within", "9 of 10 within", "0.1 s", "0.2 s"]
    cells = [
        [
            *(row["model"], row["heads"], "yes" if row["vad"] else "no", part),
            f"{100 * errors['found'] / errors['words']:.0f} %",
            *_time_errors(errors["start"]),
            *_time_errors(errors["end"]),
        ]
        for row in result["rows"]
        for part, errors in row["parts"].items()
    ]
    return markdown(header, cells)


def _time_errors(errors: dict[str, float]) -> list[str]:
    shares = [f"{100 * errors[name]:.0f} %" for name in ("within_0.1", "within_0.2")]
    return [f"{errors['median']:.2f} s", f"{errors['p90']:.2f} s", *shares]


_TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "whisper-peers": whisper_peers,
    "whisper-wer": whisper_wer,
    "whisper-floor": whisper_floor,
    "whisper-window": whisper_window,
    "word-times": word_times,
    "export-memory": export_memory,
    "cohere-full-size": cohere_full_size,
    "cohere-quality": cohere_quality,
    "ready-exports": ready_exports,
    "cores": cores,
    "model-costs": model_costs,
}
_KINDS = {
    "whisper-peers": "whisper_peers",
    "whisper-wer": "wer",
    "whisper-floor": "floor",
    "whisper-window": "window",
    "word-times": "word_times",
    "export-memory": "export_memory",
    "cohere-full-size": "cohere_full_size",
    "cohere-quality": "cohere_quality",
    "ready-exports": "ready_exports",
    "cores": "cores",
    "model-costs": "model_costs",
}


def render(text: str, results: dict[str, dict[str, Any]]) -> str:
    """The text with every marked table written anew.

    Raises:
        KeyError: A marker names an unknown table or there are no results for it.
    """

    def replace(match: re.Match[str]) -> str:
        opening, name, machine, closing = match.groups()
        return f"{opening}{_TABLES[name](_pick(results, name, machine))}{closing}"

    return _MARKERS.sub(replace, text)


def _pick(results: dict[str, dict[str, Any]], name: str, machine: str | None) -> dict[str, Any]:
    fitting = [
        result
        for stem, result in results.items()
        if result["kind"] == _KINDS[name] and stem.startswith(machine or "")
    ]
    if not fitting:
        raise KeyError(f"no results for {name!r}{f' on {machine}' if machine else ''}")
    return max(fitting, key=lambda result: str(result["machine"]["date"]))


def load_results(folder: Path) -> dict[str, dict[str, Any]]:
    """All result files that carry a `kind`, by name without ending."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    return {stem: result for stem, result in found.items() if "kind" in result}


def _percent(wer: dict[str, Any] | None) -> str | None:
    return None if wer is None else f"{wer['percent']:.1f} %"


def _part_name(part: str) -> str:
    return {"lj": "LJ Speech", "librivox": "LibriVox", "long": "two minutes"}.get(part, part)


def main() -> None:
    """Rewrites the files, or with `--check` compares only."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--check", action="store_true", help="change nothing, fail if out of date")
    options = parser.parse_args()
    results = load_results(options.results)
    stale = []
    for path in options.files or [_ROOT / "README.md", *sorted((_ROOT / "docs").rglob("*.md"))]:
        before = path.read_text()
        try:
            after = render(before, results)
        except KeyError as error:
            sys.exit(f"{path}: {error.args[0]}")
        if after != before:
            stale.append(path)
            if not options.check:
                path.write_text(after)
    for path in stale:
        print(f"{'out of date' if options.check else 'written'}: {path}")
    sys.exit(1 if stale and options.check else 0)


if __name__ == "__main__":
    main()
