"""`edge-voice pull`: fetch a model and convert it."""

from __future__ import annotations

import click

from edge_voice.hub.store import PRECISIONS


@click.command("pull")
@click.argument("name")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    help="How the weights are stored. [default: the model's own; `models` tells]",
)
@click.option("--keep-weights", is_flag=True, help="Keep the download for further precisions.")
def command(name: str, precision: str | None, keep_weights: bool) -> None:
    """Fetch the model NAME, convert it and print its folder."""
    from edge_voice.cli import terminal
    from edge_voice.cli._bar import ProgressLine
    from edge_voice.hub.pull import pull

    with terminal.library_messages(), ProgressLine() as progress:
        folder = pull(name, precision, progress=progress, keep_weights=keep_weights)
    click.echo(folder)
