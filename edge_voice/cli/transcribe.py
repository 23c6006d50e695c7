"""`edge-voice transcribe`: recordings in, text and subtitles out."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_voice import subtitles
from edge_voice.cli import outputs, terminal
from edge_voice.cli.inputs import Source, expand
from edge_voice.cli.shared_options import (
    model_option,
    precision_option,
    prompt_option,
    spoken_language_option,
    threads_option,
)
from edge_voice.default_models import default_model
from edge_voice.errors import AudioError, OptionError
from edge_voice.transcriber import wanted_language

if TYPE_CHECKING:
    from edge_voice.results import Segment, Transcript
    from edge_voice.transcriber import SegmentStream, TranscribeOptions, Transcriber


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILES...")
@model_option("transcribe")
@precision_option
@spoken_language_option
@click.option(
    "--task",
    type=click.Choice(["transcribe", "translate"]),
    default="transcribe",
    show_default=True,
    help="Write down what is said, or translate it into English.",
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="FORMAT",
    help="txt, json, srt, vtt or tsv; several with commas or by repeating. [default: txt]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write DIR/NAME.FORMAT for each file. [default: text to standard output]",
)
@threads_option
@click.option(
    "--no-punctuation", is_flag=True, help="Write neither punctuation nor capitals, if it can."
)
@click.option("--no-vad", is_flag=True, help="Do not look for speech first; decode everything.")
@click.option(
    "--word-timestamps",
    is_flag=True,
    help="Time each word: in json, as one cue a word in srt, inside the cues in vtt.",
)
@prompt_option
@click.option(
    "--beam-size",
    type=click.IntRange(1, 8),
    metavar="N",
    help="Hypotheses followed side by side, 1 to 8: more find better text in more time."
    " [default: 1]",
)
@click.option(
    "--hotwords",
    metavar="FILE",
    help="Favour the phrases in FILE: one a line, with a boost of its own behind a tab if wanted.",
)
@click.option(
    "--hotword-boost", type=float, metavar="X", help="How much, from 0 to 20. [default: 2]"
)
@click.option("--language-model", metavar="FILE", help="N-grams in ARPA format, for CTC models.")
@click.option("--word-list", metavar="FILE", help="The only words there are, for CTC models.")
def command(
    files: tuple[str, ...],
    model: str | None,
    precision: str | None,
    language: str | None,
    task: str,
    formats: tuple[str, ...],
    output: Path | None,
    threads: int | None,
    no_punctuation: bool,
    no_vad: bool,
    word_timestamps: bool,
    prompt: str | None,
    beam_size: int | None,
    hotwords: str | None,
    hotword_boost: float | None,
    language_model: str | None,
    word_list: str | None,
) -> None:
    """Turn speech into text or subtitles.

    FILES are recordings (wav, flac, ogg, opus, mp3, aiff), folders of them, patterns, or - for
    standard input. Text goes to standard output as it is decided, messages to standard error.
    """
    options: TranscribeOptions = {"language": language, "task": task, "vad": not no_vad}
    if no_punctuation:
        options["punctuation"] = False
    if word_timestamps:
        options["timestamps"] = "word"
    if prompt is not None:
        options["initial_prompt"] = prompt
    options |= _decoding(beam_size, hotwords, hotword_boost)
    if language_model is not None:
        options["language_model"] = language_model
    if word_list is not None:
        options["word_list"] = word_list
    sources = expand(files)
    writer = _writer(sources, split_formats(formats), output)
    load = functools.cache(
        lambda: open_model(model or default_model("transcribe"), precision, threads)
    )
    exit_code = 0
    with terminal.library_messages():
        for source in sources:
            try:
                _transcribe(source, load, options, writer)
            except AudioError as error:  # its own fault: the others may be good
                terminal.error(error)
                exit_code = exit_code or error.exit_code
    if exit_code:
        click.get_current_context().exit(exit_code)


def _decoding(
    beam_size: int | None, hotwords: str | None, hotword_boost: float | None
) -> TranscribeOptions:
    """The options of decoding that were given; reads the file of hotwords.

    Raises:
        OptionError: The file or the boost cannot be used.
    """
    options: TranscribeOptions = {}
    if beam_size is not None:
        options["beam_size"] = beam_size
    if hotwords is None:
        if hotword_boost is not None:
            raise OptionError("--hotword-boost needs --hotwords FILE")
        return options
    from edge_voice.hotwords import check_boost, read_phrases

    options["hotwords"] = read_phrases(hotwords)
    if hotword_boost is not None:
        options["hotword_boost"] = check_boost(hotword_boost, "--hotword-boost")
    return options


def split_formats(values: tuple[str, ...]) -> tuple[str, ...]:
    """The formats named by `--format a,b --format c`, each once; txt if there are none.

    Raises:
        OptionError: Lists the known formats.
    """
    names = [name.strip().lower() for value in values for name in value.split(",")]
    return tuple(dict.fromkeys(map(subtitles.check_format, names))) or ("txt",)


def open_model(name: str, precision: str | None, threads: int | None) -> Transcriber:
    """Loads a model; one that is known but not installed is fetched first, with progress."""
    from edge_voice import loader
    from edge_voice.cli._bar import ProgressLine

    with ProgressLine() as progress:
        return loader.load(
            name, task="transcribe", precision=precision, threads=threads, progress=progress
        )


@dataclass(frozen=True, slots=True)
class _Writer:
    """Where results go: `targets` of each recording, or standard output if there are none."""

    targets: dict[Source, dict[str, Path]] | None
    stdout_format: str
    announce: bool

    @property
    def is_live(self) -> bool:
        """Whether text is printed as it is decided."""
        return self.targets is None and self.stdout_format == "txt"

    def finish(self, source: Source, transcript: Transcript) -> None:
        if self.targets is not None:
            for name, path in self.targets[source].items():
                with outputs.replacing(path) as stream:
                    subtitles.write(name, transcript, stream)
        elif not self.is_live:
            subtitles.write(self.stdout_format, transcript, sys.stdout)


def _writer(sources: list[Source], formats: tuple[str, ...], output: Path | None) -> _Writer:
    """Decides where everything goes before any work begins."""
    if output is not None:
        targets = outputs.plan(sources, formats, output)
        outputs.make_folder(output)
        return _Writer(targets, "", announce=False)
    if len(formats) > 1:
        raise OptionError(f"{len(formats)} formats ({', '.join(formats)}) need a folder: -o DIR")
    if formats != ("txt",) and len(sources) > 1:
        raise OptionError(f"{len(sources)} files as {formats[0]} need a folder: -o DIR")
    return _Writer(None, formats[0], announce=len(sources) > 1)


def _transcribe(
    source: Source, load: Callable[[], Transcriber], options: TranscribeOptions, writer: _Writer
) -> None:
    if source.failure:
        raise source.failure
    name = "standard input" if source.is_stdin else source.path
    seconds = _header_seconds(source)  # before a model is fetched for a file that is no audio
    transcriber = load()
    if writer.announce:
        terminal.say(name)
    progress = terminal.AudioProgress(name, seconds)
    audio = sys.stdin.buffer if source.is_stdin else source.path
    stream = transcriber.stream(audio, **options)
    try:
        watched = _watched(iter(stream), stream, progress, live=writer.is_live)
        transcript = stream.attach(watched).join()
    finally:
        progress.erase()
    writer.finish(source, transcript)
    _tell(name, transcript, stream, is_detected=_detects(transcriber, options))


def _header_seconds(source: Source) -> float | None:
    if not os.path.isfile(source.path):  # a pipe can be read only once
        return None
    from edge_voice import audio

    with audio.open_stream(source.path) as stream:
        return stream.seconds


def _watched(
    segments: Iterator[Segment],
    stream: SegmentStream,
    progress: terminal.AudioProgress,
    *,
    live: bool,
) -> Iterator[Segment]:
    """Passes segments on; draws the progress line, and prints the text if `live`."""
    for segment in segments:
        if live:
            progress.erase()
            sys.stdout.write(subtitles.line(segment))
            sys.stdout.flush()
        progress.update(stream.position)
        yield segment


def _detects(transcriber: Transcriber, options: TranscribeOptions) -> bool:
    return wanted_language(options) is None and len(transcriber.languages) > 1


def _tell(name: str, transcript: Transcript, stream: SegmentStream, *, is_detected: bool) -> None:
    if is_detected and transcript.language:
        percent = f"{stream.language_probability:.0%}"
        terminal.say(f"{name}: detected language: {transcript.language} ({percent})")
    if not transcript.text:
        terminal.say(f"{name}: no speech found")
