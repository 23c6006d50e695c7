"""`edge-voice rm`: remove a model from the store."""

from __future__ import annotations

import click

from edge_voice.hub.store import PRECISIONS


@click.command("rm")
@click.argument("name")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    help="Remove this one only. [default: all, and what was downloaded]",
)
def command(name: str, precision: str | None) -> None:
    """Remove the model NAME from the store."""
    from edge_voice.cli import terminal
    from edge_voice.hub.store import remove

    removed = remove(name, precision)
    terminal.say(f"removed {name} ({', '.join(removed) or 'downloads'})")
