"""The tiny Cohere Transcribe and its bundles."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from edge_voice_export import export_bundle
from tests.golden.cohere_tiny import CohereTiny


@pytest.fixture(scope="session")
def tiny(data: Path) -> CohereTiny:
    return CohereTiny(data / "cohere_transcribe_tiny")


@pytest.fixture(scope="session")
def bundle_of(
    tiny: CohereTiny, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """The bundle of a precision, exported once."""
    folder = tmp_path_factory.mktemp("bundles")

    @cache
    def export(precision: str) -> Path:
        export_bundle(tiny.published, folder / precision, precision=precision)
        return folder / precision

    return export
