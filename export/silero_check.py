"""Do two graphs of the voice activity detector hear the same?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from edge_voice.errors import GraphMismatch
from edge_voice.session import Session
from edge_voice.silero import ROW_SAMPLES, SAMPLE_RATE

# Sums in another order differ by rounding, 3e-5 at most; thresholds have two digits.
_TOLERANCE = 1e-4
# Calls of different sizes: a single row, an odd number, the 32 of the runtime, and more.
_CALLS = (1, 7, 32, 88)
_CONTEXT_SAMPLES = 64

Array = np.ndarray[Any, np.dtype[Any]]


def compare(expected: Session, found: Session) -> float:
    """Streams silence, noise and a synthetic voice through both graphs.

    Each graph carries its own state from call to call, so the state is compared by what follows
    from it. Its cells themselves are sums without bound, and so is their rounding.

    Returns:
        Largest absolute difference between two probabilities.

    Raises:
        GraphMismatch: It exceeds 1e-4, or is not a number.
    """
    differences = [
        np.abs(_listen(expected, rows) - _listen(found, rows)).max() for rows in _streams()
    ]
    worst = float(np.max(differences))
    if not worst <= _TOLERANCE:  # this way round NaN fails
        raise GraphMismatch(
            f"{found.path.name}: probabilities differ by {worst:.1e} from those of"
            f" {expected.path.name} (at most {_TOLERANCE:.0e} is rounding)"
        )
    return worst


def _listen(session: Session, rows: Array) -> Array:
    """(n,) probabilities of (n, 576) rows."""
    state = {name: np.zeros((1, 1, 128), np.float32) for name in ("h", "c")}
    heard = []
    for part in np.split(rows, np.cumsum(_CALLS)[:-1]):
        results = session.run({"input": part, **state})
        state = {"h": results["hn"], "c": results["cn"]}
        heard.append(results["speech_probs"])
    return np.concatenate(heard)


def _streams() -> Iterator[Array]:
    """(n, 576) rows each, as the runtime cuts a stream."""
    for waveform in _waveforms(_CONTEXT_SAMPLES + sum(_CALLS) * ROW_SAMPLES):
        windows = np.lib.stride_tricks.sliding_window_view(
            waveform.astype(np.float32), _CONTEXT_SAMPLES + ROW_SAMPLES
        )
        yield np.ascontiguousarray(windows[::ROW_SAMPLES])


def _waveforms(count: int) -> Iterator[Array]:
    noise = np.random.default_rng(0).standard_normal(count)
    voice = _voice(count)
    yield from (level * noise for level in (0, 0.001, 0.03, 0.3))
    yield voice
    yield voice + 0.003 * noise  # the detector's doubts and its certainty: 0.03 to 0.99


def _voice(count: int) -> Array:
    """A buzz of gliding pitch through gliding resonances, two syllables a second."""
    seconds = np.arange(count) / SAMPLE_RATE
    pitch = 130 + 30 * np.sin(2 * np.pi * 0.7 * seconds)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    resonances = (
        (1.0, 500 + 250 * np.sin(2 * np.pi * 1.7 * seconds), 80),
        (0.5, 1500 + 500 * np.sin(2 * np.pi * 1.1 * seconds), 100),
        (0.25, np.full(count, 2500.0), 150),
    )
    voice = np.zeros(count)
    for harmonic in range(1, 31):
        gains = (
            level / (1 + ((harmonic * pitch - centre) / width) ** 2)
            for level, centre, width in resonances
        )
        voice += sum(gains) * np.cos(harmonic * phase)
    return 0.1 * voice * np.clip(1.5 * np.sin(2 * np.pi * 2 * seconds), 0, 1)
