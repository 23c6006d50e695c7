"""Codes → samples, chunk by chunk: the chunks of a stream continue one another without seams."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_voice.session import Session

Array = np.ndarray[Any, np.dtype[Any]]

_STATE = ("past_steps.{i}", "past_keys.{i}", "past_values.{i}")
# Memory of a call grows with its frames; two seconds of audio keep the kernels busy.
_MOST_FRAMES = 25


class CodecStream:
    """One stream of speech on its way through the codec's decoder."""

    def __init__(self, session: Session) -> None:
        self._session = session
        names = [name.format(i=i) for name in _STATE for i in range(session.layers)]
        names.append("past_output_steps")
        self._state = {
            name: np.zeros([int(size) for size in session.shape(name)], np.float32)
            for name in names
        }
        self._frames = 0

    def decode(self, codes: Array) -> Array:
        """The samples of the next frames.

        Args:
            codes: (n, 1 + codebooks) codes without the special offset.

        Returns:
            (n · samples per frame,) float32, not clipped.
        """
        parts = [
            self._run(np.ascontiguousarray(codes[start : start + _MOST_FRAMES], np.int64))
            for start in range(0, len(codes), _MOST_FRAMES)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _run(self, codes: Array) -> Array:
        before = np.array(self._frames, np.int64)
        outputs = self._session.run(
            {"audio_codes": codes, "frames_before": before, **self._state}
        )
        waveform = outputs.pop("waveform")
        self._state = {
            name.replace("present", "past", 1): value for name, value in outputs.items()
        }
        self._frames += len(codes)
        return waveform
