"""From what hibari's network says of each frame to samples.

A pulse train of the pitch is filtered by the harmonic part; shaped noise and a part with free
phase are added; all of it in the frequency domain, followed by one inverse transform. The formula
is that of hibari 0.2.1's documentation of its ONNX interface (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_LOUDEST = 7.0  # of a logarithm; more would be noise of a network out of its depth
_LOWEST_PITCH = 40.0
_HIGHEST_HARMONIC = 11_000.0


class Vocoder:
    """Holds the window for one frame size."""

    def __init__(self, bins: int, hop_samples: int, sample_rate: int) -> None:
        """Prepares.

        Args:
            bins: Frequencies of a frame; the transform has 2 · (bins - 1) samples.
            hop_samples: Samples between frames.
            sample_rate: Samples per second.
        """
        self._size = 2 * (bins - 1)
        self._hop = hop_samples
        self._rate = sample_rate
        turn = 2 * np.pi * np.arange(self._size) / self._size
        self._window = (0.5 - 0.5 * np.cos(turn)).astype(np.float32)  # Hann, periodic

    def __call__(self, frames: Mapping[str, Array], random: np.random.Generator) -> Array:
        """Samples of one utterance.

        Args:
            frames: The outputs of the acoustic graph.
            random: Where the noise comes from.

        Returns:
            (frames · hop,) float32.
        """
        harmonic, theta, noise, free, phi, f0 = (
            frames[name][0] for name in ("lh", "theta", "ln", "lr", "phi", "f0")
        )
        spectrum = self._transform(self.pulses(f0), harmonic.shape[1])
        spectrum *= _polar(harmonic, np.float32(np.pi) * np.tanh(theta))
        bins, count = noise.shape
        drawn = random.standard_normal((bins, 2 * count), dtype=np.float32).view(np.complex64)
        spectrum += _magnitude(noise) * drawn
        spectrum += _polar(free, phi)
        return self._inverse(spectrum)

    def pulses(self, f0: Array) -> Array:
        """All harmonics of the pitch in phase, each of amplitude 1.

        The sum of cos(h·t) for h = 1 … H is sin((H + 1/2)·t) / (2·sin(t/2)) - 1/2.

        Args:
            f0: (frames,) hertz.

        Returns:
            (frames · hop,) float32; 0 where the pitch is below 40 Hz.
        """
        positions = (np.arange(len(f0) * self._hop) + 0.5) / self._hop - 0.5
        pitch = np.interp(positions, np.arange(len(f0)), f0).astype(np.float32)
        voiced = pitch > _LOWEST_PITCH
        pitch = np.maximum(pitch, np.float32(_LOWEST_PITCH))
        turns = np.cumsum(pitch, dtype=np.float64) / self._rate
        angle = (2 * np.pi * (turns % 1.0)).astype(np.float32)
        order = np.floor(_HIGHEST_HARMONIC / pitch) + np.float32(0.5)
        divisor = 2 * np.sin(angle / 2)
        at_peak = np.abs(divisor) <= 2e-3
        ratio = np.sin(order * angle) / np.where(at_peak, np.float32(1), divisor)
        train = np.where(at_peak, order, ratio) - np.float32(0.5)
        return np.where(voiced, train, np.float32(0))

    def _transform(self, samples: Array, count: int) -> Array:
        """(bins, count) complex64; a cosine of amplitude 1 has magnitude 1."""
        padded = np.pad(samples, self._size // 2, mode="reflect")
        views = np.lib.stride_tricks.sliding_window_view(padded, self._size)[:: self._hop][:count]
        scaled = self._window / np.float32(self._size / 4)
        return np.ascontiguousarray(np.fft.rfft(views * scaled, axis=1).T.astype(np.complex64))

    def _inverse(self, spectrum: Array) -> Array:
        """Overlapping frames added and divided by the sum of their squared windows."""
        count, hop = spectrum.shape[1], self._hop
        overlap = self._size // hop
        frames = np.fft.irfft(spectrum.T, self._size, axis=1).astype(np.float32) * self._window
        squares = (self._window**2).reshape(overlap, hop)
        total = np.zeros((count + overlap - 1, hop), np.float32)
        norm = np.zeros_like(total)
        for part in range(overlap):
            total[part : part + count] += frames.reshape(count, overlap, hop)[:, part]
            norm[part : part + count] += squares[part]
        samples = (total / np.maximum(norm, np.float32(1e-11))).reshape(-1)
        half = self._size // 2
        return samples[half : half + count * hop]


def _magnitude(logarithm: Array) -> Array:
    return np.exp(np.minimum(logarithm, np.float32(_LOUDEST)), dtype=np.float32)


def _polar(logarithm: Array, angle: Array) -> Array:
    turned = np.empty(angle.shape, np.complex64)
    np.cos(angle, out=turned.real)
    np.sin(angle, out=turned.imag)
    turned *= _magnitude(logarithm)
    return turned
