"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

from edge_voice.default_models import help_text
from edge_voice.hub.store import PRECISIONS

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

precision_option = click.option(
    "--precision", type=click.Choice(PRECISIONS), help="Which form of a known model."
)
threads_option = click.option(
    "--threads", type=click.IntRange(min=1), help="[default: the cores this process may use]"
)
spoken_language_option = click.option(
    "--language", metavar="CODE", help="Language spoken, or auto. [default: auto]"
)
prompt_option = click.option(
    "--prompt", metavar="TEXT", help="What came before: names, spelling, style."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")


def model_option(task: Literal["transcribe", "speak"]) -> Callable[[Decorated], Decorated]:
    """`--model` of a command that has a default one for its task."""
    return click.option("--model", metavar="NAME", help=help_text(task))
