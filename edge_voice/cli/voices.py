"""`edge-voice voices`: who a model can speak as, and voices prepared ahead of the text."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from edge_voice.cli import speak, terminal
from edge_voice.cli.shared_options import json_option, precision_option, threads_option
from edge_voice.errors import ModelNotFound, OptionError
from edge_voice.hub.store import megabytes

if TYPE_CHECKING:
    from edge_voice.synthesizer import PreparesVoices, Synthesizer, VoiceList


class _ListsByDefault(click.Group):
    """What is not the name of a command is a model, whose voices are to be listed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the default command in front."""
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ListsByDefault)
def command() -> None:
    """List the voices of a model, or prepare them.

    `edge-voice voices MODEL` is short for `edge-voice voices list MODEL`.
    """


@command.command("list")
@click.argument("model")
@precision_option
@json_option
def list_(model: str, precision: str | None, as_json: bool) -> None:
    """List the voices of MODEL, the default one first."""
    with terminal.library_messages():
        listed = _listed(model, precision)
    prepared = _prepared_bytes(model, precision)
    if as_json:
        record = {**asdict(listed), "prepared_bytes": prepared}
        click.echo(json.dumps({k: v for k, v in record.items() if k != "facts" or v}, indent=1))
        return
    for name in dict.fromkeys((*listed.voices, *prepared)):
        facts = [f"{fact:7}" for fact in listed.facts.get(name, {}).values()]
        size = [f"(prepared, {megabytes(prepared[name])})"] if name in prepared else []
        click.echo("  ".join([f"{name:14}" if facts else name, *facts, *size]).rstrip())


def _listed(model: str, precision: str | None) -> VoiceList:
    """From the manifest where the model can tell so much without being opened."""
    from edge_voice import loader
    from edge_voice.synthesizer import VoiceList

    folder = loader.installed_folder(model, precision)
    if folder and (listed := loader.listed_voices(folder)):
        return listed
    opened = speak.open_model(model, precision, None)
    return VoiceList(opened.voices, opened.languages, opened.sample_rate)


@command.command("prepare")
@click.argument("model")
@precision_option
@click.option("--voice", "chosen", metavar="NAME", multiple=True, help="[default: all voices]")
@click.option("--remove", is_flag=True, help="Delete what was prepared instead.")
@threads_option
def prepare(
    model: str, precision: str | None, chosen: tuple[str, ...], remove: bool, threads: int | None
) -> None:
    """Work out the voices of MODEL ahead of any text, so that speech starts earlier.

    The result is stored in the bundle. It can be interrupted: voices that are done stay.
    """
    if remove:
        _remove(model, precision, chosen)
        return
    with terminal.library_messages():
        _repair(model, precision)
        synthesizer = speak.open_model(model, precision, threads)
        preparing = _checked(model, synthesizer)
        voices = chosen or synthesizer.voices
        sizes = [
            _prepare_one(preparing, voice, f"preparing {voice} ({number} of {len(voices)})")
            for number, voice in enumerate(voices, 1)
        ]
    terminal.say(f"prepared: {len(sizes)}, {megabytes(sum(sizes))} in all")


def _prepare_one(synthesizer: PreparesVoices, voice: str, label: str) -> int:
    from edge_voice.cli._bar import ProgressLine

    with ProgressLine() as progress:
        progress(0, None, label)
        size = synthesizer.prepare_voice(voice)
    click.echo(f"{voice}  {megabytes(size)}")
    return size


def _checked(model: str, synthesizer: Synthesizer) -> PreparesVoices:
    from edge_voice.synthesizer import PreparesVoices

    if not isinstance(synthesizer, PreparesVoices):
        raise OptionError(f"{model} has nothing to prepare: its speech starts at once")
    return synthesizer


def _prepared_bytes(model: str, precision: str | None) -> dict[str, int]:
    from edge_voice import loader, prepared
    from edge_voice.manifest import Manifest

    folder = loader.installed_folder(model, precision)
    return prepared.sizes(Manifest.load(folder)) if folder else {}


def _repair(model: str, precision: str | None) -> None:
    """A bundle with a damaged file cannot be opened; this one can simply be made again."""
    from edge_voice import loader, prepared

    folder = loader.installed_folder(model, precision)
    for voice in prepared.remove_damaged(folder) if folder else ():
        terminal.say(f"what was prepared of {voice} is damaged: removed")


def _remove(model: str, precision: str | None, chosen: tuple[str, ...]) -> None:
    from edge_voice import loader, prepared

    folder = loader.installed_folder(model, precision)
    if folder is None:
        raise ModelNotFound(f"{model} is not in the store: nothing to remove")
    there = _prepared_bytes(model, precision)
    if missing := [voice for voice in chosen if prepared.label(voice) not in there]:
        known = ", ".join(there) or "none"
        raise OptionError(f"voice {missing[0]!r} is not prepared (prepared: {known})")
    gone = prepared.remove(folder, chosen)
    terminal.say(f"removed {', '.join(gone) or 'nothing'} ({megabytes(sum(gone.values()))})")
