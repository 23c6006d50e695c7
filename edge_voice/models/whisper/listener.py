"""From the samples of a window to what was heard in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edge_voice.decoding_options import DecodingOptions
from edge_voice.features import LogMel
from edge_voice.models.whisper.config import (
    FRAMES_PER_POSITION,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    WhisperConfig,
)
from edge_voice.models.whisper.window import Prompt, WindowDecoder, WindowResult
from edge_voice.seq2seq import Encoded, Encoder

Array = np.ndarray[Any, np.dtype[Any]]

_WINDOW_SAMPLES = 400  # 25 ms analysis window
_DYNAMIC_RANGE = 8.0  # decades below the loudest that features keep
_TAIL_SECONDS = 3.0
_GREEDY = DecodingOptions()
# Under this a window tells its language better if it is encoded in full. Of 126 pieces of 3 s in
# seven languages Whisper base (int8) recognises 126 among 14 instead of 123, of 126 of 2 s 124
# instead of 119, of 132 of 1 s 120 instead of 110; from 5 s on all of them either way, but less
# surely.
_SURE_SECONDS = 10.0


class Listener:
    """Decodes windows: shortened ones first, and in full again what looks wrong.

    Whisper was trained on windows of 30 s. Encoding a short clip in one costs many times what the
    clip itself would; with less silence behind it, results are as good but for a few that betray
    themselves (see `WindowResult.suspicious`). docs/quantization.md has the table, measured by
    benchmarks/window.py.

    Attributes:
        tail_seconds: Silence that is encoded behind a clip shorter than a full window.
        second_look: Whether a suspicious result of a shortened window is decoded again in full.
    """

    def __init__(self, encoder: Encoder, windows: WindowDecoder, config: WhisperConfig) -> None:
        self.tail_seconds = _TAIL_SECONDS
        self.second_look = True
        self._encoder = encoder
        self._windows = windows
        self._config = config
        self._log_mel = LogMel(
            config.mels,
            sample_rate=SAMPLE_RATE,
            window_samples=_WINDOW_SAMPLES,
            hop_samples=SAMPLES_PER_FRAME,
        )

    def look(
        self,
        waveforms: Sequence[Array],
        prompt: Prompt,
        temperature: float,
        decoding: DecodingOptions = _GREEDY,
    ) -> tuple[list[WindowResult], float]:
        """Decodes windows side by side, once, shortened to the longest and a tail.

        A step reads all weights of the decoder, for one row as for many: several windows together
        take little more time than one.

        Args:
            waveforms: (n,) float32 at 16 kHz each, at most a full window.
            prompt: What stands before each transcript; a language of None is detected from the
                first window.
            temperature: 0 is greedy or beam search.
            decoding: How tokens are chosen.

        Returns:
            The results, and the probability in 0..1 of the language they name.
        """
        frames = max(self._frames(len(waveform)) for waveform in waveforms)
        encoded = self._encode(waveforms, frames)
        probability = 1.0
        if prompt.language is None:
            language, probability = self._language(encoded.clip(0))
            prompt = replace(prompt, language=language)
        seconds = [len(waveform) / SAMPLE_RATE for waveform in waveforms]
        results = self._windows.attempt(
            encoded, prompt, seconds=seconds, temperature=temperature, decoding=decoding
        )
        if prompt.words:
            results = [
                self._windows.timed(encoded.clip(i), results[i], prompt, seconds[i])
                for i in range(len(results))
            ]
        return results, probability

    def language(
        self, waveform: Array, languages: Sequence[str] | None = None
    ) -> tuple[str, float]:
        """The language of one window, and its probability in 0..1.

        Args:
            waveform: (n,) float32 at 16 kHz, at most a full window.
            languages: ISO 639 codes to choose from; all by default.
        """
        frames = self._config.window_samples // SAMPLES_PER_FRAME
        if len(waveform) >= _SURE_SECONDS * SAMPLE_RATE:
            frames = self._frames(len(waveform))
        return self._language(self._encode([waveform], frames), languages)

    def confirm(
        self,
        waveform: Array,
        first: WindowResult,
        prompt: Prompt,
        temperatures: Sequence[float],
        decoding: DecodingOptions = _GREEDY,
    ) -> WindowResult:
        """Returns the result of a first look, or a better one if that looks wrong.

        Args:
            waveform: (n,) float32 at 16 kHz of the window.
            first: What `look` heard in it, at the first of the temperatures.
            prompt: As for `look`, with the language known.
            temperatures: Tried in order in a full window while the result is doubtful.
            decoding: How tokens are chosen.
        """
        full = self._config.window_samples // SAMPLES_PER_FRAME
        shortened = self._frames(len(waveform)) < full
        if not (first.suspicious if shortened and self.second_look else first.doubtful):
            return first
        results = [] if shortened else [first]
        left = temperatures if shortened else temperatures[1:]
        if not left:
            return first
        encoded, seconds = self._encode([waveform], full), len(waveform) / SAMPLE_RATE
        for temperature in left:
            results += self._windows.attempt(
                encoded, prompt, seconds=[seconds], temperature=temperature, decoding=decoding
            )
            if not results[-1].doubtful:
                break
        best = results[-1]
        if best.doubtful:
            best = max(results, key=lambda result: (not result.looping, result.avg_logprob))
        if prompt.words and best is not first:
            best = self._windows.timed(encoded, best, prompt, seconds)
        return best

    def features(self, waveform: Array, frames: int) -> Array:
        """Log-mel features: (n,) at 16 kHz → (mels, frames), silence behind the audio.

        Ported from openai-whisper 20250625 (`audio.py`); silence costs nothing to compute.
        """
        heard = min(frames, -(-(len(waveform) + _WINDOW_SAMPLES) // SAMPLES_PER_FRAME))
        padded = np.zeros(heard * SAMPLES_PER_FRAME, np.float32)
        padded[: len(waveform)] = waveform[: len(padded)]
        power = np.zeros((self._config.mels, frames), np.float32)
        power[:, :heard] = self._log_mel.power(padded)
        logs = np.log10(np.maximum(power, 1e-10))
        logs = np.maximum(logs, logs.max() - _DYNAMIC_RANGE)
        return np.asarray((logs + 4.0) / 4.0, np.float32)

    def _encode(self, waveforms: Sequence[Array], frames: int) -> Encoded:
        return self._encoder([self.features(waveform, frames) for waveform in waveforms])

    def _frames(self, samples: int) -> int:
        """Frames of so many samples and the tail: an even number, at most a full window."""
        samples = min(samples + int(self.tail_seconds * SAMPLE_RATE), self._config.window_samples)
        return -(-samples // (SAMPLES_PER_FRAME * FRAMES_PER_POSITION)) * FRAMES_PER_POSITION

    def _language(
        self, encoded: Encoded, languages: Sequence[str] | None = None
    ) -> tuple[str, float]:
        if not self._config.multilingual:
            return "en", 1.0
        return self._windows.detect_language(encoded, languages)
