"""Tables of Voxtral's benchmarks; `benchmarks.tables` puts them into the documents."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.markdown import MB, conditions, fixed, markdown
from benchmarks.weight_errors import weight_table

_WEIGHTS_OF = "middle"


def voxtral_quality(result: dict[str, Any]) -> str:
    """How far each precision moves results, then the relative errors of the weights themselves."""
    header = [
        *("model", "precision", "bundle", "hidden states: cosine", "least alike"),
        *("same semantic code", "same acoustic codes", "mean distance in levels"),
        "codec: error of the same codes",
    ]
    rows = result["rows"]
    chosen = [row for row in rows if row["model"] == _WEIGHTS_OF]
    weights = weight_table(chosen, _WEIGHTS_OF)
    return "\n".join((markdown(header, map(_quality_cells, rows)), weights))


def _quality_cells(row: dict[str, Any]) -> list[object]:
    return [
        row["model"],
        row["precision"],
        f"{row['bytes'] / MB:.1f} MB ({row['bytes'] / row['fp32_bytes']:.0%} of fp32)",
        f"{row['cosine']:.5f}",
        f"{row['worst_cosine']:.5f}",
        f"{row['semantic']:.1%} of {row['frames']}",
        f"{row['acoustic']:.1%}",
        f"{row['levels']:.2f}",
        f"{20 * math.log10(row['waveform_error']):.0f} dB" if row["waveform_error"] else "none",
    ]


def voxtral_steps(result: dict[str, Any]) -> str:
    """How far each solver ends, in a number of steps, from a very fine grid."""
    found: dict[tuple[str, int], dict[str, str]] = {}
    for row in result["steps"]:
        cells = found.setdefault((row["model"], row["steps"]), {})
        cells[row["solver"]] = f"{row['levels']:.2f} ({row['acoustic']:.0%})"
    solvers = dict.fromkeys(row["solver"] for row in result["steps"])
    header = ["model", "steps", *(f"`{solver}`: levels (same codes)" for solver in solvers)]
    return markdown(
        header, [[*key, *(cells[solver] for solver in solvers)] for key, cells in found.items()]
    )


def voxtral_sensitivity(result: dict[str, Any]) -> str:
    """What rounding one group of layers does, the worst first."""
    header = [
        *("group of layers", "scheme", "hidden states: cosine", "same semantic code"),
        *("mean distance in levels", "waveform: relative error"),
    ]
    cells = [
        [
            row["group"],
            row["scheme"],
            f"{row['cosine']:.5f}",
            f"{row['semantic']:.1%}",
            f"{row['levels']:.3f}",
            f"{row['waveform_error']:.4f}",
        ]
        for row in result["rows"]
    ]
    return markdown(header, cells)


def voxtral_frame(result: dict[str, Any]) -> str:
    """Milliseconds of a frame and where they go, then memory and waiting, then texts."""
    header = [
        *("precision", "steps", "backbone", "semantic head", "acoustic transformer", "codec"),
        *("Python", "real-time factor", "÷ products", "÷ products and attention"),
    ]
    note = (
        f"Random weights, {result['threads']} threads. Milliseconds for a frame of 80 ms; codec in "
        f"chunks of 25 frames. Load average when the measurement began: {result['load_average']}. "
        "real-time "
    )
    rows = result["rows"]
    return "\n".join(
        (
            markdown(header, map(_frame_cells, rows)),
            _waiting(rows),
            *([_texts(result["costs"])] if result["costs"] else []),
            conditions(result, note),
        )
    )


def _frame_cells(row: dict[str, Any]) -> list[object]:
    graphs = row["graph_milliseconds"]
    return [
        row["precision"],
        row["steps"],
        *(fixed(graphs[name], 1) for name in ("backbone", "head", "velocity")),
        fixed(row["codec_milliseconds"]["25 frames"], 1),
        fixed(row["python_milliseconds"], 1),
        fixed(row["real_time_factor"], 2),
        fixed(row["ratio"], 2),
        fixed(row["ratio_with_attention"], 2),
    ]


def _waiting(rows: list[dict[str, Any]]) -> str:
    header = ["precision", "load", "first sound", "with a prepared voice", "resident memory"]
    header += ["files", "export", "peak memory of the export"]
    firsts = {row["precision"]: row for row in reversed(rows)}
    cells = [
        [
            precision,
            fixed(row["load_seconds"], 1, " s"),
            fixed(row["first_sound_seconds"], 2, " s"),
            fixed(row["first_sound_prepared_seconds"], 2, " s"),
            f"{row['resident_bytes'] / MB:.0f} MB",
            f"{row['bundle_bytes'] / MB:.0f} MB",
            fixed(row["export_seconds"], 0, " s"),
            f"{row['export_peak_bytes'] / MB:.0f} MB",
        ]
        for precision, row in reversed(firsts.items())
    ]
    return markdown(header, cells)


def _texts(costs: list[dict[str, Any]]) -> str:
    header = ["precision", "steps", "characters", "speech", "computing", "real-time factor"]
    header += ["resident memory"]
    cells = [
        [
            cost["precision"],
            cost["steps"],
            text["characters"],
            fixed(text["audio_seconds"], 1, " s"),
            fixed(text["seconds"], 1, " s"),
            fixed(text["seconds"] / text["audio_seconds"], 2),
            f"{text['resident_bytes'] / MB:.0f} MB",
        ]
        for cost in costs
        for text in cost["texts"]
    ]
    return markdown(header, cells)
