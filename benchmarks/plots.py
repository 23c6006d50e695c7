"""Draws the plots of the documents from the JSON files in `results/`.

    python -m benchmarks.plots [--plot NAME] [--results DIR] [--images DIR] [MACHINE]

cohere-cost: what Cohere Transcribe costs against the length of the clip, by precision and number
of threads, beside transformers. voxtral-cost: what Voxtral TTS costs against the length of the
text. Both are drawn, or those that are named. The newest results are taken, or those whose file
name begins with MACHINE. The same results always give the same file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import matplotlib

matplotlib.use("svg")

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.markdown import MB

_ROOT = Path(__file__).parents[1]
_COLORS = {
    ("edge-voice", "int8"): "#0b6e4f",
    ("edge-voice", "balanced"): "#3a86c8",
    ("edge-voice", "int4"): "#c8553d",
    ("edge-voice", "fp32"): "#8d6a9f",
    ("transformers", "bfloat16"): "#444444",
    ("transformers", "float32"): "#999999",
}
_STEP_COLORS = ("#c8553d", "#3a86c8", "#0b6e4f", "#8d6a9f")
_STYLES = {1: "--", 2: "-"}
_TOKENS = (0, 50, 100, 150, 200, 250)
# `hashsalt` makes the ids inside the file the same every time.
_SETTINGS = {"svg.hashsalt": "edge-voice", "svg.fonttype": "none", "font.size": 9}


@dataclass(frozen=True, slots=True)
class Curve:
    """One engine with one number of threads.

    Attributes:
        label: For the legend.
        color: Of the line.
        style: Of the line.
        clips: (seconds of audio, seconds of the encoder).
        token_seconds: Of one token with the context's audio.
    """

    label: str
    color: str
    style: str
    clips: tuple[tuple[float, float], ...]
    token_seconds: float


def curves(result: dict[str, Any]) -> Iterator[Curve]:
    """What was measured at more than one length."""
    for row in result["rows"]:
        for run in row["runs"]:
            clips = sorted(
                (clip["seconds"], clip["encoder_seconds"]["min"]) for clip in run["clips"]
            )
            if len(clips) < 2:
                continue
            threads = run["threads"]
            yield Curve(
                f"{row['engine']} {row['precision']}, {threads} thread{'s' * (threads > 1)}",
                _COLORS[row["engine"], row["precision"]],
                _STYLES.get(threads, ":"),
                tuple(clips),
                run["context"]["step_milliseconds"]["1"]["min"] / 1000,
            )


def cost_figure(result: dict[str, Any]) -> Figure:
    """Seconds of the encoder against seconds of audio; seconds of decoding against tokens."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    encoder, decoder = figure.subplots(1, 2)
    for curve in curves(result):
        style = {"color": curve.color, "linestyle": curve.style, "label": curve.label}
        encoder.plot(*zip(*curve.clips, strict=True), marker="o", markersize=3, **style)
        decoder.plot(_TOKENS, [count * curve.token_seconds for count in _TOKENS], **style)
    context = result["context_seconds"]
    _name(encoder, "Encoder", "seconds of audio", "seconds of computing")
    _name(decoder, f"Decoder, {context:g} s of audio", "tokens", "seconds of computing")
    handles, labels = encoder.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _name(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def save(figure: Figure, path: Path) -> None:
    """Writes an SVG that says nothing about when it was made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def text_figure(result: dict[str, Any]) -> Figure:
    """Seconds of computing, real-time factor and memory of Voxtral against characters of text."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    computing, memory = figure.subplots(1, 2)
    for cost, color in zip(result["costs"], _STEP_COLORS, strict=False):
        texts = cost["texts"]
        characters = [text["characters"] for text in texts]
        style = {"marker": "o", "markersize": 3, "color": color}
        label = f"{cost['precision']}, {cost['steps']} steps"
        computing.plot(characters, [text["seconds"] for text in texts], label=label, **style)
        megabytes = [text["resident_bytes"] / MB for text in texts]
        memory.plot(characters, megabytes, label=label, **style)
    audio = [(text["characters"], text["audio_seconds"]) for text in result["costs"][0]["texts"]]
    computing.plot(*zip(*audio, strict=True), color="#999999", linestyle="--", label="speech")
    _name(computing, "Time", "characters of text", "seconds")
    _name(memory, "Resident memory", "characters of text", "MB")
    handles, labels = computing.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


PLOTS: dict[str, tuple[str, Callable[[dict[str, Any]], Figure]]] = {
    "cohere-cost": ("cohere_full_size", cost_figure),
    "voxtral-cost": ("voxtral_frame", text_figure),
}


def newest(folder: Path, machine: str, kind: str) -> dict[str, Any]:
    """The newest results of one kind.

    Raises:
        ClickException: There are none.
    """
    texts = (path.read_text() for path in sorted(folder.glob(f"{machine}*.json")))
    fitting = [result for text in texts if (result := json.loads(text)).get("kind") == kind]
    if not fitting:
        whose = machine or "any machine"
        raise click.ClickException(f"{folder} has no results of {kind} for {whose}")
    return max(fitting, key=lambda result: str(result["machine"]["date"]))


@click.command(help=__doc__)
@click.argument("machine", default="")
@click.option("--plot", "names", type=click.Choice(list(PLOTS)), multiple=True, default=list(PLOTS))
@click.option("--results", type=click.Path(path_type=Path), default=_ROOT / "benchmarks/results")
@click.option("--images", type=click.Path(path_type=Path), default=_ROOT / "docs/images")
def main(machine: str, names: tuple[str, ...], results: Path, images: Path) -> None:
    """Draws the plots."""
    for name in names:
        kind, draw = PLOTS[name]
        out = images / f"{name}.svg"
        with matplotlib.rc_context(_SETTINGS):
            save(draw(newest(results, machine, kind)), out)
        print(f"written: {out}")


if __name__ == "__main__":
    main()
