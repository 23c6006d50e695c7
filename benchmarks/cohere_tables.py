"""Tables of Cohere Transcribe's benchmarks; `benchmarks.tables` puts them into the documents."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import MB, conditions, fixed, markdown
from benchmarks.weight_errors import weight_table

_WEIGHTS_OF = "middle"
_MODELS = {"tiny": "tiny", "middle": "middle", "published": "published size"}


def cohere_full_size(result: dict[str, Any]) -> str:
    """Speed and memory of all engines, then what exporting costs."""
    clip = f"encoder, {result['context_seconds']:g} s"
    header = [
        *("engine", "threads", "load", clip, "real-time factor", "÷ products"),
        *("token", "÷ products", "token, 4 rows", "prompt", "peak memory"),
    ]
    runs = [_run_cells(row, run) for row in result["rows"] for run in row["runs"]]
    exports = [_export_cells(row) for row in result["rows"] if row["export"]]
    note = (
        f"Random weights. Load average when the measurement began: {result['load_average']}. "
        "Least times of several turns; real-time "
    )
    return "\n".join(
        (
            markdown(header, runs),
            markdown(["precision", "files", "export", "peak memory of the export"], exports),
            conditions(result, note),
        )
    )


def _run_cells(row: dict[str, Any], run: dict[str, Any]) -> list[object]:
    context = run["context"]
    steps = context["step_milliseconds"]
    encoder = encoder_seconds(run, context["seconds"])
    floor = run.get("floor") or {}
    more = [times["min"] for rows, times in steps.items() if rows != "1"]
    version = f" {run['version']}" if "version" in run else ""
    return [
        f"{row['engine']}{version} {row['precision']}",
        run["threads"],
        fixed(run.get("load_seconds"), 1, " s"),
        fixed(encoder, 2, " s"),
        fixed(encoder and encoder / context["seconds"], 3),
        fixed(floor.get("encoder_ratio"), 2),
        fixed(steps["1"]["min"], 1, " ms"),
        fixed(floor.get("step_ratio"), 2),
        fixed(next(iter(more), None), 1, " ms"),
        fixed(context["prefill_milliseconds"]["min"], 0, " ms"),
        f"{(run.get('one_clip_peak_bytes') or run['peak_bytes']) / MB:.0f} MB",
    ]


def encoder_seconds(run: dict[str, Any], seconds: float) -> float | None:
    """Least time of the encoder for a clip of this length; None if there was none."""
    for clip in run["clips"]:
        if clip["seconds"] == seconds:
            return float(clip["encoder_seconds"]["min"])
    return None


def _export_cells(row: dict[str, Any]) -> list[object]:
    export = row["export"]
    return [
        row["precision"],
        f"{export['bundle_bytes'] / MB:.0f} MB",
        fixed(export["seconds"], 0, " s"),
        f"{export['peak_bytes'] / MB:.0f} MB",
    ]


def cohere_quality(result: dict[str, Any]) -> str:
    """How far each precision moves results, then the relative errors of the weights themselves."""
    header = [
        *("model", "precision", "graphs", "encoder output: cosine", "relative error", "keys"),
        *("values", "logits: cosine", "relative error", "likeliest token the same"),
    ]
    rows = result["rows"]
    chosen = [row for row in rows if row["model"] == _WEIGHTS_OF]
    weights = weight_table(chosen, _MODELS[_WEIGHTS_OF])
    return "\n".join((markdown(header, map(_quality_cells, rows)), weights))


def _quality_cells(row: dict[str, Any]) -> list[object]:
    stages = row["stages"]
    encoder, logits = stages["encoder output"], stages["logits"]
    return [
        _MODELS[row["model"]],
        row["precision"],
        f"{row['bytes'] / MB:.1f} MB ({row['bytes'] / row['fp32_bytes']:.0%} of fp32)",
        f"{encoder['cosine']:.5f}",
        f"{encoder['relative_error']:.3f}",
        f"{stages['cross-attention keys']['relative_error']:.3f}",
        f"{stages['cross-attention values']['relative_error']:.3f}",
        f"{logits['cosine']:.5f}",
        f"{logits['relative_error']:.3f}",
        f"{row['agreement']:.1%} of {row['tokens']}",
    ]
