"""Speech that is still being spoken: its text while it grows, and when each phrase is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from edge_voice.agreement import Agreement
from edge_voice.audio import arriving
from edge_voice.errors import OptionError
from edge_voice.results import Phrase, Transcript
from edge_voice.vad import (
    ROW_SAMPLES,
    SAMPLE_RATE,
    ChunkRules,
    SpeechChunk,
    SpeechCutter,
    VoiceActivity,
    repack,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_voice.transcriber import TranscribeOptions, Transcriber

    Waveform = NDArray[np.float32]
    Hear = Callable[[Waveform, str | None, bool], Transcript]
    """Waveform of a phrase, its language if it is known, whether a draft will do."""

# The detector hears two rows at once: the end of a phrase is noticed at most 64 ms late. The
# size is the same whatever the caller's chunks are, so that phrases do not depend on them.
_PIECE_SAMPLES = 2 * ROW_SAMPLES
_PAD_SECONDS = 0.25
# Of the time that audio takes, at most so much is spent on looking at phrases before their end.
_MOST_COMPUTE = 0.5
_OWN_OPTIONS = ("draft", "timestamps", "vad")


def listen(
    transcriber: Transcriber,
    chunks: Iterable[NDArray[Any]],
    *,
    partials: bool = True,
    silence_seconds: float = 0.5,
    max_phrase_seconds: float = 15.0,
    interval_seconds: float = 0.5,
    **options: Unpack[TranscribeOptions],
) -> Iterator[Phrase]:
    """Transcribes audio as it arrives, in bounded memory, however long it goes on.

    All work is done while the caller waits for the next phrase; the next chunk is asked for when
    nothing is left to do with those before.

    Args:
        transcriber: Any loaded speech-to-text model.
        chunks: Arrays of samples as they are recorded: (n,) or (n, channels), any n, full scale
            1.0 for floats.
        partials: Whether phrases are wanted before they are over. Looks that cost more than half
            of the time that audio takes are left out; ends of phrases never are.
        silence_seconds: A pause this long ends a phrase; 0.1 to 5.
        max_phrase_seconds: A phrase without a pause is cut at its best place before it gets
            longer; 2 to 30.
        interval_seconds: Audio between two looks at a phrase; 0.1 to 10.
        **options: As for `Transcriber.transcribe`, without `draft`, `timestamps` and `vad`;
            `sample_rate` is that of the chunks. A language that is not given is detected, and kept
            from the end of the first phrase on.

    Returns:
        Phrases in order of time. The last one of each `index` is final; those before it have words
        that are stable, see `Phrase`. Without speech there are none.

    Raises:
        AudioError: A sample rate out of range; while iterating: chunks that cannot be used.
        OptionError: An option's value is not allowed.
    """
    for name, value, low, high in (
        ("silence_seconds", silence_seconds, 0.1, 5.0),
        ("max_phrase_seconds", max_phrase_seconds, 2.0, 30.0),
        ("interval_seconds", interval_seconds, 0.1, 10.0),
    ):
        if not low <= value <= high:
            raise OptionError(f"{name} is {value} (allowed: {low:g} to {high:g})")
    rules = ChunkRules(
        pad_seconds=min(_PAD_SECONDS, silence_seconds / 2),
        max_pause_seconds=silence_seconds,
        target_chunk_seconds=max_phrase_seconds,
        max_chunk_seconds=max_phrase_seconds,
    )
    blocks = arriving(chunks, source_rate=options.pop("sample_rate", SAMPLE_RATE))
    live = Live(
        hearing(transcriber, options),
        SpeechCutter(VoiceActivity(), rules),
        interval_seconds=interval_seconds if partials else None,
    )
    return live.phrases(blocks)


def hearing(transcriber: Transcriber, options: TranscribeOptions) -> Hear:
    """How a transcriber hears phrases.

    Raises:
        OptionError: An option that phrases do not have, or a value that is not allowed.
    """
    if own := sorted(set(options).intersection(_OWN_OPTIONS)):
        raise OptionError(f"{own[0]} cannot be chosen for audio that arrives piece by piece")
    given: TranscribeOptions = {**options, "vad": False, "timestamps": "none"}
    wanted = given.get("language")
    # Models check options when they are called, and hear nothing before they are iterated.
    transcriber.stream(np.zeros(ROW_SAMPLES, np.float32), **given)

    def hear(waveform: Waveform, language: str | None, draft: bool) -> Transcript:
        known: TranscribeOptions = {"language": language or wanted, "draft": draft}
        return transcriber.transcribe(waveform, **(given | known))

    return hear


class Live:
    """Follows one stream.

    The end of a phrase costs no time of its own where that can be avoided: the audio of a phrase
    is complete when the padding behind its last word has been heard, and the rest of the pause is
    long enough to transcribe it. If the speaker goes on, that was one look at the phrase.
    """

    def __init__(
        self,
        hear: Hear,
        cutter: SpeechCutter,
        *,
        interval_seconds: float | None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Begins at the start of a stream.

        Args:
            hear: See `hearing`.
            cutter: Finds the phrases.
            interval_seconds: Audio between two looks at a phrase; None for ends of phrases only.
            clock: Seconds, to know what a look costs.
        """
        self._hear = hear
        self._cutter = cutter
        self._interval = None if interval_seconds is None else interval_seconds * SAMPLE_RATE
        self._clock = clock
        self._agreement = Agreement()
        self._language: str | None = None
        self._index = 0
        self._shown: Phrase | None = None
        # Samples of the stream that had been heard at the last look.
        self._looked = 0
        # Start, length and text of the last audio that was not just drafted.
        self._known: tuple[int, int, Transcript] | None = None
        # No look is due before so many samples have been heard.
        self._free = 0.0

    def phrases(self, blocks: Iterable[Waveform]) -> Iterator[Phrase]:
        """Phrases of a stream of (n,) blocks at 16 kHz, as soon as something is known of them."""
        for piece in repack(blocks, _PIECE_SAMPLES):
            yield from self._over(self._cutter.push(piece))
            if self._interval is not None:
                yield from self._growing(self._interval)
        yield from self._over(self._cutter.finish())

    def _over(self, chunks: list[SpeechChunk]) -> Iterator[Phrase]:
        for number, chunk in enumerate(chunks):
            found = self._transcribe(chunk, draft=False)
            if self._language is None and found.text:
                self._language = found.language
            following = chunks[number + 1] if number + 1 < len(chunks) else self._cutter.pending()
            text = self._agreement.finish(found.text, goes_on=self._goes_on(chunk, following))
            if text or self._shown:
                yield self._phrase(chunk, text, "", is_final=True)
                self._index += 1
                self._shown = None

    def _growing(self, interval: float) -> Iterator[Phrase]:
        chunk = self._cutter.pending()
        if chunk is None or not self._is_due(chunk, interval):
            return
        found = self._transcribe(chunk, draft=not self._is_padded(chunk))
        stable, tail = self._agreement.update(found.text)
        phrase = self._phrase(chunk, stable, tail, is_final=False)
        if phrase.text and (self._shown is None or _news(phrase) != _news(self._shown)):
            self._shown = phrase
            yield phrase

    def _is_due(self, chunk: SpeechChunk, interval: float) -> bool:
        heard, (begun, _), (_, ended) = self._cutter.heard, chunk.speech[0], chunk.speech[-1]
        if heard < self._free:
            return False
        if ended < heard:  # a pause: worth one look, when its padding has been heard
            return self._is_padded(chunk) and not self._is_known(chunk)
        return heard - max(begun, self._looked) >= interval

    def _is_padded(self, chunk: SpeechChunk) -> bool:
        return self._cutter.heard - chunk.speech[-1][1] >= self._cutter.pad

    def _is_known(self, chunk: SpeechChunk) -> bool:
        return self._known is not None and self._known[:2] == (chunk.start, len(chunk.waveform))

    def _transcribe(self, chunk: SpeechChunk, *, draft: bool) -> Transcript:
        if self._known is not None and self._is_known(chunk):
            return self._known[2]
        started = self._clock()
        found = self._hear(chunk.waveform, self._language, draft)
        seconds = self._clock() - started
        self._looked = self._cutter.heard
        self._free = max(self._free, self._looked) + seconds / _MOST_COMPUTE * SAMPLE_RATE
        if not draft:
            self._known = chunk.start, len(chunk.waveform), found
        return found

    def _goes_on(self, chunk: SpeechChunk, following: SpeechChunk | None) -> bool:
        return following is not None and self._cutter.is_one_breath(chunk, following)

    def _phrase(self, chunk: SpeechChunk, stable: str, tail: str, *, is_final: bool) -> Phrase:
        start, end = chunk.speech[0][0] / SAMPLE_RATE, chunk.speech[-1][1] / SAMPLE_RATE
        return Phrase(self._index, round(start, 3), round(end, 3), stable, tail, is_final)


def _news(phrase: Phrase) -> tuple[str, str]:
    return phrase.stable, phrase.tail
