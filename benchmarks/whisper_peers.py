"""Measures edge-voice and other Whisper engines side by side: speed, memory, word error rate.

    python -m benchmarks.whisper_peers --env DIR --bundle fp32=DIR --bundle int8=DIR --clips DIR

Installs the peers into a virtual environment of their own (`--env`, made when missing), prepares
their models from the same tiny.en weights, and runs every engine in fresh processes, in turn, so
that a machine that grows slower or faster does so for all. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import corpus, machine, wer
from benchmarks.packages import FetchFailed, last_error
from benchmarks.peers.environment import Environment, crashes
from benchmarks.peers.models import Models
from benchmarks.peers.rows import CHILD, Row, child_environment, our_rows, peer_rows

_TIMEOUT_SECONDS = 1200


def prepare_rows(options: argparse.Namespace) -> list[Row]:
    """Ours and the peers, prepared as far as this machine allows."""
    version = machine.facts(("edge-voice",))["versions"].get("edge-voice", "")
    rows = our_rows(wer.parse_bundles(options.bundle), version)
    if not options.ours_only:
        environment = Environment(options.env or options.cache / "peers-env")
        environment.install()
        environment.build_whisper_cpp()
        rows += peer_rows(environment, Models(options.cache, environment))
    return [row for row in rows if re.search(options.only, row.name)]


def rebuild_if_crashing(rows: list[Row], options: argparse.Namespace, jfk: Path) -> None:
    """Some machines report AMX and then kill a program that uses it: build without it there."""
    quantized = [row for row in rows if row.name == "whisper.cpp q8_0" and not row.skipped]
    for row in quantized:
        with _config_file(row.config(options.threads, jfk, {})) as file:
            command = [row.python, CHILD, "start", file]
            if not crashes(command, child_environment(options.threads)):
                return
        print("whisper.cpp crashes here as built natively: building without AMX", flush=True)
        try:
            Environment(row.python.parents[1]).rebuild_without_amx()
        except FetchFailed as error:
            for other in rows:
                if other.kind == "whisper.cpp":
                    other.skipped = f"cannot be built without AMX: {error}"


def measure(rows: list[Row], clips: list[corpus.Clip], options: argparse.Namespace) -> None:
    """All rounds and starts that the command line asks for."""
    jfk = next(clip.path for clip in clips if clip.part == "jfk")
    for _ in range(options.rounds):
        measure_round(rows, clips, jfk, options.threads)
    measure_starts(rows, jfk, options.starts, options.threads)


def measure_round(rows: list[Row], clips: list[corpus.Clip], warm_up: Path, threads: int) -> None:
    """Every engine once over all clips, each in a fresh process."""
    paths = {clip.name: str(clip.path) for clip in clips}
    for row in rows:
        if row.skipped:
            continue
        with (
            _config_file(row.config(threads, warm_up, paths)) as file,
            tempfile.NamedTemporaryFile(suffix=".json") as report,
        ):
            error = _run_child(row, "measure", [file, report.name], threads)[1]
            if error:
                row.skipped = error
                continue
            row.rounds.append(json.loads(Path(report.name).read_text()))
        last = row.rounds[-1]
        print(f"{row.name}: {sum(last['seconds'].values()):.1f} s", flush=True)


def measure_starts(rows: list[Row], jfk: Path, times: int, threads: int) -> None:
    """Seconds of a whole process (start, load, one clip, text, end), in turn, `times` times."""
    for _ in range(times):
        for row in rows:
            if row.skipped:
                continue
            with _config_file(row.config(threads, jfk, {})) as file:
                seconds, error = _run_child(row, "start", [file], threads)
            if error:
                row.skipped = error
            else:
                row.starts.append(seconds)


def _run_child(row: Row, mode: str, arguments: list[str], threads: int) -> tuple[float, str]:
    """Seconds until the process has ended, and one line when it failed."""
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            [row.python, CHILD, mode, *arguments],
            check=False,
            env=child_environment(threads),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return 0.0, f"took more than {_TIMEOUT_SECONDS} s"
    seconds = time.perf_counter() - begin
    if done.returncode < 0:
        return seconds, f"killed by signal {-done.returncode}"
    if done.returncode:
        return seconds, last_error(done.stderr)
    return (seconds, "") if mode == "measure" or done.stdout.strip() else (seconds, "no text")


@contextmanager
def _config_file(config: dict[str, Any]) -> Iterator[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(config, file)
        file.flush()
        yield file.name


def summarize(row: Row, clips: list[corpus.Clip]) -> dict[str, Any]:
    """A row of the results: medians over rounds, errors of the first round."""
    facts = {
        "engine": row.kind,
        "precision": row.precision,
        "model": row.model,
        "version": row.version,
        "skipped": row.skipped or None,
    }
    if row.skipped or not row.rounds:
        return facts
    short = [clip for clip in clips if clip.part != "long"]
    long = [clip for clip in clips if clip.part == "long"]
    return facts | {
        "load_seconds": round(median(report["load_seconds"] for report in row.rounds), 3),
        "short_rtf": _real_time_factor(row, short),
        "long_rtf": _real_time_factor(row, long),
        "short_rtf_rounds": [_real_time_factor(row, short, [report]) for report in row.rounds],
        "long_rtf_rounds": [_real_time_factor(row, long, [report]) for report in row.rounds],
        "whole_process_seconds": round(median(row.starts), 3) if row.starts else None,
        "whole_process_rounds": [round(seconds, 3) for seconds in row.starts],
        "peak_bytes": max(report["peak_bytes"] for report in row.rounds),
        "wer": wer.score_by_part(clips, row.rounds[0]["texts"]),
    }


def _real_time_factor(
    row: Row, clips: list[corpus.Clip], rounds: list[dict[str, Any]] | None = None
) -> float | None:
    if not clips:
        return None
    audio = sum(clip.seconds for clip in clips)
    totals = [
        sum(report["seconds"][clip.name] for clip in clips) for report in rounds or row.rounds
    ]
    return round(median(totals) / audio, 4)


def describe(clips: list[corpus.Clip]) -> dict[str, Any]:
    """Clips, seconds and words of each part of the corpus."""
    parts: dict[str, Any] = {}
    for clip in clips:
        part = parts.setdefault(clip.part, {"clips": 0, "seconds": 0.0, "words": 0})
        part["clips"] += 1
        part["seconds"] = round(part["seconds"] + clip.seconds, 2)
        part["words"] += wer.score(clip.text, "").words
    return parts


def parse_options(description: str) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=description)
    corpus.add_options(parser)
    parser.add_argument("--env", type=Path, help="the peers' virtual environment")
    parser.add_argument(
        "--bundle", action="append", default=[], metavar="PRECISION=DIR", help="ours; repeatable"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3, help="times that all clips are measured")
    parser.add_argument("--starts", type=int, default=5, help="starts of a process that are timed")
    parser.add_argument("--only", default="", help="regular expression of the rows wanted")
    parser.add_argument("--ours-only", action="store_true", help="install and run no peer")
    parser.add_argument("--limit", type=int, help="only so many short clips: a trial, no result")
    parser.add_argument("--out", type=Path, help="JSON file of the results")
    return parser.parse_args()


def chosen_clips(prepared: corpus.Corpus, limit: int | None) -> list[corpus.Clip]:
    """All clips, or for a trial only some of the short ones; the one of 1961 is always there."""
    clips = list(prepared.clips)
    if limit is None:
        return clips
    return [*clips[:limit], *(clip for clip in clips[limit:] if clip.part in ("jfk", "long"))]


def write_result(
    kind: str,
    model: str,
    rows: list[Row],
    clips: list[corpus.Clip],
    prepared: corpus.Corpus,
    options: argparse.Namespace,
) -> None:
    """Writes the result file, and the texts beside the cache; says what was skipped."""
    result = {
        "kind": kind,
        "machine": machine.facts(("edge-voice", "onnxruntime", "numpy", "whisper-normalizer")),
        "threads": options.threads,
        "rounds": options.rounds,
        "starts": options.starts,
        "corpus": describe(clips),
        "missing": prepared.missing,
        "engines": [summarize(row, clips) for row in rows],
    }
    out = machine.result_path(model, options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    texts = {row.name: row.rounds[0]["texts"] for row in rows if row.rounds}
    (options.cache / "texts.json").write_text(json.dumps(texts, indent=1))
    for row in rows:
        if row.skipped:
            print(f"skipped {row.name}: {row.skipped}", file=sys.stderr)
    print(out)


def main() -> None:
    """Prepares, measures in rounds, scores, writes."""
    options = parse_options(str(__doc__).splitlines()[0])
    prepared = corpus.from_options(options)
    clips = chosen_clips(prepared, options.limit)
    rows = prepare_rows(options)
    jfk = next(clip.path for clip in clips if clip.part == "jfk")
    rebuild_if_crashing(rows, options, jfk)
    measure(rows, clips, options)
    write_result("whisper_peers", "whisper-tiny.en", rows, clips, prepared, options)


if __name__ == "__main__":
    main()
