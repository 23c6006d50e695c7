"""From the samples of a clip to the features that Cohere Transcribe's encoder reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_voice.features import LogMel
from edge_voice.models.cohere_transcribe.config import SAMPLE_RATE
from edge_voice.models.cohere_transcribe.dither import seeded_noise

Array = np.ndarray[Any, np.dtype[Any]]

SAMPLES_PER_FRAME = 160  # 10 ms hop
# A clip is normalised by its own deviation, and one frame has none.
FEWEST_SAMPLES = 2 * SAMPLES_PER_FRAME

_WINDOW_SAMPLES = 400  # 25 ms
_TRANSFORM_SAMPLES = 512
_DITHER = 1e-5
_PRE_EMPHASIS = np.float32(0.97)
_LEAST_POWER = np.float32(2.0**-24)
_LEAST_DEVIATION = np.float32(1e-5)


class FrontEnd:
    """Log-mel features, normalised over the clip.

    Ported from transformers 5.23.0 (`CohereAsrFeatureExtractor`), but for the row of zeros that
    it adds behind the valid frames.
    """

    def __init__(self, mels: int, *, dither: float = _DITHER) -> None:
        """Computes what does not depend on the clip.

        Args:
            mels: Mel bands from 0 to 8 kHz.
            dither: Standard deviation of the noise that is added to the samples; 0 for none.
        """
        self._dither = np.float32(dither)
        self._log_mel = LogMel(
            mels,
            sample_rate=SAMPLE_RATE,
            window_samples=_WINDOW_SAMPLES,
            hop_samples=SAMPLES_PER_FRAME,
            transform_samples=_TRANSFORM_SAMPLES,
            symmetric=True,
            mirrored=False,
        )

    def __call__(self, waveform: Array) -> Array:
        """Features of one clip.

        Args:
            waveform: (n,) float32 at 16 kHz; silence is added to less than 20 ms.

        Returns:
            (n // 160, mels) float32, of mean 0 and deviation 1 in each band.
        """
        power = self._log_mel.power(self._prepared(waveform))
        power += _LEAST_POWER
        logs = np.log(power, out=power)
        logs -= logs.mean(axis=1, keepdims=True)
        variance = np.square(logs).sum(axis=1, keepdims=True) / np.float32(logs.shape[1] - 1)
        logs /= np.sqrt(variance) + _LEAST_DEVIATION
        return np.ascontiguousarray(logs.T)

    def _prepared(self, waveform: Array) -> Array:
        """The clip with noise, and its high frequencies raised."""
        count = max(len(waveform), FEWEST_SAMPLES)
        samples = seeded_noise(count) if self._dither else np.zeros(count, np.float32)
        samples *= self._dither
        samples[: len(waveform)] += waveform
        samples[1:] -= _PRE_EMPHASIS * samples[:-1]
        return samples
