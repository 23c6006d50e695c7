"""Whisper as a `Transcriber`: audio in, segments out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from edge_voice.audio import AudioInput, AudioStream, open_stream
from edge_voice.manifest import Manifest, from_dict
from edge_voice.models.whisper import graphs
from edge_voice.models.whisper.clips import Clip, clearest_window, clips, grouped
from edge_voice.models.whisper.config import (
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    WhisperConfig,
    positions_of,
)
from edge_voice.models.whisper.listener import Listener
from edge_voice.models.whisper.segments import Stretch, split_window
from edge_voice.models.whisper.settings import Settings, read_settings
from edge_voice.models.whisper.window import Prompt, WindowDecoder, WindowResult
from edge_voice.models.whisper.words import with_words
from edge_voice.results import Segment, Transcript
from edge_voice.seq2seq import Encoder
from edge_voice.session import Session
from edge_voice.tokenizer import BytePairTokenizer
from edge_voice.transcriber import SegmentStream, TranscribeOptions, check_choice
from edge_voice.vad import ChunkRules

Array = np.ndarray[Any, np.dtype[Any]]

# Pauses are looked for from here on. Attention grows with the square of a window, and every token
# reads all of it: two windows of 15 s take less time than one of 30 s.
_CHUNK_SECONDS = 15.0
_BATCH_SIZE = 4
# What was said at a higher temperature is no good example for what follows (the reference's rule).
_WARMEST_CONTEXT = 0.5


class WhisperModel:
    """A loaded Whisper bundle.

    Attributes:
        config: The checkpoint's numbers.
        languages: ISO 639 codes that `language` accepts.
        listener: Decodes windows.
        batch_size: Clips that are decoded side by side.
        chunk_rules: How recordings are cut when voice activity is used.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int) -> None:
        """Opens the graphs.

        Raises:
            ModelError: A file is damaged or does not fit the code.
        """
        self.config = from_dict(WhisperConfig, manifest.config, "manifest.json: config")
        self.languages = manifest.languages
        self.batch_size = _BATCH_SIZE
        self.chunk_rules = ChunkRules(target_chunk_seconds=_CHUNK_SECONDS)
        self._tokenizer = BytePairTokenizer(folder / manifest.asset("vocabulary"))
        encoder = Session(folder / manifest.graph("encoder"), graphs.ENCODER, threads=threads)
        encoder.check_size("input_features", 1, self.config.mels)
        decoder = Session(
            folder / manifest.graph("decoder"), graphs.DECODER, threads=threads, spinning=True
        )
        decoder.check_size("logits", 2, self.config.vocabulary)
        self._encoder = Encoder(encoder, positions_of)
        self._windows = WindowDecoder(decoder, self.config, self._tokenizer)
        self.listener = Listener(self._encoder, self._windows, self.config)

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
            OptionError: An option's value is not allowed.
        """
        settings = read_settings(options, self.config, self.languages, self._tokenizer)
        stream = SegmentStream()
        blocks = open_stream(
            audio, sample_rate=SAMPLE_RATE, source_rate=options.get("sample_rate")
        )
        return stream.attach(self._segments(blocks, settings, stream))

    def detect_language(
        self, waveform: Array, languages: Sequence[str] | None = None
    ) -> tuple[str, float]:
        """Which language is spoken, from the 30 s with the most speech.

        Something is answered for noise and silence too, and it means nothing.

        Args:
            waveform: (n,) float32 mono at 16 kHz.
            languages: ISO 639 codes to choose from; all that the model knows by default.

        Returns:
            The likeliest language, and its probability in 0..1 among `languages`.

        Raises:
            AudioError: A sample is not finite.
            OptionError: The model does not know one of the languages.
        """
        for code in languages or ():
            check_choice("language", code, self.languages)
        waveform = np.asarray(waveform, np.float32)
        window = clearest_window(waveform, self.config.window_samples)
        return self.listener.language(window, languages)

    # For tests and tools

    def features(self, waveform: Array) -> Array:
        """Log-mel features of one full window: (n,) at 16 kHz → (mels, 3000).

        Shorter audio is padded with silence, longer audio is cut.
        """
        waveform = waveform[: self.config.window_samples]
        return self.listener.features(waveform, self.config.window_samples // SAMPLES_PER_FRAME)

    def encode(self, features: Array) -> Array:
        """Encoder output: (mels, frames) → (frames / 2, width)."""
        encoded = self._encoder([features], hidden_states=True)
        return np.asarray(np.asarray(encoded.hidden_states)[0])

    def generate(
        self,
        waveform: Array,
        *,
        language: str | None = None,
        task: str = "transcribe",
        timestamps: bool = False,
        max_new_tokens: int | None = None,
    ) -> list[int]:
        """Plain greedy ids of one full window: no suppression, no guards, no fallback.

        Args:
            waveform: (n,) float32 at 16 kHz; at most 30 s of it are heard.
            language: ISO 639 code; English by default.
            task: `transcribe` or `translate`.
            timestamps: Whether the prompt leaves room for timestamp tokens.
            max_new_tokens: Half of the decoder's positions by default.

        Returns:
            Generated ids, the end token included when it was reached.
        """
        check_choice("language", language, (None, *self.languages))
        encoded = self._encoder([self.features(waveform)])
        prompt = Prompt(language=language, task=task, timestamps=timestamps)
        return self._windows.greedy(
            encoded, prompt, max_new_tokens or self.config.text_positions // 2
        )

    # One recording

    def _segments(
        self, blocks: AudioStream, settings: Settings, stream: SegmentStream
    ) -> Iterator[Segment]:
        stream.language = settings.prompt.language
        stream.language_probability = 1.0 if stream.language else 0.0
        size = 1 if settings.condition else self.batch_size
        previous = list(settings.prompt.previous)
        with blocks:
            rules = self.chunk_rules if settings.vad else None
            for group in grouped(clips(stream.counted(blocks, SAMPLE_RATE), rules), size):
                looks = self._look([self._window(clip, 0) for clip in group], settings, stream)
                for clip, look in zip(group, looks, strict=True):
                    yield from self._clip(clip, settings, stream, previous, look)
        stream.position = stream.duration

    def _clip(
        self,
        clip: Clip,
        settings: Settings,
        stream: SegmentStream,
        previous: list[int],
        look: WindowResult,
    ) -> Iterator[Segment]:
        """The reference's loop: decode a window, move on to where its last segment closed."""
        seek = 0
        while len(waveform := self._window(clip, seek)):
            prompt = replace(
                settings.prompt, previous=tuple(previous), language=stream.language
            )
            if seek:
                [look], _ = self.listener.look(
                    [waveform], prompt, settings.temperatures[0], settings.decoding
                )
            result = look
            if not settings.draft:
                result = self.listener.confirm(
                    waveform, look, prompt, settings.temperatures, settings.decoding
                )
            seconds = len(waveform) / SAMPLE_RATE
            stretches, done = split_window(result.tokens, self.config, seconds)
            offset = (clip.start + seek) / SAMPLE_RATE
            if result.starts:
                stretches = with_words(
                    stretches, result, self._tokenizer, done=done, speech=clip.speech(seek)
                )
            for stretch in [] if result.silent else stretches:
                if segment := self._segment(stretch, offset, result):
                    yield segment
            if settings.condition and result.temperature <= _WARMEST_CONTEXT:
                previous += result.tokens
            else:
                del previous[len(settings.prompt.previous) :]
            seek += max(round(done * SAMPLE_RATE), 1)
            stream.position = (clip.start + seek) / SAMPLE_RATE

    def _look(
        self, waveforms: list[Array], settings: Settings, stream: SegmentStream
    ) -> list[WindowResult]:
        """First looks at the first windows of several clips; detects the language if need be."""
        if not len(waveforms[0]):
            return []
        prompt = replace(settings.prompt, language=stream.language)
        results, probability = self.listener.look(
            waveforms, prompt, settings.temperatures[0], settings.decoding
        )
        if stream.language is None:
            stream.language, stream.language_probability = results[0].language, probability
        return results

    def _window(self, clip: Clip, seek: int) -> Array:
        """The samples from `seek` on; none where no speech is to be expected."""
        if not clip.goes_on(seek):
            return np.zeros(0, np.float32)
        return clip.window(seek, self.config.window_samples)

    def _segment(self, stretch: Stretch, offset: float, result: WindowResult) -> Segment | None:
        text = self._tokenizer.decode(stretch.tokens).strip()
        if not text or (stretch.end <= stretch.start and not stretch.words):
            return None
        return Segment(
            start=round(offset + stretch.start, 3),
            end=round(offset + stretch.end, 3),
            text=text,
            tokens=stretch.tokens,
            avg_logprob=result.avg_logprob,
            no_speech_prob=result.no_speech_prob,
            temperature=result.temperature,
            token_logprobs=result.logprobs[stretch.first :][: len(stretch.tokens)],
            words=tuple(word.moved(offset) for word in stretch.words),
        )


def load(folder: Path, manifest: Manifest, *, threads: int) -> WhisperModel:
    """What the loader calls."""
    return WhisperModel(folder, manifest, threads=threads)
