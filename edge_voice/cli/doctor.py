"""`edge-voice doctor`: what this machine can run, and what is in the way."""

from __future__ import annotations

import json
from typing import Any

import click

from edge_voice.cli.shared_options import json_option


@click.command()
@json_option
@click.option(
    "--language",
    metavar="CODE",
    default="en",
    show_default=True,
    help="Recommend models for this language.",
)
@click.option(
    "--no-probe", is_flag=True, help="Measure no speed; recommend by memory alone, at once."
)
def command(as_json: bool, language: str, no_probe: bool) -> None:
    """Say what this machine can run, and recommend a model for each task.

    Measures the speed of a few layers for about five seconds; fetches nothing. Exits with 1 if
    something is wrong.
    """
    from edge_voice.cli.advice import render_advice
    from edge_voice.cli.diagnosis import examine

    diagnosis = examine(probe=not no_probe, language=language)
    if as_json:
        click.echo(json.dumps(diagnosis.as_dict(), indent=1))
    else:
        click.echo(render(diagnosis.sections))
        for recommendation in diagnosis.recommendations:
            click.echo(render_advice(recommendation, diagnosis.installed))
        for problem in diagnosis.problems:
            click.echo(f"problem: {problem}")
        click.echo(diagnosis.verdict)
    if diagnosis.problems:
        click.get_current_context().exit(1)


def render(sections: dict[str, dict[str, Any]]) -> str:
    """Sections as indented lines, values aligned."""
    lines = []
    for title, facts in sections.items():
        lines.append(title)
        labels = {key: _label(key) for key in facts}
        width = max(map(len, labels.values()), default=0)
        lines += [f"  {labels[key]:<{width}}  {_text(key, facts[key])}" for key in facts]
    return "\n".join(lines)


def size(count: float) -> str:
    """Bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _label(key: str) -> str:
    return key.removesuffix("_bytes").removesuffix("_milliseconds").replace("_", " ")


def _text(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("_bytes"):
        return size(value)
    if key.endswith("_milliseconds"):
        return f"{value:.3g} ms" if value < 999.5 else f"{value:.0f} ms"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return str(value)
