"""Where an utterance begins and ends, and the pauses between utterances."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_FRAME_SECONDS = 0.005
# Below the loudest frame by this much is silence; room tone of a voice lies around -60 dB.
_SILENCE_DECIBELS = -48.0
_KEPT_SECONDS = 0.030
_FADE_SECONDS = 0.008
# Silence behind a sentence and behind part of one, in seconds, at normal speed.
_PAUSES = {".": 0.32, "!": 0.32, "?": 0.34, "…": 0.40, ":": 0.24, ";": 0.24, ",": 0.14, "—": 0.18}
_SHORT_PAUSE = 0.06
_CLOSING = "\"')”’]"


def trimmed(
    waveform: Array, sample_rate: int, *, start: bool = True, end: bool = True
) -> Array:
    """Speech without the silence around it, faded in and out so that it can be joined anywhere.

    Args:
        waveform: (n,) float32.
        sample_rate: Samples per second.
        start: Whether speech begins in it, and is not the continuation of other samples.
        end: Whether speech ends in it.

    Returns:
        (m,) float32, m <= n; empty if there is nothing but silence.
    """
    frame = max(1, round(_FRAME_SECONDS * sample_rate))
    count = -(-len(waveform) // frame)
    padded = np.pad(waveform, (0, count * frame - len(waveform))).reshape(count, frame)
    loudness = np.sqrt(np.mean(np.square(padded, dtype=np.float64), axis=1))
    if not count or not loudness.max() > 0:
        return waveform[:0]
    loud = np.flatnonzero(loudness > loudness.max() * 10 ** (_SILENCE_DECIBELS / 20))
    kept = round(_KEPT_SECONDS * sample_rate)
    first = max(0, int(loud[0]) * frame - kept) if start else 0
    last = min(len(waveform), (int(loud[-1]) + 1) * frame + kept) if end else len(waveform)
    return _faded(waveform[first:last], round(_FADE_SECONDS * sample_rate), start, end)


def pause_samples(text: str, speed: float, sample_rate: int) -> int:
    """Length of the silence that belongs behind a piece of text, by the mark at its end."""
    mark = text.rstrip(_CLOSING)[-1:]
    return round(_PAUSES.get(mark, _SHORT_PAUSE) / speed * sample_rate)


def _faded(waveform: Array, length: int, start: bool, end: bool) -> Array:
    length = min(length, len(waveform) // 2)
    if not length:
        return waveform
    ramp = (np.arange(length, dtype=np.float32) + np.float32(0.5)) / np.float32(length)
    faded = waveform.copy()
    if start:
        faded[:length] *= ramp
    if end:
        faded[-length:] *= ramp[::-1]
    return faded
