"""What Cohere Transcribe's precisions do to weights and results, compared with fp32.

    python -m benchmarks.cohere_quality [--full --work DIR]

Models: the tiny checkpoint of the golden tests, a made-up one of middle size and, with `--full`,
one of the published size, whose fp32 graphs take 8.4 GB of disk in DIR for a while, and as much
memory at least. All hear the same noise and are fed the same random tokens: there is no
text to get right or wrong, so what counts is how far results move. A random model whose head is
its embedding mostly repeats the token that it was fed, which no rounding changes: that token is
left out when likeliest tokens are compared. The others have little lead over one another, which
makes the agreement lower than a trained model's.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks import machine
from benchmarks.children import call
from benchmarks.weight_errors import grouped

Array = np.ndarray[Any, np.dtype[Any]]

TINY = Path(__file__).parents[1] / "tests/data/cohere_transcribe_tiny/published"
EXACT = "fp32"
STAGES = ("encoder output", "cross-attention keys", "cross-attention values", "logits")
_CLIP_SECONDS = (3.2, 8.0, 17.6)
_TOKENS = 200
_CLIP_LIMIT_SECONDS = 35.0
GROUPS = {
    "encoder, table of positions": ("*relative_k_proj*",),
    "cross-attention keys and values": ("*encoder_attn.k_proj*", "*encoder_attn.v_proj*"),
    "encoder, feed-forward": ("*encoder.layers.*feed_forward*",),
    "encoder, attention": ("*encoder.layers.*self_attn*",),
    "encoder, convolution": ("*encoder.layers.*.conv.*",),
    "encoder, input and output": ("*encoder.subsampling*", "*decoder.proj*"),
    "decoder, attention": ("*decoder.layers.*_attn*",),
    "decoder, feed-forward": ("*decoder.layers.*mlp*",),
    "vocabulary": ("*embed_tokens*", "*decoder.head*"),
}


def outputs(source: str, precision: str, folder: str) -> dict[str, Any]:
    """Exports a model's graphs, runs them and leaves the results in `PRECISION.npz`.

    Args:
        source: `tiny`, or one of `benchmarks.synthetic_cohere.SIZES`.
        precision: Preset.
        folder: Where the graphs lie for a moment, and the results afterwards.

    Returns:
        `layers`: the report's, of weights that are not float32; `bytes` of both graphs.
    """
    from edge_voice_export.models.cohere_transcribe import recipe, sizes
    from edge_voice_export.models.cohere_transcribe.names import Weights
    from edge_voice_export.package import Bundle
    from edge_voice_export.report import Report

    place = Path(folder)
    graphs = place / f"{precision}-graphs"
    graphs.mkdir()
    bundle = Bundle(graphs, recipe.PRESETS[precision], Report(source, precision), lambda line: None)
    try:
        with _open(source, place) as checkpoint:
            weights = Weights(checkpoint)
            dimensions = sizes.read_dimensions(weights, _CLIP_LIMIT_SECONDS)
            recipe.build_graphs(weights, dimensions, bundle)
        np.savez(place / f"{precision}.npz", **_results(graphs, dimensions))
        size = sum(path.stat().st_size for path in graphs.iterdir())
    finally:
        shutil.rmtree(graphs)
    errors = [
        (layer.name, layer.relative_error)
        for layer in bundle.report.layers
        if layer.scheme != "float32"
    ]
    return {"bytes": size, "layers": errors}


def _open(source: str, folder: Path) -> AbstractContextManager[Any]:
    if source == "tiny":
        from edge_voice_export.checkpoint import open_checkpoint

        return open_checkpoint(TINY)
    from benchmarks.synthetic_cohere import SIZES, SyntheticCohere

    return SyntheticCohere(folder / "checkpoint", SIZES[source])


def _results(folder: Path, dimensions: Any) -> dict[str, Array]:
    """Encoder output, cross-attention, tokens and their logits for all clips, joined."""
    from edge_voice.models.cohere_transcribe import graphs
    from edge_voice.models.cohere_transcribe.config import positions_of
    from edge_voice.seq2seq import Encoder
    from edge_voice.session import Session

    session = Session(folder / "encoder.onnx", graphs.ENCODER, threads=2, any_shape=True)
    encoder = Encoder(session, positions_of)
    random = np.random.default_rng(0)
    clips = [
        encoder(
            [random.standard_normal((round(100 * seconds), dimensions.mels)).astype(np.float32)],
            hidden_states=True,
        )
        for seconds in _CLIP_SECONDS
    ]
    del encoder, session  # the decoder is opened in their place
    decoder = Session(folder / "decoder.onnx", graphs.DECODER, threads=2)
    count = min(_TOKENS, dimensions.text_positions)
    tokens = random.integers(0, dimensions.vocabulary, (len(clips), count))
    logits = [
        _logits(decoder, clip, row, dimensions.text_positions)
        for clip, row in zip(clips, tokens, strict=True)
    ]
    return {
        "encoder output": _joined(clip.hidden_states for clip in clips),
        "cross-attention keys": _joined(_cross(clips, "key")),
        "cross-attention values": _joined(_cross(clips, "value")),
        "logits": np.concatenate(logits),
        "tokens": tokens.ravel(),
    }


def _logits(session: Any, encoded: Any, tokens: Array, text_positions: int) -> Array:
    """(tokens, vocabulary) in one pass."""
    from edge_voice.seq2seq import Decoder

    bias = {"encoder_attention_bias": encoded.attention_bias()}
    decoder = Decoder(session, encoded, text_positions=text_positions, extra=bias)
    return np.asarray(decoder.prefill(tokens[None], np.arange(len(tokens)))[0])


def _cross(clips: Iterable[Any], kind: str) -> Iterator[Array]:
    for clip in clips:
        yield from (array for name, array in clip.cross.items() if name.endswith(kind))


def _joined(arrays: Iterable[Any]) -> Array:
    return np.concatenate([np.asarray(array).ravel() for array in arrays])


def compared(found: Mapping[str, Array], exact: Mapping[str, Array]) -> dict[str, Any]:
    """Cosine and relative error of each result, and how often the likeliest token is the same."""
    stages = {
        name: {
            "cosine": round(_cosine(found[name], exact[name]), 6),
            "relative_error": round(_relative_error(found[name], exact[name]), 5),
        }
        for name in STAGES
    }
    same = _likeliest_other(found) == _likeliest_other(exact)
    return {"stages": stages, "tokens": len(same), "agreement": round(float(same.mean()), 4)}


def _likeliest_other(results: Mapping[str, Array]) -> Array:
    """(tokens,) the likeliest token but for the one that was fed."""
    logits = results["logits"].copy()
    np.put_along_axis(logits, results["tokens"][:, None], -np.inf, axis=-1)
    return np.asarray(logits.argmax(axis=-1))


def _cosine(one: Array, other: Array) -> float:
    from edge_voice_export.numeric_check import cosine

    return cosine(one, other)


def _relative_error(found: Array, exact: Array) -> float:
    difference = found.astype(np.float64) - exact
    return float(np.linalg.norm(difference) / np.linalg.norm(exact.astype(np.float64)))


def measure(source: str, precisions: Iterable[str], work: Path) -> Iterator[dict[str, Any]]:
    """One row for each precision of a model; each runs in a process of its own."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        target = "benchmarks.cohere_quality:outputs"
        exact_bytes = call(target, source=source, precision=EXACT, folder=folder)["bytes"]
        with np.load(Path(folder) / f"{EXACT}.npz") as file:
            exact = dict(file)
        for precision in precisions:
            made = call(target, source=source, precision=precision, folder=folder)
            with np.load(Path(folder) / f"{precision}.npz") as file:
                row = compared(dict(file), exact)
            yield {
                "model": source,
                "precision": precision,
                "bytes": made["bytes"],
                "fp32_bytes": exact_bytes,
                **row,
                "weights": grouped(made["layers"], GROUPS),
            }


@click.command(help=__doc__)
@click.option("--full", is_flag=True, help="the published size too")
@click.option("--work", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False))
def main(full: bool, work: Path | None, out: Path | None) -> None:
    """Measures every preset on every model and writes the results."""
    from edge_voice_export.models.cohere_transcribe.recipe import PRESETS

    precisions = [name for name in PRESETS if name != EXACT]
    rows = []
    for source in ("tiny", "middle", *(["published"] if full else [])):
        for row in measure(source, precisions, work or Path(tempfile.gettempdir())):
            rows.append(row)
            output = row["stages"]["encoder output"]["cosine"]
            print(f"{source} {row['precision']}: cosine {output:.5f}", end="")
            print(f", likeliest token the same: {row['agreement']:.1%}", flush=True)
    facts = machine.facts(("edge-voice", "onnxruntime", "numpy"))
    result = {"kind": "cohere_quality", "machine": facts, "rows": rows}
    out = machine.result_path("cohere-quality", out)
    out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
