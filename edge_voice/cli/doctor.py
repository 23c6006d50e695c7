"""`edge-voice doctor`: what this machine can run, and what is in the way."""

from __future__ import annotations

import json
from typing import Any

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(as_json: bool) -> None:
    """Say what this machine can run; exits with 1 if something is wrong."""
    from edge_voice.cli.diagnosis import examine

    diagnosis = examine()
    if as_json:
        click.echo(json.dumps(diagnosis.as_dict(), indent=1))
    else:
        click.echo(render(diagnosis.sections))
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
        labels = {key: key.removesuffix("_bytes").replace("_", " ") for key in facts}
        width = max(map(len, labels.values()))
        lines += [f"  {labels[key]:<{width}}  {_text(key, facts[key])}" for key in facts]
    return "\n".join(lines)


def _text(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("_bytes"):
        return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return str(value)
