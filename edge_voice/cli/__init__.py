"""The `edge-voice` command line: one module a command, imported only when it runs.

Commands parse, call one function and print. What goes wrong becomes one line on stderr and an
exit code here, in one place; docs/cli.md has the table.
"""

from __future__ import annotations

import importlib
import io
import sys
from typing import Any

import click

import edge_voice
from edge_voice.cli.failures import report

# name → where the command is, and its help line (so that --help imports none of them)
COMMANDS = {
    "transcribe": ("edge_voice.cli.transcribe:command", "Turn speech into text or subtitles."),
    "listen": ("edge_voice.cli.listen:command", "Write down speech while it is spoken."),
    "speak": ("edge_voice.cli.speak:command", "Turn text into speech."),
    "voices": ("edge_voice.cli.voices:command", "List the voices of a model."),
    "models": ("edge_voice.cli.models:command", "List the known models and what is installed."),
    "pull": ("edge_voice.cli.pull:command", "Fetch a model and convert it."),
    "rm": ("edge_voice.cli.rm:command", "Remove a model from the store."),
    "verify": ("edge_voice.cli.verify:command", "Check the files of installed models."),
    "path": ("edge_voice.cli.path:command", "Print the folder of an installed model."),
    "export": ("edge_voice_export.cli:export", "Convert a checkpoint into a bundle."),
    "doctor": ("edge_voice.cli.doctor:command", "Say what this machine can run."),
}


class LazyGroup(click.Group):
    """Knows its commands by name; imports one when it is called, and reports what it raises."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports a command; None if there is no such name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; an error becomes a line on stderr and an exit code."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # a full disk or a closed pipe may show only here
            return result
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except (Exception, KeyboardInterrupt) as error:
            ctx.exit(report(error, debug=ctx.params["debug"]))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(edge_voice.__version__, message="edge-voice %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Open-weight speech models on any CPU, without PyTorch."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Transcripts hold any script, whatever the locale; names of files may hold any bytes.
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
