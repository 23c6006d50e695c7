"""`edge-voice path`: where an installed model is."""

from __future__ import annotations

import click

from edge_voice.hub.store import PRECISIONS


@click.command("path")
@click.argument("name")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    help="Which one. [default: the one that `transcribe` would take]",
)
def command(name: str, precision: str | None) -> None:
    """Print the folder of the installed model NAME."""
    from edge_voice.errors import ModelNotFound
    from edge_voice.hub.catalog import load_catalog
    from edge_voice.hub.store import find

    folder = find(name, precision, prefer=load_catalog().precision_of(name))
    if folder is None:
        what = f"{name} ({precision})" if precision else name
        raise ModelNotFound(f"{what} is not in the store (edge-voice pull {name})")
    click.echo(folder)
