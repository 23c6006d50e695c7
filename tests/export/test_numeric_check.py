"""Results of graphs that are to be alike: figures, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from edge_voice.errors import GraphMismatch
from edge_voice_export.numeric_check import check_alike

EXPECTED = np.array([[0.5, -2.0, 1.0]], np.float32)
RULES = {"exact": True, "least_cosine": 0.9}


def test_figures():
    found = EXPECTED + np.array([[0, 0.001, 0]], np.float32)
    difference, cosine = check_alike(found, EXPECTED, "both", **RULES)
    assert difference == pytest.approx(0.0005, rel=1e-3)
    assert 0.999999 < cosine < 1


def test_single_values_count_where_nothing_was_rounded():
    found = EXPECTED + np.array([[0, 0.1, 0]], np.float32)
    with pytest.raises(GraphMismatch, match=r"both differ by 5\.0% .*cosine is 1\.000"):
        check_alike(found, EXPECTED, "both", **RULES)
    assert check_alike(found, EXPECTED, "both", exact=False, least_cosine=0.9)[0] > 0.04


def test_another_direction_is_never_rounding():
    with pytest.raises(GraphMismatch, match=r"cosine is -1"):
        check_alike(-EXPECTED, EXPECTED, "both", exact=False, least_cosine=0.5)
