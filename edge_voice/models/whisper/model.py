"""Whisper as a `Transcriber`: audio in, segments out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from edge_voice.audio import AudioInput, AudioStream, open_stream
from edge_voice.errors import OptionError
from edge_voice.features import LogMel
from edge_voice.manifest import Manifest, from_dict
from edge_voice.models.whisper import graphs
from edge_voice.models.whisper.clips import Clip, clips
from edge_voice.models.whisper.config import (
    FRAMES_PER_POSITION,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    WhisperConfig,
)
from edge_voice.models.whisper.networks import Encoded, Encoder
from edge_voice.models.whisper.segments import Stretch, split_window
from edge_voice.models.whisper.window import Prompt, WindowDecoder, WindowResult
from edge_voice.results import Segment, Transcript
from edge_voice.session import Session
from edge_voice.tokenizer import BytePairTokenizer
from edge_voice.transcriber import SegmentStream, TranscribeOptions, check_keys
from edge_voice.vad import ChunkRules

Array = np.ndarray[Any, np.dtype[Any]]

_WINDOW_SAMPLES = 400  # 25 ms analysis window
_DYNAMIC_RANGE = 8.0  # decades below the loudest that features keep
# Silence encoded behind a clip that is shorter than 30 s; benchmarks/window.py has the table.
_TAIL_SECONDS = 3.0
# Pauses are looked for from here on. Attention grows with the square of a window, and every token
# reads all of it: two windows of 15 s take less time than one of 30 s.
_CHUNK_SECONDS = 15.0
_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_TASKS = ("transcribe", "translate")
_TIMESTAMPS = ("segment", "none")


@dataclass(frozen=True, slots=True)
class _Settings:
    """Checked options of one call."""

    language: str | None
    task: str
    timestamps: bool
    vad: bool
    initial_prompt: tuple[int, ...]
    condition: bool
    temperatures: tuple[float, ...]


class WhisperModel:
    """A loaded Whisper bundle.

    Attributes:
        config: The checkpoint's numbers.
        languages: ISO 639 codes that `language` accepts.
        tail_seconds: Silence that is encoded behind a clip shorter than a full window.
        second_look: Whether a suspicious result of a shortened window is decoded again in full.
        chunk_rules: How recordings are cut when voice activity is used.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int) -> None:
        """Opens the graphs.

        Raises:
            ModelError: A file is damaged or does not fit the code.
        """
        self.config = from_dict(WhisperConfig, manifest.config, "manifest.json: config")
        self.languages = manifest.languages
        self.tail_seconds = _TAIL_SECONDS
        self.second_look = True
        self.chunk_rules = ChunkRules(target_chunk_seconds=_CHUNK_SECONDS)
        self._tokenizer = BytePairTokenizer(folder / manifest.assets["vocabulary"])
        self._encoder = Encoder(
            Session(folder / manifest.graphs["encoder"], graphs.ENCODER, threads=threads)
        )
        decoder = Session(folder / manifest.graphs["decoder"], graphs.DECODER, threads=threads)
        self._windows = WindowDecoder(decoder, self.config, self._tokenizer)
        self._log_mel = LogMel(
            self.config.mels,
            sample_rate=SAMPLE_RATE,
            window_samples=_WINDOW_SAMPLES,
            hop_samples=SAMPLES_PER_FRAME,
        )

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
        settings = self._settings(options)
        stream = SegmentStream()
        blocks = open_stream(
            audio, sample_rate=SAMPLE_RATE, source_rate=options.get("sample_rate")
        )
        return stream.attach(self._segments(blocks, settings, stream))

    # For tests and tools

    def features(self, waveform: Array) -> Array:
        """Log-mel features of one full window: (n,) at 16 kHz → (mels, 3000).

        Shorter audio is padded with silence, longer audio is cut.
        """
        waveform = waveform[: self.config.window_samples]
        return self._features(waveform, self.config.window_samples // SAMPLES_PER_FRAME)

    def encode(self, features: Array) -> Array:
        """Encoder output: (mels, frames) → (frames / 2, width)."""
        return np.asarray(self._encoder(features[None]).hidden_states[0])

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
        self._check("language", language, (None, *self.languages))
        encoded = self._encoder(self.features(waveform)[None])
        prompt = Prompt(language=language, task=task, timestamps=timestamps)
        return self._windows.greedy(
            encoded, prompt, max_new_tokens or self.config.text_positions // 2
        )

    # One recording

    def _segments(
        self, blocks: AudioStream, settings: _Settings, stream: SegmentStream
    ) -> Iterator[Segment]:
        stream.language = settings.language
        stream.language_probability = 1.0 if settings.language else 0.0
        previous = list(settings.initial_prompt)
        with blocks:
            rules = self.chunk_rules if settings.vad else None
            for clip in clips(stream.counted(blocks, SAMPLE_RATE), rules):
                yield from self._clip(clip, settings, stream, previous)
        stream.position = stream.duration

    def _clip(
        self, clip: Clip, settings: _Settings, stream: SegmentStream, previous: list[int]
    ) -> Iterator[Segment]:
        """The reference's loop: decode a window, move on to where its last segment closed."""
        seek = 0
        while clip.goes_on(seek):
            waveform = clip.window(seek, self.config.window_samples)
            if not len(waveform):
                return
            result = self._hear(waveform, settings, stream, tuple(previous))
            seconds = len(waveform) / SAMPLE_RATE
            stretches, done = split_window(result.tokens, self.config, seconds)
            offset = (clip.start + seek) / SAMPLE_RATE
            for stretch in [] if result.silent else stretches:
                if segment := self._segment(stretch, offset, result):
                    yield segment
            if settings.condition and result.temperature <= 0.5:
                previous += result.tokens
            else:
                del previous[len(settings.initial_prompt) :]
            seek += max(round(done * SAMPLE_RATE), 1)
            stream.position = (clip.start + seek) / SAMPLE_RATE

    def _segment(self, stretch: Stretch, offset: float, result: WindowResult) -> Segment | None:
        text = self._tokenizer.decode(stretch.tokens).strip()
        if not text or stretch.end <= stretch.start:
            return None
        return Segment(
            start=round(offset + stretch.start, 3),
            end=round(offset + stretch.end, 3),
            text=text,
            tokens=stretch.tokens,
            avg_logprob=result.avg_logprob,
            no_speech_prob=result.no_speech_prob,
            temperature=result.temperature,
        )

    def _hear(
        self, waveform: Array, settings: _Settings, stream: SegmentStream, previous: tuple[int, ...]
    ) -> WindowResult:
        """Decodes one window: a shortened one first, a full one if that looks wrong."""
        seconds = len(waveform) / SAMPLE_RATE
        encoded = self._encode_window(waveform, self.tail_seconds)
        if stream.language is None:
            stream.language, stream.language_probability = self._language(encoded)
        prompt = Prompt(previous, stream.language, settings.task, settings.timestamps)
        full_seconds = self.config.window_samples / SAMPLE_RATE
        if self.second_look and seconds + self.tail_seconds < full_seconds:
            result = self._windows.transcribe(
                encoded, prompt, seconds=seconds, temperatures=settings.temperatures[:1]
            )
            if not result.suspicious:
                return result
            encoded = self._encode_window(waveform, full_seconds)
        return self._windows.transcribe(
            encoded, prompt, seconds=seconds, temperatures=settings.temperatures
        )

    def _encode_window(self, waveform: Array, tail_seconds: float) -> Encoded:
        """Encodes audio and a tail of silence, together at most a full window."""
        samples = min(len(waveform) + int(tail_seconds * SAMPLE_RATE), self.config.window_samples)
        frames = -(-samples // (SAMPLES_PER_FRAME * FRAMES_PER_POSITION)) * FRAMES_PER_POSITION
        return self._encoder(self._features(waveform, frames)[None])

    def _features(self, waveform: Array, frames: int) -> Array:
        """(mels, frames); frames beyond the audio are silence, which costs nothing to compute."""
        heard = min(frames, -(-(len(waveform) + _WINDOW_SAMPLES) // SAMPLES_PER_FRAME))
        padded = np.zeros(heard * SAMPLES_PER_FRAME, np.float32)
        padded[: len(waveform)] = waveform[: len(padded)]
        power = np.zeros((self.config.mels, frames), np.float32)
        power[:, :heard] = self._log_mel.power(padded)
        logs = np.log10(np.maximum(power, 1e-10))
        logs = np.maximum(logs, logs.max() - _DYNAMIC_RANGE)
        return np.asarray((logs + 4.0) / 4.0, np.float32)

    def _language(self, encoded: Encoded) -> tuple[str, float]:
        if not self.config.multilingual:
            return "en", 1.0
        return self._windows.detect_language(encoded)

    def _settings(self, options: TranscribeOptions) -> _Settings:
        check_keys(options)
        language, task = options.get("language"), options.get("task", "transcribe")
        timestamps = options.get("timestamps", "segment")
        self._check("language", language, (None, *self.languages))
        self._check("task", task, _TASKS if self.config.multilingual else _TASKS[:1])
        self._check("timestamps", timestamps, _TIMESTAMPS)
        prompt = options.get("initial_prompt", "")
        temperatures = tuple(options.get("temperatures", _TEMPERATURES))
        if not temperatures or min(temperatures) < 0:
            raise OptionError(f"temperatures {temperatures} (allowed: one or more, none negative)")
        return _Settings(
            language=language,
            task=task,
            timestamps=timestamps == "segment",
            vad=options.get("vad", True),
            initial_prompt=tuple(self._tokenizer.encode(f" {prompt.strip()}")) if prompt else (),
            condition=options.get("condition_on_previous_text", False),
            temperatures=temperatures,
        )

    def _check(self, option: str, value: str | None, allowed: tuple[str | None, ...]) -> None:
        if value not in allowed:
            known = ", ".join(sorted(item for item in allowed if item))
            raise OptionError(f"unknown {option} {value!r} (known: {known})")


def load(folder: Path, manifest: Manifest, *, threads: int) -> WhisperModel:
    """What the loader calls."""
    return WhisperModel(folder, manifest, threads=threads)
