"""`edge-voice voices`: who a model can speak as."""

from __future__ import annotations

import json

import click

from edge_voice.cli import speak
from edge_voice.hub.store import PRECISIONS


@click.command()
@click.argument("model")
@click.option("--precision", type=click.Choice(PRECISIONS), help="Which form of a known model.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(model: str, precision: str | None, as_json: bool) -> None:
    """List the voices of MODEL, the default one first."""
    synthesizer = speak.open_model(model, precision, None)
    if as_json:
        record = {
            "voices": synthesizer.voices,
            "languages": synthesizer.languages,
            "sample_rate": synthesizer.sample_rate,
        }
        click.echo(json.dumps(record, indent=1))
    else:
        click.echo("\n".join(synthesizer.voices))
