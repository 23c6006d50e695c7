"""Log-mel spectrograms in numpy, made once per model and reused for every window."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# Frames per transform: small enough for the cache, large enough to hide numpy's overhead.
_FRAMES_PER_CHUNK = 256


class LogMel:
    """Log-mel features with a Hann window and Slaney mel bands.

    Args:
        mels: Number of mel bands from 0 Hz to half the sample rate.
        sample_rate: Samples per second.
        window_samples: Length of the analysis window.
        hop_samples: Samples from one frame to the next.
        transform_samples: Length of the transform, which zeros fill up; the window's by default.
        symmetric: Whether the window ends on a zero as it begins, and not one sample before.
        mirrored: Whether the audio is mirrored at its ends, and not followed by silence.
    """

    def __init__(
        self,
        mels: int,
        *,
        sample_rate: int,
        window_samples: int,
        hop_samples: int,
        transform_samples: int | None = None,
        symmetric: bool = False,
        mirrored: bool = True,
    ) -> None:
        self.mels = mels
        self.hop_samples = hop_samples
        self._half = window_samples // 2
        self._size = transform_samples or window_samples
        self._mirrored = mirrored
        period = window_samples - 1 if symmetric else window_samples
        angle = 2 * np.pi * np.arange(window_samples) / period
        self._window = (0.5 - 0.5 * np.cos(angle)).astype(np.float32)
        self._bands = mel_bands(mels, sample_rate, self._size).astype(np.float32)

    def power(self, waveform: Array) -> Array:
        """Mel power, one frame per hop, the first centred on sample 0.

        Args:
            waveform: (n,) float32.

        Returns:
            (mels, n // hop) float32, as `torch.stft(center=True)` counts and places frames. It
            centres the window in the transform: that turns phases only.
        """
        mode = "reflect" if self._mirrored and len(waveform) > self._half else "constant"
        padded = np.pad(waveform, self._half, mode=mode)  # type: ignore[call-overload]
        width = len(self._window)
        frames = np.lib.stride_tricks.sliding_window_view(padded, width)[:: self.hop_samples]
        count = len(waveform) // self.hop_samples
        result = np.empty((self.mels, count), np.float32)
        filled_up = np.zeros((min(count, _FRAMES_PER_CHUNK), self._size), np.float32)
        for start in range(0, count, _FRAMES_PER_CHUNK):
            stop = min(start + _FRAMES_PER_CHUNK, count)
            rows = filled_up[: stop - start]
            np.multiply(frames[start:stop], self._window, out=rows[:, :width])
            spectrum = np.fft.rfft(rows)
            power = np.square(spectrum.real)
            power += np.square(spectrum.imag)
            result[:, start:stop] = self._bands @ power.T
        return result


def mel_bands(mels: int, sample_rate: int, size: int) -> Array:
    """Triangular bands on Slaney's mel scale, each of unit area (librosa's default filters).

    Returns:
        (mels, size // 2 + 1) float64.
    """
    frequencies = np.linspace(0, sample_rate / 2, size // 2 + 1)
    edges = _mel_to_hertz(np.linspace(0, _hertz_to_mel(sample_rate / 2), mels + 2))
    rising = (frequencies[None] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies[None]) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles * (2 / (edges[2:] - edges[:-2]))[:, None])


# Slaney (1998, Auditory Toolbox): linear up to 1 kHz, then 27 bands per factor of 6.4.
_LINEAR_HERTZ_PER_MEL = 200 / 3
_BREAK_HERTZ = 1000.0
_BREAK_MEL = _BREAK_HERTZ / _LINEAR_HERTZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27


def _hertz_to_mel(hertz: float) -> float:
    if hertz < _BREAK_HERTZ:
        return hertz / _LINEAR_HERTZ_PER_MEL
    return float(_BREAK_MEL + np.log(hertz / _BREAK_HERTZ) / _LOG_STEP)


def _mel_to_hertz(mel: Array) -> Array:
    linear = mel * _LINEAR_HERTZ_PER_MEL
    return np.where(mel < _BREAK_MEL, linear, _BREAK_HERTZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL)))
