"""Which layers of Voxtral TTS suffer most from rounding: one group at a time, ranked.

    python -m benchmarks.voxtral_sensitivity --source FOLDER --base int8 --work DIR

The model is exported in a base precision, and again with one group of layers in a coarser scheme;
both are told the same frames. Without `--source` a random model of `--width` and `--layers` is
made up: random weights round worse than trained ones, so its ranking is what counts, not the
numbers. A full-size export takes minutes and room for two bundles.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import argparse
import json
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.synthetic_voxtral import SyntheticVoxtral, write_companions
from benchmarks.voxtral_agreement import (
    compare,
    exported,
    forced_all,
    relative_error,
    tell,
    waveforms,
)
from benchmarks.voxtral_sizes import scaled
from edge_voice_export.checkpoint import open_checkpoint
from edge_voice_export.models.voxtral_tts import recipe
from edge_voice_export.quantize import (
    INT4_BLOCK32,
    INT4_BLOCK128,
    INT8,
    INT8_BLOCK32,
    Recipe,
    Scheme,
)

GROUPS: dict[str, tuple[str, ...]] = {
    "backbone: queries, keys, values": ("backbone.*.wqkv",),
    "backbone: behind attention": ("backbone.*.wo",),
    "backbone: gate and up": ("backbone.*.w[13]",),
    "backbone: down": ("backbone.*.w2",),
    "backbone: first layer": ("backbone.layers.0.*",),
    "acoustic: queries, keys, values": (
        "acoustic_transformer.*.wqkv",
        "acoustic_transformer.*.wq",
        "acoustic_transformer.*.wkv",
    ),
    "acoustic: behind attention": ("acoustic_transformer.*.wo",),
    "acoustic: gate and up": ("acoustic_transformer.*.w[13]",),
    "acoustic: down": ("acoustic_transformer.*.w2",),
    "acoustic: condition": ("acoustic_transformer.llm_projection",),
    "acoustic: time": ("acoustic_transformer.time_projection",),
    "acoustic: from and to codes": (
        "acoustic_transformer.input_projection",
        "acoustic_transformer.acoustic_codebook_output",
    ),
    "semantic head": ("semantic_head",),
    "codec: layers": ("codec.*.attention.*", "codec.*.feed_forward.*"),
    "codec: convolutions": ("codec.*.conv", "codec.output_proj"),
    "text embeddings": ("text_embeddings",),
}
SCHEMES = {s.name: s for s in (INT4_BLOCK32, INT4_BLOCK128, INT8, INT8_BLOCK32)}


def with_group(base: Recipe, patterns: tuple[str, ...], scheme: Scheme) -> Recipe:
    """A recipe with one group of layers in another scheme."""
    return Recipe(base.name, (*((pattern, scheme) for pattern in patterns), *base.rules))


def open_source(options: argparse.Namespace) -> AbstractContextManager[Any]:
    """The published checkpoint, or a random one."""
    if options.source:
        return open_checkpoint(options.source)
    size, folder = scaled(options.width, options.layers), options.work / "checkpoint"
    write_companions(size, folder)
    return SyntheticVoxtral(size, folder)


def scan(checkpoint: Any, options: argparse.Namespace) -> list[dict[str, Any]]:
    """One row for each group and scheme, the most sensitive first."""
    base, folder = recipe.PRESETS[options.base], options.work / "bundle"
    with exported(checkpoint, base, folder) as model:
        told = tell(model, options.frames)
        exact, audio = forced_all(model, told), waveforms(model, told)
    rows = []
    for name in options.scheme or ["int4 block 32"]:
        for group, patterns in GROUPS.items():
            plan = with_group(base, patterns, SCHEMES[name])
            with exported(checkpoint, plan, folder) as model:
                found, other = forced_all(model, told), waveforms(model, told)
            error = relative_error(audio, other)
            row = {"group": group, "scheme": name, "waveform_error": error}
            rows.append(row | asdict(compare(exact, found)))
            print(json.dumps(rows[-1]), flush=True)
    return sorted(rows, key=lambda row: (-row["levels"], -row["waveform_error"]))


def main() -> None:
    """Scans, prints as it goes, writes the ranking."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, help="published folder; random weights without")
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--base", choices=list(recipe.PRESETS), default="fp32")
    parser.add_argument("--scheme", action="append", choices=list(SCHEMES))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with open_source(options) as checkpoint:
        rows = scan(checkpoint, options)
    result = {
        "kind": "voxtral_sensitivity",
        "machine": machine.facts(("edge-voice", "onnxruntime", "numpy")),
        "source": str(options.source.name) if options.source else "random weights",
        "width": options.width,
        "layers": options.layers,
        "base": options.base,
        "frames": options.frames,
        "rows": rows,
    }
    out = machine.result_path("voxtral-sensitivity", options.out)
    out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
