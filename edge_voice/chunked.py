"""From chunks of speech to segments, for models that hear each chunk on its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge_voice.decoding_options import DecodingOptions
from edge_voice.listener import Heard, Listener
from edge_voice.pieces import PieceTokenizer
from edge_voice.results import Segment
from edge_voice.sentences import Sentence, is_several, split, whole
from edge_voice.transcriber import SegmentStream
from edge_voice.vad import SAMPLE_RATE, SpeechChunk
from edge_voice.words import Span


@dataclass(frozen=True, slots=True)
class ChunkReader:
    """How the chunks of one recording are read.

    Attributes:
        listener: Hears chunks.
        tokenizer: Knows what tokens spell.
        prompt: What stands before each transcript.
        decoding: How tokens are chosen.
        timestamps: `segment`, `word` or `none`.
        vad: Whether voice activity found the chunks.
        rows: Most rows of a step: chunks that are decoded side by side, or the beams of fewer.
    """

    listener: Listener
    tokenizer: PieceTokenizer
    prompt: Sequence[int]
    decoding: DecodingOptions
    timestamps: str
    vad: bool
    rows: int

    def segments(
        self, chunks: Iterable[SpeechChunk], stream: SegmentStream
    ) -> Iterator[Segment]:
        """What is said in the chunks; keeps the stream's position up to date."""
        for group in _grouped(chunks, max(1, self.rows // self.decoding.rows())):
            heard = self.listener.listen(
                [chunk.waveform for chunk in group],
                self.prompt,
                self.decoding,
                timed=self._wants_times,
            )
            for chunk, result in zip(group, heard, strict=True):
                yield from self._chunk(chunk, result)
                stream.position = (chunk.start + len(chunk.waveform)) / SAMPLE_RATE

    def _wants_times(self, tokens: Sequence[int]) -> bool:
        """A chunk of one sentence is as long as the chunk: its words need not be looked for."""
        if self.timestamps == "none":
            return False
        text = self.tokenizer.decode(tokens).strip()
        return bool(text) and (self.timestamps == "word" or is_several(text))

    def _chunk(self, chunk: SpeechChunk, heard: Heard) -> Iterator[Segment]:
        for sentence in self._sentences(chunk, heard):
            keep_words = self.timestamps == "word"
            yield _segment(sentence, chunk.start / SAMPLE_RATE, heard, keep_words=keep_words)

    def _sentences(self, chunk: SpeechChunk, heard: Heard) -> list[Sentence]:
        speech = _spans(chunk)
        if not heard.starts:
            return whole(heard, self.tokenizer, speech)
        return split(heard, self.tokenizer, speech, listened=self.vad)


def _grouped(chunks: Iterable[SpeechChunk], size: int) -> Iterator[list[SpeechChunk]]:
    group: list[SpeechChunk] = []
    for chunk in chunks:
        group.append(chunk)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _spans(chunk: SpeechChunk) -> list[Span]:
    """Where speech was heard, in seconds from the start of the chunk."""
    return [
        ((start - chunk.start) / SAMPLE_RATE, (stop - chunk.start) / SAMPLE_RATE)
        for start, stop in chunk.speech
    ]


def _segment(sentence: Sentence, offset: float, heard: Heard, *, keep_words: bool) -> Segment:
    return Segment(
        start=round(offset + sentence.start, 3),
        end=round(offset + sentence.end, 3),
        text=sentence.text,
        tokens=sentence.tokens,
        avg_logprob=heard.avg_logprob,
        token_logprobs=sentence.logprobs,
        words=tuple(word.moved(offset) for word in sentence.words) if keep_words else (),
    )
