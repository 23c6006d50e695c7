"""Cohere Transcribe as a `Transcriber`: audio in, segments out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from edge_voice.audio import AudioInput, AudioStream, open_stream
from edge_voice.chunked import ChunkReader
from edge_voice.errors import OptionError
from edge_voice.language_id import identify
from edge_voice.listener import Listener, ListenerLimits, biased_decoders
from edge_voice.manifest import Manifest, from_dict
from edge_voice.models.cohere_transcribe import graphs
from edge_voice.models.cohere_transcribe.chunks import CutRule
from edge_voice.models.cohere_transcribe.config import (
    SAMPLE_RATE,
    SECONDS_PER_POSITION,
    CohereConfig,
    positions_of,
)
from edge_voice.models.cohere_transcribe.frontend import SAMPLES_PER_FRAME, FrontEnd
from edge_voice.models.cohere_transcribe.settings import Settings, read_settings
from edge_voice.pieces import PieceTokenizer
from edge_voice.results import Segment, Transcript
from edge_voice.seq2seq import Encoder
from edge_voice.session import Session
from edge_voice.transcriber import SegmentStream, TranscribeOptions
from edge_voice.vad import ChunkRules, SpeechChunk, VoiceActivity, speech_chunks

Array = np.ndarray[Any, np.dtype[Any]]

# Pauses are looked for from here on; speech without any goes on to the longest clip.
_TARGET_SECONDS = 30.0
# Rows of a step: chunks that are decoded side by side, or the beams of fewer of them.
_ROWS = 4
# Nobody speaks faster: quick English needs 4 tokens a second, text spelled byte by byte three for
# each letter.
_TOKENS_PER_SECOND = 16
_TOKENS_AT_LEAST = 32


class CohereModel:
    """A loaded Cohere Transcribe bundle.

    Attributes:
        config: The checkpoint's numbers.
        languages: ISO 639 codes that `language` accepts.
        chunk_rules: How recordings are cut when voice activity is used.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int) -> None:
        """Opens the graphs.

        Raises:
            ModelError: A file is damaged or does not fit the code.
        """
        self.config = from_dict(CohereConfig, manifest.config, "manifest.json: config")
        self.languages = manifest.languages
        longest = self.config.clip_seconds
        self.chunk_rules = ChunkRules(
            target_chunk_seconds=min(_TARGET_SECONDS, longest), max_chunk_seconds=longest
        )
        self._cut_rule = CutRule.of(
            max_seconds=longest,
            overlap_seconds=self.config.overlap_seconds,
            window_samples=self.config.energy_window_samples,
        )
        self._threads = threads
        self._tokenizer = PieceTokenizer(folder / manifest.asset("vocabulary"))
        self._front_end = FrontEnd(self.config.mels)
        # Spinning saves a quarter of a step's time, and 2 % of the encoder's.
        encoder = Session(
            folder / manifest.graph("encoder"),
            graphs.ENCODER,
            threads=threads,
            any_shape=True,
            spinning=True,
        )
        encoder.check_size("input_features", 2, self.config.mels)
        decoder = Session(
            folder / manifest.graph("decoder"), graphs.DECODER, threads=threads, spinning=True
        )
        decoder.check_size("logits", 2, self.config.vocabulary)
        self._encoder = Encoder(encoder, positions_of)
        self.listener = Listener(
            lambda waveforms: self._encoder([*map(self._front_end, waveforms)]),
            biased_decoders(decoder, self.config.text_positions),
            ListenerLimits(
                sample_rate=SAMPLE_RATE,
                seconds_per_position=SECONDS_PER_POSITION,
                text_positions=self.config.text_positions,
                end_of_text=self.config.end_of_text,
                tokens_per_second=_TOKENS_PER_SECOND,
                tokens_at_least=_TOKENS_AT_LEAST,
            ),
        )

    # For people

    def transcribe(self, audio: AudioInput, **options: Unpack[TranscribeOptions]) -> Transcript:
        """Transcribes a whole recording; see `stream`."""
        return self.stream(audio, **options).join()

    def stream(self, audio: AudioInput, **options: Unpack[TranscribeOptions]) -> SegmentStream:
        """Transcribes a recording segment by segment, in bounded memory.

        Args:
            audio: Path, bytes, binary file or array of samples.
            **options: See `TranscribeOptions`. Without a language, a multilingual Whisper that is
                in the store listens to the first piece of speech and says which one it is.

        Raises:
            AudioError: The audio cannot be used; also while iterating.
            OptionError: An option's value is not allowed, or the language is to be detected and
                there is no model to do it.
        """
        settings = read_settings(options, self.languages, self._tokenizer)
        stream = SegmentStream()
        blocks = open_stream(
            audio, sample_rate=SAMPLE_RATE, source_rate=options.get("sample_rate")
        )
        return stream.attach(self._segments(blocks, settings, stream))

    # For tests and tools

    def features(self, waveform: Array) -> Array:
        """Normalised log-mel features of one clip: (n,) at 16 kHz → (n // 160, mels)."""
        return self._front_end(waveform)

    def encode(self, features: Array) -> Array:
        """Encoder output as the decoder sees it: (frames, mels) → (⌈frames / 8⌉, width).

        Raises:
            OptionError: More frames than the longest clip has.
        """
        most = self.config.clip_samples // SAMPLES_PER_FRAME
        if not 1 <= len(features) <= most:
            raise OptionError(f"{len(features)} frames of features (allowed: 1 to {most})")
        encoded = self._encoder([features], hidden_states=True)
        return np.asarray(np.asarray(encoded.hidden_states)[0])

    def chunks(self, waveform: Array) -> list[tuple[int, int]]:
        """Where the reference cuts a recording: first sample and sample behind of each piece.

        No voice activity: it cuts at the quietest place of the last seconds of a clip.
        """
        return self._cut_rule.chunks(waveform)

    def generate(
        self,
        waveform: Array,
        language: str,
        punctuation: bool = True,
        max_new_tokens: int | None = None,
    ) -> list[int]:
        """Plain greedy ids of one clip, the prompt included: no guards, no voice activity.

        Args:
            waveform: (n,) float32 at 16 kHz; at most the longest clip.
            language: ISO 639 code.
            punctuation: Whether the prompt asks for punctuation.
            max_new_tokens: As many as the decoder has room for by default.

        Returns:
            Ids, the end token included when it was reached.

        Raises:
            OptionError: Unknown language, or a longer clip.
        """
        if len(waveform) > self.config.clip_samples:
            raise OptionError(
                f"{len(waveform) / SAMPLE_RATE:.1f} s at once (allowed:"
                f" {self.config.clip_seconds:g} s; `chunks` cuts, `transcribe` takes any length)"
            )
        prompt = self.config.prompt(language, punctuation=punctuation)
        count = self.config.text_positions if max_new_tokens is None else max_new_tokens
        return self.listener.greedy(waveform, prompt, count)

    # One recording

    def _segments(
        self, blocks: AudioStream, settings: Settings, stream: SegmentStream
    ) -> Iterator[Segment]:
        stream.language = settings.language
        stream.language_probability = 1.0 if stream.language else 0.0
        with blocks:
            counted = stream.counted(blocks, SAMPLE_RATE)
            chunks = self._chunks(counted, settings)
            first = next(chunks, None)
            if first is not None:
                if stream.language is None:
                    self._detect_language(first, stream)
                reader = self._reader(settings, str(stream.language))
                yield from reader.segments(chain([first], chunks), stream)
        stream.position = stream.duration

    def _chunks(self, blocks: Iterable[Array], settings: Settings) -> Iterator[SpeechChunk]:
        if settings.vad:
            return speech_chunks(blocks, VoiceActivity(), self.chunk_rules)
        return self._cut_rule.cut(blocks)

    def _reader(self, settings: Settings, language: str) -> ChunkReader:
        return ChunkReader(
            self.listener,
            self._tokenizer,
            self.config.prompt(language, punctuation=settings.punctuation),
            settings.decoding,
            settings.timestamps,
            settings.vad,
            _ROWS,
        )

    def _detect_language(self, chunk: SpeechChunk, stream: SegmentStream) -> None:
        guess = identify(chunk.waveform, self.languages, self._threads)
        stream.language, stream.language_probability = guess.language, guess.probability


def load(folder: Path, manifest: Manifest, *, threads: int) -> CohereModel:
    """What the loader calls."""
    return CohereModel(folder, manifest, threads=threads)
