"""Fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import Callable
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


@pytest.fixture(scope="session")
def kokoro_published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kokoro's files in miniature; not to be changed."""
    from tests import kokoro_files

    return kokoro_files.write_published(tmp_path_factory.mktemp("kokoro-published"))


@pytest.fixture(scope="session")
def kokoro_bundle(
    kokoro_published: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """The bundle of a precision, made once."""
    from edge_voice_export import export_bundle

    root = tmp_path_factory.mktemp("kokoro")

    def exported(precision: str) -> Path:
        if not (root / precision).exists():
            export_bundle(kokoro_published, root / precision, precision=precision)
        return root / precision

    return exported
