"""`edge-voice speak`: text in, speech out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_voice.cli import terminal
from edge_voice.cli.shared_options import model_option, precision_option, threads_option
from edge_voice.default_models import default_model
from edge_voice.errors import OptionError, StoreError

if TYPE_CHECKING:
    from edge_voice.audio_writer import AudioWriter
    from edge_voice.synthesizer import AudioChunk, SpeakOptions, Synthesizer

STANDARD = "-"
MOST_TEXT_BYTES = 64 << 20
_FORMATS = ("wav", "flac", "ogg", "mp3", "pcm")  # audio_writer.FORMATS, without numpy
_SOLVERS = ("euler", "ab2")  # those of voxtral_tts.settings, likewise


@click.command()
@click.argument("text", required=False)
@click.option("--file", "text_file", metavar="FILE", help="Speak a text file; - is standard input.")
@model_option("speak")
@precision_option
@click.option("--voice", metavar="NAME", help="See edge-voice voices. [default: the first]")
@click.option("--language", metavar="CODE", help="Language of the text. [default: the voice's]")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where the speech goes; - is standard output. [default: standard output, if a pipe]",
)
@click.option(
    "--format",
    "audio_format",
    type=click.Choice(_FORMATS),
    help="pcm is 16-bit samples alone. [default: by the file's suffix, else wav]",
)
@click.option("--speed", type=float, help="2 is twice as fast. [default: 1]")
@click.option("--lexicon", metavar="FILE", help="Words and how to say them, one on each line.")
@click.option("--seed", type=click.IntRange(min=0), help="Where a model draws random numbers.")
@click.option("--steps", type=click.IntRange(min=1), help="Fewer are faster, where there are any.")
@click.option("--solver", type=click.Choice(_SOLVERS), help="How to take them. [default: euler]")
@click.option("--guidance", type=float, help="How closely to follow the text, where it is known.")
@click.option("--noise-scale", type=float, help="How much a VITS voice varies its sound.")
@click.option("--noise-scale-duration", type=float, help="How much it varies its rhythm.")
@click.option("--max-seconds", type=click.FloatRange(min=0, min_open=True), help="Stop there.")
@threads_option
def command(
    text: str | None,
    text_file: str | None,
    model: str | None,
    precision: str | None,
    output: str | None,
    audio_format: str | None,
    threads: int | None,
    **options: str | float | int | None,
) -> None:
    """Turn text into speech.

    TEXT is spoken, or what --file names; - is standard input. Speech goes to the file of -o as it
    is made, and takes its name when it is complete.
    """
    from edge_voice.audio_writer import STREAMED, format_of

    target = _target(output)
    chosen = format_of(Path(target or ""), audio_format)
    if target is None and chosen not in STREAMED:
        raise OptionError(
            f"{chosen} needs a file: -o FILE (allowed without: {', '.join(STREAMED)})"
        )
    words = read_text(text, text_file)
    given: SpeakOptions = {k: v for k, v in options.items() if v is not None}  # type: ignore[assignment]
    with terminal.library_messages():
        synthesizer = open_model(model or default_model("speak"), precision, threads)
        chunks = synthesizer.synthesize(words, **given)
        _speak(chunks, len(words), target, chosen, synthesizer.sample_rate)


def open_model(name: str, precision: str | None, threads: int | None) -> Synthesizer:
    """Loads a voice model; one that is known but not installed is fetched, with progress."""
    from edge_voice import loader
    from edge_voice.cli._bar import ProgressLine

    with ProgressLine() as progress:
        return loader.load(
            name, task="speak", precision=precision, threads=threads, progress=progress
        )


def read_text(text: str | None, text_file: str | None) -> str:
    """The text of the arguments, a file or standard input.

    Raises:
        OptionError: None or two of them, no such file, or more than 64 MB.
    """
    if (text is None) == (text_file is None):
        found = "no text" if text is None else "a text and a file"
        raise OptionError(f"{found} (allowed: one of TEXT, --file FILE, - for standard input)")
    if text is not None and text != STANDARD:
        return text
    try:
        if (text_file or STANDARD) == STANDARD:
            raw = sys.stdin.buffer.read(MOST_TEXT_BYTES + 1)
        else:
            with Path(text_file or "").open("rb") as file:
                raw = file.read(MOST_TEXT_BYTES + 1)
    except OSError as error:
        raise OptionError(f"{text_file}: cannot be read: {error.strerror}") from None
    if len(raw) > MOST_TEXT_BYTES:
        raise OptionError(f"more than {MOST_TEXT_BYTES >> 20} MB of text, the most that is read")
    if b"\0" in raw[:1000]:
        raise OptionError(f"{text_file or 'standard input'}: not a text file (allowed: UTF-8 text)")
    return raw.decode("utf-8-sig", errors="replace")


def _target(output: str | None) -> str | None:
    """Path of the output; None for standard output, which must not be a terminal."""
    if output is not None and output != STANDARD:
        if Path(output).is_dir():
            raise OptionError(f"{output} is a folder (allowed: a file, -o {output}/speech.wav)")
        return output
    if sys.stdout.isatty():
        raise OptionError("no sound on a terminal: -o FILE, or a pipe to a player")
    return None


def _speak(
    chunks: Iterator[AudioChunk],
    characters: int,
    target: str | None,
    audio_format: str,
    sample_rate: int,
) -> None:
    # Nothing is opened before there is speech: an option that the model refuses leaves no trace.
    progress = terminal.AudioProgress(Path(target or "standard output").name, None)
    try:
        first = next(chunks, None)
        if first is None:
            raise OptionError("nothing in the text can be spoken")
        with _opened(target, audio_format, sample_rate) as writer:
            writer.write(first.waveform)
            text, said = first.text, 0
            for chunk in chunks:
                if chunk.text is not text:
                    text, said = chunk.text, said + len(text)
                # Words are written out, so that this is about the share of the text.
                progress.update(writer.seconds, said / characters)
                writer.write(chunk.waveform)
    finally:
        progress.erase()
    if sys.stderr.isatty():
        factor = progress.elapsed_seconds / max(writer.seconds, 1e-9)
        where = target or "standard output"
        terminal.say(f"{where}: {writer.seconds:.1f} s, real-time factor {factor:.3f}")


def _opened(
    target: str | None, audio_format: str, sample_rate: int
) -> AbstractContextManager[AudioWriter]:
    from edge_voice import audio_writer

    if target is None:
        return audio_writer.open_stream(sys.stdout.buffer, audio_format, sample_rate)
    if Path(target).exists() and not Path(target).is_file():
        raise StoreError(f"{target}: not a file that can be replaced")
    return audio_writer.open_file(Path(target), audio_format, sample_rate)
