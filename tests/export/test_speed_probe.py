"""The graphs that the doctor times are those that the exporter writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge_voice import speed_probe
from edge_voice.session import Session
from edge_voice_export.speed_probe import main

DATA = Path(speed_probe.__file__).parent / "data"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("probe")
    result = CliRunner().invoke(main, ["-o", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0
    return folder


@pytest.mark.parametrize("name", speed_probe.GRAPHS.values())
def test_written_anew_they_have_the_same_bytes(written: Path, name: str) -> None:
    assert (written / name).read_bytes() == (DATA / name).read_bytes()
    assert (DATA / name).stat().st_size < 1000


@pytest.mark.parametrize(
    ("kind", "shape", "factor"),
    [
        ("products", (256, 2048), 512 * 3 * 0.01),
        ("convolutions", (1, 256, 512), 256 * 3 * 0.01),
        ("steps", (1, 16384), 2048 * 0.01),
    ],
)
def test_they_compute_what_they_should(kind: str, shape: tuple[int, ...], factor: float) -> None:
    session = Session(DATA / speed_probe.GRAPHS[kind], speed_probe._SPEC)
    ones = np.ones(speed_probe.INPUT_SHAPES[kind], np.float32)

    found = session.run({speed_probe.INPUT: ones})[speed_probe.OUTPUT]

    assert found.shape == shape
    inner = found[..., 1:-1] if kind == "convolutions" else found  # the ends meet padding
    np.testing.assert_allclose(inner, factor, rtol=0.01)
