"""What Voxtral's precisions and fewer steps do to weights and results, compared with fp32.

    python -m benchmarks.voxtral_quality [--work DIR]

Models: the tiny checkpoint of the golden tests and a random one of middle size. Every precision is
told the same frames, those that fp32 makes, so that differences do not add up. Random weights have
neither outliers nor redundancy, and their codes have little lead over one another: how far results
move is what counts.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import json
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import click

from benchmarks import machine
from benchmarks.synthetic_voxtral import SyntheticVoxtral, write_companions
from benchmarks.voxtral_agreement import (
    Forced,
    Told,
    compare,
    exported,
    forced_all,
    relative_error,
    tell,
    waveforms,
)
from benchmarks.voxtral_sizes import scaled
from benchmarks.weight_errors import grouped
from edge_voice.models.voxtral_tts.settings import SOLVERS
from edge_voice_export.checkpoint import open_checkpoint
from edge_voice_export.models.voxtral_tts.recipe import PRESETS

TINY = Path(__file__).parents[1] / "tests/data/voxtral_tts_tiny/published"
MIDDLE = scaled(512, 6)
SOURCES = ("tiny", "middle")
EXACT = "fp32"
STEPS = (2, 3, 4, 5, 7)
FINEST_STEPS = 64
_FRAMES = 200
GROUPS = {
    "text embeddings": ("text_embeddings",),
    "codec": ("codec.*",),
    "semantic head": ("semantic_head*",),
    "acoustic: projections": ("*_projection*", "*acoustic_codebook_output*"),
    "acoustic: attention": ("acoustic_transformer.layers.*attention*",),
    "acoustic: gate and up": ("acoustic_transformer.layers.*w[13]*",),
    "acoustic: down": ("acoustic_transformer.layers.*w2*",),
    "backbone: attention": ("backbone.*attention*",),
    "backbone: gate and up": ("backbone.*w[13]*",),
    "backbone: down": ("backbone.*w2*",),
}


def measure(source: str, work: Path, frames: int = _FRAMES) -> Iterator[tuple[str, dict[str, Any]]]:
    """`precision` and `steps` rows of one model, as they are done."""
    with tempfile.TemporaryDirectory(dir=work) as place, _open(source, Path(place)) as checkpoint:
        folder = Path(place) / "bundle"
        with exported(checkpoint, PRESETS[EXACT], folder) as model:
            told = tell(model, frames)
            exact, size = forced_all(model, told), _bytes(folder)
            audio = waveforms(model, told)
            for row in _steps(model, told):
                yield "steps", {"model": source, **row}
        for name, plan in PRESETS.items():
            if name == EXACT:
                continue
            with exported(checkpoint, plan, folder) as model:
                row = asdict(compare(exact, forced_all(model, told)))
                row["waveform_error"] = relative_error(audio, waveforms(model, told))
                facts = {"bytes": _bytes(folder), "fp32_bytes": size, "weights": _weights(folder)}
            yield "precision", {
                "model": source, "precision": name, "frames": len(exact.codes), **row, **facts
            }  # fmt: skip


def _open(source: str, folder: Path) -> AbstractContextManager[Any]:
    if source == "tiny":
        return open_checkpoint(TINY)
    write_companions(MIDDLE, folder / "checkpoint")
    return SyntheticVoxtral(MIDDLE, folder / "checkpoint")


def _steps(model: Any, told: list[Told]) -> Iterator[dict[str, Any]]:
    """How far a few steps end from a very fine grid, on the same frames and noise."""
    finest: Forced = forced_all(model, told, steps=FINEST_STEPS, solver="ab2")
    for solver, steps in product(SOLVERS, STEPS):
        found = compare(finest, forced_all(model, told, steps=steps, solver=solver))
        yield {
            "solver": solver,
            "steps": steps,
            "acoustic": found.acoustic,
            "levels": found.levels,
            "point_error": found.point_error,
        }


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _weights(folder: Path) -> dict[str, dict[str, float]]:
    """Relative errors of the stored weights by kind of layer, from the bundle's own report."""
    layers = json.loads((folder / "report.json").read_text())["layers"]
    rounded = (layer for layer in layers if layer["scheme"].startswith("int"))
    return grouped(((layer["name"], layer["relative_error"]) for layer in rounded), GROUPS)


@click.command(help=__doc__)
@click.option("--work", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False))
def main(work: Path | None, out: Path | None) -> None:
    """Measures every preset on every model and writes the results."""
    rows: dict[str, list[dict[str, Any]]] = {"precision": [], "steps": []}
    for source in SOURCES:
        for kind, row in measure(source, work or Path(tempfile.gettempdir())):
            rows[kind].append(row)
            shown = {key: value for key, value in row.items() if key != "weights"}
            print(json.dumps(shown), flush=True)
    result = {
        "kind": "voxtral_quality",
        "machine": machine.facts(("edge-voice", "onnxruntime", "numpy")),
        "finest_steps": FINEST_STEPS,
        "rows": rows["precision"],
        "steps": rows["steps"],
    }
    out = machine.result_path("voxtral-quality", out)
    out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
