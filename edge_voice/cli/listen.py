"""`edge-voice listen`: speech from a recorder's pipe in, text out while it is spoken."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import click

from edge_voice import subtitles
from edge_voice.cli import terminal
from edge_voice.cli.shared_options import (
    model_option,
    precision_option,
    prompt_option,
    spoken_language_option,
    threads_option,
)
from edge_voice.cli.transcribe import open_model
from edge_voice.default_models import default_model
from edge_voice.errors import OptionError

if TYPE_CHECKING:
    from edge_voice.results import Phrase
    from edge_voice.transcriber import TranscribeOptions

Item = TypeVar("Item")

_NAME = "standard input"


@click.command()
@model_option("transcribe")
@precision_option
@spoken_language_option
@prompt_option
@click.option("--hotwords", metavar="FILE", help="Favour the phrases in FILE, one a line.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["txt", "json"]),
    default="txt",
    show_default=True,
    help="A line a phrase, or a JSON object a line for phrases that still grow too.",
)
@click.option(
    "--rate",
    type=click.IntRange(2_000, 768_000),
    default=16_000,
    show_default=True,
    metavar="HZ",
    help="Samples per second of raw input.",
)
@click.option(
    "--channels",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Channels of raw input.",
)
@click.option(
    "--silence",
    type=click.FloatRange(0.1, 5),
    default=0.5,
    show_default=True,
    metavar="SECONDS",
    help="A pause this long ends a phrase.",
)
@threads_option
def command(
    model: str | None,
    precision: str | None,
    language: str | None,
    prompt: str | None,
    hotwords: str | None,
    output_format: str,
    rate: int,
    channels: int,
    silence: float,
    threads: int | None,
) -> None:
    """Write down speech while it is spoken.

    Standard input is the pipe of a recorder: raw 16-bit little-endian samples, or wav. A phrase is
    printed at the pause behind it; on a terminal, what is being said stands in a line below.

    \b
    arecord -q -f S16_LE -r 16000 -t raw | edge-voice listen
    """  # noqa: D301
    if sys.stdin.isatty():
        raise OptionError("standard input is a terminal (allowed: the pipe of a recorder)")
    from edge_voice.live import listen
    from edge_voice.pcm import PcmFormat, open_pcm

    options = _options(language, prompt, hotwords)
    screen = _Screen(as_json=output_format == "json")
    with terminal.library_messages():
        transcriber = open_model(model or default_model("transcribe"), precision, threads)
        found, chunks = open_pcm(sys.stdin.buffer, PcmFormat(rate, channels), _NAME)
        options["sample_rate"] = found.sample_rate
        phrases = listen(
            transcriber,
            _until_interrupted(chunks),
            partials=screen.shows_partials,
            silence_seconds=silence,
            **options,
        )
        try:
            for phrase in phrases:
                screen.show(phrase)
        finally:
            screen.erase()


def _options(language: str | None, prompt: str | None, hotwords: str | None) -> TranscribeOptions:
    options: TranscribeOptions = {"language": language}
    if prompt is not None:
        options["initial_prompt"] = prompt
    if hotwords is not None:
        from edge_voice.hotwords import read_phrases

        options["hotwords"] = read_phrases(hotwords)
    return options


class _Screen:
    """Phrases on standard output; those that still grow in one line of the terminal."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._has_line = sys.stderr.isatty() and not as_json
        self.shows_partials = as_json or self._has_line

    def show(self, phrase: Phrase) -> None:
        if self._as_json:
            fields = {**dataclasses.asdict(phrase), "text": phrase.text}
            _write(json.dumps(fields, ensure_ascii=False) + "\n")
        elif not phrase.is_final:
            self._draw(phrase.text)
        elif phrase.text:
            self.erase()
            _write(subtitles.line(phrase))

    def erase(self) -> None:
        if self._has_line:
            terminal.redraw("")

    def _draw(self, text: str) -> None:
        """Shows the end of a text that is wider than the terminal."""
        from edge_voice.wrapping import columns

        text, width = terminal.one_line(text), shutil.get_terminal_size().columns - 1
        while columns(text) > width:
            text = text[1:]
        terminal.redraw(text)


def _write(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def _until_interrupted(items: Iterable[Item]) -> Iterator[Item]:
    """Passes items on until Ctrl-C, which is how recordings end; a second one is the usual one."""
    interrupted = False

    def stop(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        for item in items:
            if interrupted:
                break
            yield item
    finally:
        signal.signal(signal.SIGINT, before)
