"""Seeded noise against values that PyTorch 2.13.0 draws on a CPU."""

from __future__ import annotations

import numpy as np
import pytest

from edge_voice.models.cohere_transcribe.dither import FEWEST_SAMPLES, seeded_noise

# First and last three of torch.randn(n, generator=torch.Generator().manual_seed(n)).
DRAWN = {
    16: ([-0.3396422, -0.7702329, 1.7878249], [0.0751276, -0.7602770, -1.1504848]),
    17: ([-1.0461915, 0.1172924, -1.1596639], [0.1157719, -0.2154148, 0.6582021]),
    31: ([-0.1812838, -0.3240654, 0.7615678], [0.6245690, -0.4892522, 0.3736165]),
    32: ([-1.7415627, -0.3635033, 0.9803275], [-1.8166184, 0.7759942, -0.6707100]),
    320: ([-1.2331051, 1.2984982, -1.1266878], [1.2759833, 0.6124901, -0.0256369]),
    20807: ([1.9395335, -0.5191541, 0.7424279], [-0.0535100, -1.4277374, 0.4863536]),
    560000: ([1.4526276, 1.6868263, -1.0825222], [-0.7432366, 0.2045976, -0.9133693]),
}


@pytest.mark.parametrize("samples", DRAWN)
def test_noise_is_that_of_torch(samples):
    noise = seeded_noise(samples)
    first, last = DRAWN[samples]

    assert (noise.shape, noise.dtype) == ((samples,), np.float32)
    np.testing.assert_allclose(noise[:3], first, atol=1e-6)
    np.testing.assert_allclose(noise[-3:], last, atol=1e-6)


@pytest.mark.parametrize("samples", [FEWEST_SAMPLES, 31, 479_999])
def test_noise_is_the_same_each_time(samples):
    np.testing.assert_array_equal(seeded_noise(samples), seeded_noise(samples))


def test_noise_is_normal():
    noise = np.sort(seeded_noise(400_000))

    assert np.isfinite(noise).all()
    assert abs(noise.mean()) < 0.005
    assert abs(noise.std() - 1) < 0.005
    # Quantiles of the normal distribution.
    quantiles = noise[[9120, 63_462, 200_000, 336_538, 390_880]]
    np.testing.assert_allclose(quantiles, [-2, -1, 0, 1, 2], atol=0.02)


def test_noise_leaves_numpys_own_generator_alone():
    before = np.random.get_state()[1].copy()
    seeded_noise(1000)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
