"""Cohere Transcribe at its published size: export, load, encoder, decoder, memory, floor, peers.

    python -m benchmarks.cohere_full_size --precision int8 --precision int4 --peers --work DIR

Weights are random numbers made up on the fly: nothing of the 4 GB has to be had. Every measurement
is a fresh process. A bundle is exported, measured with each number of threads and deleted: what
was just written lies in the page cache, so that loading is measured as a second start would be.
The floor (see `benchmarks.cohere_floor`) takes turns with the whole graphs in the same process.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks import machine
from benchmarks.children import call
from benchmarks.cohere_ours import CONTEXT_SECONDS

_OURS = "benchmarks.cohere_ours"
_PEERS = "benchmarks.cohere_torch"
_CLIPS = (5.0, 10.0, 15.0, 20.0, 30.0, 35.0)
_EXPORT_LIMIT_BYTES = 2_000_000_000
_SIZES = ("published", "middle", "smallest")
_VERSIONS = ("edge-voice", "onnxruntime", "numpy", "torch", "transformers")
_DTYPES = ("bfloat16", "float32")


@dataclass(frozen=True, slots=True)
class Plan:
    """What one call of the benchmark measures.

    Attributes:
        size: Name of the model's size; anything but `published` is a trial, not a result.
        precisions: Of the bundles.
        threads: One run of each bundle for each of these; the first has a floor.
        clips: Seconds of audio.
        rounds: Turns of every length.
        work: Folder for bundles.
        keep: Whether they stay there.
    """

    size: str
    precisions: tuple[str, ...]
    threads: tuple[int, ...]
    clips: tuple[float, ...]
    rounds: int
    work: Path
    keep: bool = False


def ours(plan: Plan) -> Iterator[dict[str, Any]]:
    """One row for each precision: its export, and its runs by number of threads."""
    for precision in plan.precisions:
        folder = plan.work / precision
        try:
            exported = call(
                f"{_OURS}:export", size=plan.size, precision=precision, folder=os.fspath(folder)
            )
            _say(f"{precision}: exported in {exported['seconds']} s,", exported["peak_bytes"])
            runs = [_run(plan, folder, threads) for threads in plan.threads]
        finally:
            if not plan.keep:
                shutil.rmtree(folder, ignore_errors=True)
                shutil.rmtree(folder.with_name(f"{precision}-checkpoint"), ignore_errors=True)
        yield {"engine": "edge-voice", "precision": precision, "export": exported, "runs": runs}


def _run(plan: Plan, folder: Path, threads: int) -> dict[str, Any]:
    where = {"folder": os.fspath(folder), "threads": threads}
    row = call(
        f"{_OURS}:run",
        **where,
        clips=plan.clips,
        rounds=plan.rounds,
        floor=threads == plan.threads[0],
    )
    row["load_seconds"] = min(row["load_seconds"], call(f"{_OURS}:load", **where)["seconds"])
    _say(f"{folder.name}, {threads} threads: {_times(row)},", row["one_clip_peak_bytes"])
    return {"threads": threads, **row}


def peers(plan: Plan) -> Iterator[dict[str, Any]]:
    """One row for each dtype of transformers; float32 at the context's length only."""
    for dtype in _DTYPES:
        threads = plan.threads[0]
        clips = plan.clips if dtype == "bfloat16" else (CONTEXT_SECONDS,)
        row = call(
            f"{_PEERS}:run",
            size=plan.size,
            dtype=dtype,
            threads=threads,
            clips=clips,
            context=CONTEXT_SECONDS,
            rounds=max(1, plan.rounds - 1),
        )
        _say(f"transformers {dtype}: {_times(row)},", row["peak_bytes"])
        run = {"threads": threads, **row}
        yield {"engine": "transformers", "precision": dtype, "export": None, "runs": [run]}


def _times(row: dict[str, Any]) -> str:
    clips = {clip["seconds"]: clip["encoder_seconds"]["min"] for clip in row["clips"]}
    step = row["context"]["step_milliseconds"]["1"]["min"]
    encoder = clips.get(CONTEXT_SECONDS, clips[max(clips)])
    text = f"encoder {encoder:.2f} s, step {step:.1f} ms"
    if "floor" in row:
        floor = row["floor"]
        text += f" ({floor['encoder_ratio']:.2f} and {floor['step_ratio']:.2f} × the floor)"
    return text


def _say(text: str, peak_bytes: int) -> None:
    load = os.getloadavg()[0]
    print(f"{text} peak {peak_bytes / 1e6:.0f} MB (load average {load:.1f})", flush=True)


def check_room(plan: Plan) -> None:
    """Makes the folder; refuses to start what would fill the disk."""
    needed = 0
    if plan.size == "published":
        largest = max(8.4 if precision == "fp32" else 2.3 for precision in plan.precisions)
        kept = len(plan.precisions) if plan.keep else 1
        needed = int(1e9 * largest * kept)
    plan.work.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(plan.work).free < needed:
        raise click.ClickException(f"{plan.work} needs {needed / 1e9:.1f} GB free")


@click.command(help=__doc__)
@click.option("--precision", "precisions", multiple=True, default=("int8",), show_default=True)
@click.option("--threads", multiple=True, type=click.IntRange(min=1), default=(2, 1))
@click.option("--clip", "clips", multiple=True, type=float, default=_CLIPS, help="seconds")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--peers", "with_peers", is_flag=True, help="transformers too: needs [parity]")
@click.option("--work", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--keep", is_flag=True, help="leave the bundles in --work")
@click.option("--size", type=click.Choice(_SIZES), default="published", help="for a trial")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False))
def main(with_peers: bool, out: Path | None, **options: Any) -> None:
    """Measures everything and writes the results; fails when an export takes too much memory."""
    plan = Plan(**options)
    if out is None:
        if plan.size != "published":
            raise click.UsageError("--size makes a trial, not a result: it needs --out")
        out = machine.result_path("cohere-full-size")
    check_room(plan)
    load = round(os.getloadavg()[0], 2)
    rows = [*ours(plan), *(peers(plan) if with_peers else ())]
    result = {
        "kind": "cohere_full_size",
        "machine": machine.facts(_VERSIONS),
        "size": plan.size,
        "load_average": load,
        "context_seconds": CONTEXT_SECONDS,
        "rows": rows,
    }
    out.write_text(json.dumps(result, indent=1) + "\n")
    exports = [row["export"] for row in rows if row["export"]]
    if any(export["peak_bytes"] > _EXPORT_LIMIT_BYTES for export in exports):
        sys.exit("an export took more memory than allowed")


if __name__ == "__main__":
    main()
