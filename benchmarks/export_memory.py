"""Peak memory of exports: 1.3 × the largest tensor as float32, plus 400 MB, is the limit.

    python -m benchmarks.export_memory --source FOLDER_OR_FILE --synthetic large-v3

Every export runs in a fresh process that reports the high-water mark of its own memory. A
synthetic checkpoint has the tensors of a real one, with values made up on the fly, so nothing of
its 6 GB has to be had; the bundle is written to a temporary folder and thrown away.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from math import prod
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.packages import last_error

_LIMIT_FACTOR = 1.3
_LIMIT_EXTRA_BYTES = 400_000_000


def export_here(kind: str, source: str, precision: str, work: Path) -> dict[str, Any]:
    """Exports in this process; sizes in bytes, times in seconds."""
    from edge_voice.manifest import SourceEntry
    from edge_voice_export.pipeline import export_checkpoint

    begin = time.perf_counter()
    with _open(kind, source, work) as checkpoint:
        shapes = [checkpoint.shape(name) for name in checkpoint.names()]
        export_checkpoint(
            checkpoint,
            work / "bundle",
            precision=precision,
            name=source,
            licence="",
            provenance=SourceEntry(file=Path(source).name),
        )
    return {
        "seconds": round(time.perf_counter() - begin, 1),
        "peak_bytes": _peak_bytes(),
        "largest_float32_bytes": 4 * max(prod(shape) for shape in shapes),
        "total_float32_bytes": 4 * sum(prod(shape) for shape in shapes),
        "bundle_bytes": sum(path.stat().st_size for path in (work / "bundle").iterdir()),
    }


def _open(kind: str, source: str, work: Path) -> AbstractContextManager[Any]:
    if kind == "synthetic":
        from benchmarks.synthetic_whisper import SyntheticCheckpoint
        from benchmarks.whisper_sizes import SIZES

        return SyntheticCheckpoint(SIZES[source], work / "checkpoint")
    from edge_voice_export.checkpoint import open_checkpoint

    return open_checkpoint(Path(source))


def _peak_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def export_in_child(
    kind: str, source: str, precision: str, temporary: Path | None
) -> dict[str, Any]:
    """One row of the results; raises RuntimeError with the child's last line if it fails."""
    command = [sys.executable, "-m", "benchmarks.export_memory", "--child", kind, source]
    with tempfile.TemporaryDirectory(dir=temporary) as work:
        done = subprocess.run(
            [*command, "--precision", precision, "--temporary", work],
            check=False,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[1],
            env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
        )
    if done.returncode:
        raise RuntimeError(last_error(done.stderr))
    measured = json.loads(done.stdout.splitlines()[-1])
    limit = round(_LIMIT_FACTOR * measured["largest_float32_bytes"] + _LIMIT_EXTRA_BYTES)
    label = f"{source} (random weights)" if kind == "synthetic" else Path(source).name
    return {"checkpoint": label, "precision": precision, **measured, "limit_bytes": limit}


def main() -> None:
    """Runs all exports; fails when one is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", action="append", default=[], help="checkpoint; repeatable")
    parser.add_argument("--synthetic", action="append", default=[], help="size, as large-v3")
    parser.add_argument("--precision", action="append", help="preset; repeatable (int8, int4)")
    parser.add_argument("--temporary", type=Path, help="where bundles are written for a moment")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    precisions = options.precision or ["int8", "int4"]
    if options.child:
        print(json.dumps(export_here(*options.child, precisions[0], options.temporary)))
        return
    wanted = [("local", source) for source in options.source]
    wanted += [("synthetic", size) for size in options.synthetic]
    rows = []
    for kind, source in wanted:
        for precision in precisions:
            row = export_in_child(kind, source, precision, options.temporary)
            rows.append(row)
            peak, limit = row["peak_bytes"] / 1e6, row["limit_bytes"] / 1e6
            print(f"{row['checkpoint']} {precision}: {peak:.0f} MB (limit {limit:.0f})", flush=True)
    facts = machine.facts(("edge-voice", "onnxruntime", "onnx", "numpy"))
    out = machine.result_path("export-memory", options.out)
    result = {"kind": "export_memory", "machine": facts, "rows": rows}
    out.write_text(json.dumps(result, indent=1) + "\n")
    if any(row["peak_bytes"] > row["limit_bytes"] for row in rows):
        sys.exit("over the limit")


if __name__ == "__main__":
    main()
