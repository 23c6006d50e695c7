"""The noise that Cohere Transcribe's reference adds to a clip, the same in every run."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

FEWEST_SAMPLES = 16
_BLOCK = 16  # uniform numbers that make as many normal ones
_SAMPLES_AT_ONCE = 1 << 15  # arrays of this size stay in the cache
_UNIFORM_BITS = 24  # of the 32 drawn; what a float32 can hold


def seeded_noise(samples: int) -> Array:
    """Normal noise, drawn by a generator whose seed is the number of samples.

    Ported from PyTorch 2.13.0 (`aten/src/ATen/native/cpu/DistributionTemplates.h`): what
    `torch.randn(samples, generator=...)` returns on a CPU after `manual_seed(samples)`, but for the
    last bits of logarithm, sine and cosine. They differ between machines there, too.

    Args:
        samples: At least `FEWEST_SAMPLES`; fewer are drawn in another way there.

    Returns:
        (samples,) float32.
    """
    # RandomState's stream is frozen for good: Mersenne Twister, seeded as its authors do.
    source = np.random.RandomState(samples)
    noise = np.empty(samples, np.float32)
    whole = samples - samples % _BLOCK
    for start in range(0, whole, _SAMPLES_AT_ONCE):
        part = noise[start : min(start + _SAMPLES_AT_ONCE, whole)]
        part[:] = _normal(_draw(source, len(part)))
    if whole < samples:
        _draw(source, samples - whole)  # drawn there, too, and not used
        noise[-_BLOCK:] = _normal(_draw(source, _BLOCK))
    return noise


def _draw(source: np.random.RandomState, count: int) -> Array:
    return np.asarray(source.randint(0, 1 << 32, count, np.uint32))


def _normal(raw: Array) -> Array:
    """Box and Muller's transform; in each block one half is radii, the other angles.

    Args:
        raw: (n,) uint32, n a multiple of 16.

    Returns:
        (n,) float32.
    """
    step = np.float32(2.0**-_UNIFORM_BITS)
    uniform = (raw & np.uint32((1 << _UNIFORM_BITS) - 1)).astype(np.float32) * step
    halves = uniform.reshape(-1, 2, _BLOCK // 2)
    radius = np.sqrt(np.float32(-2) * np.log(1 - halves[:, 0]))
    angle = np.float32(2 * np.pi) * halves[:, 1]
    halves[:, 0] = radius * np.cos(angle)
    halves[:, 1] = radius * np.sin(angle)
    return uniform
