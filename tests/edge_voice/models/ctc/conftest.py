"""A toy bundle that spells what it hears."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import edge_voice
from edge_voice.models.ctc.model import CtcModel
from edge_voice_export import export_bundle
from tests import ready_files


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("ctc")
    published = ready_files.write_ctc(folder / "published")
    export_bundle(published, folder / "bundle", precision="fp32", name="toy")
    return folder / "bundle"


@pytest.fixture(scope="session")
def model(bundle: Path) -> CtcModel:
    found = edge_voice.load(bundle)
    assert isinstance(found, CtcModel)
    return found
