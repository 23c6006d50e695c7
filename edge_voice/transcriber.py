"""What every speech-to-text model offers, whatever is inside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, TypeVar, Unpack

from edge_voice.errors import OptionError
from edge_voice.results import Segment, Transcript

if TYPE_CHECKING:
    from edge_voice.audio import AudioInput


Block = TypeVar("Block", bound=Sized)
_UNSPACED_LANGUAGES = ("ja", "zh", "yue")

_AUTO = "auto"
_OF_SOME_MODELS = ("language_model", "word_list")
TIMESTAMPS = ("segment", "word", "none")
"""What `timestamps` may be."""


class TranscribeOptions(TypedDict, total=False):
    """Keyword options of `Transcriber.transcribe` and `Transcriber.stream`."""

    sample_rate: int
    """Samples per second of `audio` when it is an array; files know their own."""
    language: str | None
    """ISO 639 code; None or `auto` detects it where the model can, or a model in the store."""
    punctuation: bool
    """Whether to write punctuation and capitals; True by default. Whisper always does."""
    task: str
    """`transcribe`, or `translate` (into English) where the model can."""
    timestamps: str
    """`segment`, `word` for the time of each word too, or `none` for text alone (a little faster).
    """
    vad: bool
    """Cut the audio at silence and skip what is not speech; True by default."""
    initial_prompt: str
    """Text that the model is told came before: names, spelling, style."""
    condition_on_previous_text: bool
    """Tell the model what it just wrote; steadier names, more loops. False by default."""
    temperatures: tuple[float, ...]
    """Sampling temperatures to try in order while a window's result looks wrong."""
    draft: bool
    """Take the first result as it comes, without second tries of what looks wrong; False by
    default."""
    beam_size: int
    """Hypotheses followed side by side, 1 to 8; 1, the default, is greedy and fastest."""
    length_penalty: float | None
    """Alpha in 0..2 by which beams of different length are compared (GNMT); None, the default,
    compares their mean log-probability."""
    hotwords: Sequence[str]
    """Phrases to favour: names, terms. Each may carry a boost of its own behind a tab."""
    hotword_boost: float
    """What is added to the logits of hotwords, 0 to 20; 2 by default."""
    language_model: str | PathLike[str]
    """Words that follow one another, as a file in ARPA format; CTC models only."""
    word_list: str | PathLike[str]
    """The only words there are, as a file with one a line; CTC models only."""


class SegmentStream:
    """Segments as they are decided, and what is known about the whole so far.

    Attributes:
        language: ISO 639 code, None until the first window of speech has been decoded.
        language_probability: Probability in 0..1 of a detected language, 1.0 for a given one.
        position: Seconds of audio that are done with.
        duration: Seconds of audio read so far; the whole length once the stream has ended.
    """

    def __init__(self) -> None:
        self.language: str | None = None
        self.language_probability = 0.0
        self.position = 0.0
        self.duration = 0.0
        self._segments: Iterator[Segment] = iter(())

    def attach(self, segments: Iterator[Segment]) -> SegmentStream:
        """Sets the generator that fills this stream; returns the stream."""
        self._segments = segments
        return self

    def counted(self, blocks: Iterable[Block], sample_rate: int) -> Iterator[Block]:
        """Passes (n,) blocks of audio on and keeps `duration` up to date."""
        samples = 0
        for block in blocks:
            samples += len(block)
            self.duration = samples / sample_rate
            yield block

    def __iter__(self) -> Iterator[Segment]:
        return self._segments

    def join(self) -> Transcript:
        """Runs to the end and returns the whole."""
        segments = tuple(self._segments)
        text = join_texts((segment.text for segment in segments), self.language)
        return Transcript(text, self.language, self.duration, segments)


class Transcriber(Protocol):
    """A loaded speech-to-text model."""

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639 codes that `language` accepts."""

    def stream(self, audio: AudioInput, **options: Unpack[TranscribeOptions]) -> SegmentStream:
        """Yields segments as soon as they are decided."""

    def transcribe(self, audio: AudioInput, **options: Unpack[TranscribeOptions]) -> Transcript:
        """Returns the whole transcript: `stream(...).join()`."""


def wanted_language(options: TranscribeOptions) -> str | None:
    """The language that a call names; None where it is to be detected."""
    language = options.get("language")
    return None if language == _AUTO else language


def check_keys(options: Any, own: Sequence[str] = ()) -> None:
    """Refuses keyword options that no transcriber knows, and those that only others know.

    Args:
        options: Those of the call.
        own: Which of `language_model` and `word_list` the model knows.

    Raises:
        TypeError: As Python does for an unknown keyword.
        OptionError: The model has no such option.
    """
    unknown = sorted(set(options) - set(TranscribeOptions.__annotations__))
    if unknown:
        raise TypeError(f"unexpected option {unknown[0]!r}")
    for name in _OF_SOME_MODELS:
        if options.get(name) and name not in own:
            raise OptionError(f"this model has no {name} (leave it out)")


def check_choice(option: str, value: str | None, allowed: Sequence[str | None]) -> None:
    """Refuses a value that is not allowed.

    Raises:
        OptionError: Lists what is.
    """
    if value not in allowed:
        known = ", ".join(sorted(item for item in allowed if item))
        raise OptionError(f"unknown {option} {value!r} (known: {known})")


def check_common(
    options: TranscribeOptions,
    languages: Sequence[str],
    tasks: Sequence[str] = ("transcribe",),
) -> None:
    """Refuses unknown keywords, and a language, a task or timestamps that a model does not know.

    Args:
        options: Those of the call.
        languages: ISO 639 codes that the model knows.
        tasks: What it can do.

    Raises:
        OptionError: A value is not one of those allowed.
        TypeError: No such option.
    """
    check_keys(options)
    check_choice("language", wanted_language(options), (None, *languages))
    check_choice("task", options.get("task", "transcribe"), tasks)
    check_choice("timestamps", options.get("timestamps", "segment"), TIMESTAMPS)


def refuse_context_and_sampling(options: TranscribeOptions, model: str) -> None:
    """Refuses, for models that cannot, to be told what came before, and to sample.

    Args:
        options: Those of the call.
        model: What a message begins with.

    Raises:
        OptionError: That was asked for.
    """
    if options.get("initial_prompt", "").strip():
        raise OptionError(f"{model} takes no initial prompt (hotwords favour names and terms)")
    if options.get("condition_on_previous_text"):
        raise OptionError(f"{model} hears each piece of a recording on its own")
    if any(temperature != 0 for temperature in options.get("temperatures", ())):
        raise OptionError(f"{model} does not sample (allowed temperatures: 0)")


def join_texts(texts: Iterable[str], language: str | None) -> str:
    """One text out of the chunks', without those that are blank.

    Args:
        texts: As decoded; the first keeps the blank that it may begin with.
        language: ISO 639 code; Chinese and Japanese have no blanks between words.
    """
    heard = [text for text in texts if text.strip()]
    rest = (text.strip() for text in heard[1:])
    separator = "" if language in _UNSPACED_LANGUAGES else " "
    return separator.join([*(text.rstrip() for text in heard[:1]), *rest])
