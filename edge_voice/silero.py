"""Silero VAD v6: the probability of speech, 32 ms by 32 ms.

The graph in data/ has the published weights and is written by export/silero.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_voice.errors import AudioError
from edge_voice.graph import GraphSpec
from edge_voice.session import Session

SAMPLE_RATE = 16_000
ROW_SAMPLES = 512
"""New samples per row: one probability each."""

GRAPH = GraphSpec(inputs=("input", "h", "c"), outputs=("speech_probs", "hn", "cn"))
_GRAPH_PATH = Path(__file__).with_name("data") / "silero_vad.onnx"
_CONTEXT_SAMPLES = 64
# A row takes 24 µs of one core at 8 rows a call, 20 at 32 and 19 from 64 on: more rows only need
# more memory.
_MAX_ROWS = 32

Waveform = NDArray[np.float32]


class VoiceActivity:
    """Streaming detector: the state and the remainder of one call are the start of the next."""

    def __init__(self, *, threads: int = 1) -> None:
        """Opens the graph that ships with the package.

        Args:
            threads: Cores to use. A second one gains nothing: the graph is many small steps.
        """
        self._session = Session(_GRAPH_PATH, GRAPH, threads=threads)
        self.reset()

    def reset(self) -> None:
        """Forgets everything heard so far."""
        self._state = (np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32))
        # The context of the next row, then the samples that did not fill one yet.
        self._held = np.zeros(_CONTEXT_SAMPLES, np.float32)

    def probabilities(self, samples: Waveform) -> Waveform:
        """Hears the next samples of the stream.

        Args:
            samples: (n,) mono waveform at 16 kHz, any n.

        Returns:
            (rows,) probabilities in 0..1, one for each 512 samples completed by this call.

        Raises:
            AudioError: A sample is NaN or infinite.
        """
        # The graph would not tell: its activations turn NaN into plausible silence.
        if not np.isfinite(samples).all():
            raise AudioError("the waveform holds samples that are not finite (allowed: numbers)")
        step = _MAX_ROWS * ROW_SAMPLES
        results = [self._hear(samples[at : at + step]) for at in range(0, len(samples), step)]
        return np.concatenate(results) if results else np.zeros(0, np.float32)

    def flush(self) -> Waveform:
        """Ends the stream: (0 or 1,) probabilities of the rest, filled up with silence."""
        missing = -(len(self._held) - _CONTEXT_SAMPLES) % ROW_SAMPLES
        return self._hear(np.zeros(missing, np.float32))

    def _hear(self, samples: Waveform) -> Waveform:
        stream = np.concatenate((self._held, samples), dtype=np.float32)
        rows = (len(stream) - _CONTEXT_SAMPLES) // ROW_SAMPLES
        self._held = stream[rows * ROW_SAMPLES :].copy()
        if not rows:
            return np.zeros(0, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(stream, _CONTEXT_SAMPLES + ROW_SAMPLES)
        hidden, cell = self._state
        result = self._session.run(
            {"input": np.ascontiguousarray(windows[::ROW_SAMPLES]), "h": hidden, "c": cell}
        )
        self._state = (result["hn"], result["cn"])
        probabilities: Waveform = result["speech_probs"]
        return probabilities
