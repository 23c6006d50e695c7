"""From the samples of a piece of audio to what a CTC graph hears."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_voice.models.ctc import graphs
from edge_voice.models.ctc.config import SAMPLE_RATE, CtcConfig

Array = np.ndarray[Any, np.dtype[Any]]

_LEAST_VARIANCE = np.float32(1e-7)

# Log-mel features of wav2vec2-BERT, as Kaldi computes them.
_MELS, _STACKED = 80, 2
_WINDOW_SAMPLES, _HOP_SAMPLES, _TRANSFORM_SAMPLES = 400, 160, 512
_LOWEST_HERTZ = 20.0
_PRE_EMPHASIS = 0.97
_LEAST_POWER = 1.192092955078125e-07
_FULL_SCALE = 2.0**15
# Two frames, so that there is a deviation and a row.
LOG_MEL_SHORTEST = _WINDOW_SAMPLES + _HOP_SAMPLES


class FrontEnd:
    """Makes the inputs of a graph."""

    def __init__(self, config: CtcConfig) -> None:
        self._config = config
        self._log_mel = KaldiLogMel() if config.features == graphs.LOG_MEL else None

    def __call__(self, waveform: Array) -> dict[str, Array]:
        """Inputs by name.

        Args:
            waveform: (n,) float32 at 16 kHz.
        """
        missing = self._config.shortest_samples - len(waveform)
        if missing > 0:
            waveform = np.pad(waveform, (0, missing))
        if self._log_mel is not None:
            values = self._log_mel(waveform)
        else:
            values = standardised(waveform) if self._config.normalize else waveform
        feeds = {graphs.INPUTS[self._config.features]: values[None]}
        if self._config.attention_mask:
            feeds[graphs.MASK] = np.ones((1, len(values)), np.int64)
        return feeds


def standardised(waveform: Array) -> Array:
    """Samples of mean 0 and deviation 1, as transformers' Wav2Vec2FeatureExtractor gives them."""
    centred = waveform - waveform.mean()
    return np.asarray(centred / np.sqrt(waveform.var() + _LEAST_VARIANCE))


class KaldiLogMel:
    """Log-mel features, normalised in each band, two frames a row.

    Ported from transformers 5.23.0 (`SeamlessM4TFeatureExtractor`). An odd last frame, which it
    fills up with zeros and then masks, is left out.
    """

    def __init__(self) -> None:
        angle = 2 * np.pi * np.arange(_WINDOW_SAMPLES) / (_WINDOW_SAMPLES - 1)
        self._window = (0.5 - 0.5 * np.cos(angle)) ** 0.85  # Povey's
        self._bands = _kaldi_bands()

    def __call__(self, waveform: Array) -> Array:
        """(n,) float32, at least 560 samples, to (frames // 2, 160) float32."""
        logs = self._logs(waveform.astype(np.float64) * _FULL_SCALE).astype(np.float32)
        logs -= logs.mean(axis=0)
        logs /= np.sqrt(logs.var(axis=0, ddof=1) + _LEAST_VARIANCE)
        count = len(logs) // _STACKED
        return logs[: count * _STACKED].reshape(count, _STACKED * _MELS)

    def _logs(self, samples: Array) -> Array:
        frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW_SAMPLES)[::_HOP_SAMPLES]
        frames = frames - frames.mean(axis=1, keepdims=True)
        frames[:, 1:] -= _PRE_EMPHASIS * frames[:, :-1].copy()
        frames[:, 0] *= 1 - _PRE_EMPHASIS
        spectrum = np.fft.rfft(frames * self._window, _TRANSFORM_SAMPLES)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        return np.asarray(np.log(np.maximum(power @ self._bands.T, _LEAST_POWER)))


def _kaldi_bands() -> Array:
    """(mels, frequencies): triangles in mel, m = 1127 · ln(1 + f / 700), of height 1."""
    count = _TRANSFORM_SAMPLES // 2 + 1
    places = _mel(np.arange(count) * SAMPLE_RATE / _TRANSFORM_SAMPLES)
    ends = _mel(np.array([_LOWEST_HERTZ, SAMPLE_RATE / 2]))
    edges = np.linspace(ends[0], ends[1], _MELS + 2)
    rising = (places[None] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - places[None]) / np.diff(edges)[1:, None]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


def _mel(hertz: Array) -> Array:
    return np.asarray(1127.0 * np.log1p(hertz / 700.0))
