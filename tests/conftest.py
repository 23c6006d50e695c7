"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import edge_voice  # noqa: F401  (switches onnxruntime's telemetry off before any test imports it)

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    """Small files that belong to the tests."""
    return DATA


@pytest.fixture(scope="session")
def shared() -> Path:
    """A folder with larger reference data, for those who have it; skips the test elsewhere."""
    path = Path(os.environ.get("EDGE_VOICE_SHARED", Path(__file__).parents[2] / "shared"))
    if not path.is_dir():
        pytest.skip(f"no reference data at {path}")
    return path
