"""Models trained with CTC (wav2vec2, HuBERT, MMS, wav2vec2-BERT) as a `Transcriber`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from edge_voice.audio import AudioInput, AudioStream, open_stream
from edge_voice.manifest import Manifest, from_dict
from edge_voice.models.ctc import graphs, paths
from edge_voice.models.ctc.config import SAMPLE_RATE, CtcConfig
from edge_voice.models.ctc.frontend import FrontEnd
from edge_voice.models.ctc.search import prefix_beam_search
from edge_voice.models.ctc.settings import Settings, read_settings
from edge_voice.models.ctc.vocabulary import Vocabulary
from edge_voice.results import Segment, Transcript, Word
from edge_voice.session import Session
from edge_voice.transcriber import SegmentStream, TranscribeOptions
from edge_voice.vad import (
    ROW_SAMPLES,
    ChunkRules,
    SpeechChunk,
    SpeechDetector,
    VoiceActivity,
    speech_chunks,
)
from edge_voice.words import sentence_spans, spell

Array = np.ndarray[Any, np.dtype[Any]]

# Self-attention over a chunk grows with its square, and these models are trained on sentences.
_TARGET_SECONDS = 15.0


class CtcModel:
    """A loaded CTC bundle.

    Attributes:
        config: The checkpoint's numbers.
        languages: ISO 639 codes that `language` accepts; empty if the bundle names none.
        chunk_rules: How recordings are cut.
        vocabulary: What the tokens write.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int) -> None:
        """Opens the graph.

        Raises:
            ModelError: A file is damaged or does not fit the code.
        """
        self.config = from_dict(CtcConfig, manifest.config, "manifest.json: config")
        self.languages = manifest.languages
        self.chunk_rules = ChunkRules(target_chunk_seconds=_TARGET_SECONDS)
        self.vocabulary = Vocabulary(folder / manifest.asset("vocabulary"), self.config)
        self._front_end = FrontEnd(self.config)
        self._session = Session(
            folder / manifest.graph("model"),
            graphs.spec(self.config.features, masked=self.config.attention_mask),
            threads=threads,
            any_shape=True,
            names=manifest.names.get("model"),
        )
        if isinstance(self._session.shape(graphs.LOGITS)[2], int):
            self._session.check_size(graphs.LOGITS, 2, self.vocabulary.size)

    # For people

    def transcribe(self, audio: AudioInput, **options: Unpack[TranscribeOptions]) -> Transcript:
        """Transcribes a whole recording; see `stream`."""
        return self.stream(audio, **options).join()

    def stream(self, audio: AudioInput, **options: Unpack[TranscribeOptions]) -> SegmentStream:
        """Transcribes a recording segment by segment, in bounded memory.

        Args:
            audio: Path, bytes, binary file or array of samples.
            **options: See `TranscribeOptions`.

        Raises:
            AudioError: The audio cannot be used; also while iterating.
            OptionError: An option's value is not allowed, or a file that it names cannot be used.
        """
        settings = read_settings(options, self.languages, self.vocabulary)
        stream = SegmentStream()
        blocks = open_stream(audio, sample_rate=SAMPLE_RATE, source_rate=options.get("sample_rate"))
        return stream.attach(self._segments(blocks, settings, stream))

    # For tests and tools

    def features(self, waveform: Array) -> dict[str, Array]:
        """What the graph is given for (n,) samples at 16 kHz, by name."""
        return self._front_end(waveform)

    def logits(self, waveform: Array) -> Array:
        """(positions, vocabulary) float32 of one piece of audio."""
        outputs = self._session.run(self._front_end(waveform))
        return np.asarray(outputs[graphs.LOGITS][0])

    def generate(self, waveform: Array) -> list[int]:
        """Plain greedy ids of one piece of audio."""
        logprobs = paths.log_softmax(self.logits(waveform))
        return [*paths.greedy(logprobs, self.config.blank).tokens]

    # One recording

    def _segments(
        self, blocks: AudioStream, settings: Settings, stream: SegmentStream
    ) -> Iterator[Segment]:
        stream.language = settings.language
        stream.language_probability = 1.0 if stream.language else 0.0
        with blocks:
            detector: SpeechDetector = VoiceActivity() if settings.vad else _Everything()
            counted = stream.counted(blocks, SAMPLE_RATE)
            for chunk in speech_chunks(counted, detector, self.chunk_rules):
                yield from self._chunk(chunk, settings)
                stream.position = (chunk.start + len(chunk.waveform)) / SAMPLE_RATE
        stream.position = stream.duration

    def _chunk(self, chunk: SpeechChunk, settings: Settings) -> Iterator[Segment]:
        path = self._heard(chunk.waveform, settings)
        offset = chunk.start / SAMPLE_RATE
        words = [word.moved(offset) for word in self._words(path)]
        if not words:
            return
        spans: Iterable[tuple[int, int]] = [(0, len(words))]
        if settings.timestamps != "none":
            spans = sentence_spans(words)
        spellings = spell(self.vocabulary.pieces(path.tokens))
        for first, last in spans:
            inside = slice(spellings[first].first, spellings[last - 1].last)
            logprobs = path.logprobs[inside]
            yield Segment(
                start=words[first].start,
                end=words[last - 1].end,
                text=self.vocabulary.decode(path.tokens[inside]),
                tokens=path.tokens[inside],
                avg_logprob=sum(logprobs) / len(logprobs),
                words=tuple(words[first:last]) if settings.timestamps == "word" else (),
                token_logprobs=logprobs,
            )

    def _heard(self, waveform: Array, settings: Settings) -> paths.Path:
        logprobs = paths.log_softmax(self.logits(waveform))
        if not settings.width:
            return paths.greedy(logprobs, self.config.blank)
        tokens = prefix_beam_search(
            logprobs, self.config.blank, width=settings.width, knowledge=settings.knowledge
        )
        return paths.align(logprobs, tokens, self.config.blank)

    def _words(self, path: paths.Path) -> list[Word]:
        """Words with times in seconds from the start of the chunk."""
        step = self.config.seconds_per_position
        chances = [math.exp(logprob) for logprob in path.logprobs]
        return [
            Word(
                start=path.starts[word.start] * step,
                end=path.stops[word.stop - 1] * step,
                text=word.text,
                probability=sum(chances[word.first : word.last]) / (word.last - word.first),
            )
            for word in spell(self.vocabulary.pieces(path.tokens))
        ]


class _Everything:
    """A detector that takes all for speech: a recording is then cut where it must be."""

    def __init__(self) -> None:
        self._rest = 0

    def reset(self) -> None:
        self._rest = 0

    def probabilities(self, samples: Array) -> Array:
        count, self._rest = divmod(self._rest + len(samples), ROW_SAMPLES)
        return np.ones(count, np.float32)

    def flush(self) -> Array:
        return np.ones(int(self._rest > 0), np.float32)


def load(folder: Path, manifest: Manifest, *, threads: int) -> CtcModel:
    """What the loader calls."""
    return CtcModel(folder, manifest, threads=threads)
