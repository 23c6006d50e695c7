"""The report beside a bundle."""

from __future__ import annotations

import json

import numpy as np
import pytest

from edge_voice_export.report import ErrorMeter, Layer, Report

from .matrices import normal


@pytest.fixture
def report() -> Report:
    layers = [
        Layer("encoder.conv1.weight", "float32", 1000, 4000, 0.0),
        Layer("encoder.fc1", "int8", 20_000, 20_500, 0.00612345),
        Layer("encoder.fc2", "int8", 30_000, 30_500, 0.00587654),
        Layer("decoder.head", "int4 block 32", 1_234_567, 700_000, 0.0754321),
    ]
    return Report("whisper-some", "int4", layers, {"steps against one pass": 0.0123})


def test_totals_by_scheme(report):
    assert report.totals() == {
        "float32": {"layers": 1, "parameters": 1000, "bytes": 4000},
        "int8": {"layers": 2, "parameters": 50_000, "bytes": 51_000},
        "int4 block 32": {"layers": 1, "parameters": 1_234_567, "bytes": 700_000},
    }


def test_json_holds_everything(report, tmp_path):
    report.write(tmp_path)
    content = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert content["model"] == "whisper-some"
    assert content["precision"] == "int4"
    assert content["totals"] == report.totals()
    assert content["checks"] == {"steps against one pass": 0.0123}
    assert [Layer(**layer) for layer in content["layers"]] == report.layers


def test_markdown_shows_totals_checks_and_every_layer(report, tmp_path):
    report.write(tmp_path)
    lines = (tmp_path / "report.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# whisper-some, precision int4"
    assert "| int8 | 2 | 50,000 | 51,000 |" in lines
    assert "| **total** | 4 | 1,285,567 | 755,000 |" in lines
    assert "| steps against one pass | 0.0123 |" in lines
    assert "| encoder.fc1 | int8 | 20,000 | 20,500 | 6.12e-03 |" in lines
    assert "| decoder.head | int4 block 32 | 1,234,567 | 700,000 | 7.54e-02 |" in lines


def test_markdown_tables_are_whole(report, tmp_path):
    """Each table has a head, a rule and as many cells in each row; blank lines between them."""
    report.write(tmp_path)
    blocks = (tmp_path / "report.md").read_text(encoding="utf-8").strip().split("\n\n")
    tables = [block.splitlines() for block in blocks[1:]]
    assert [len(table) for table in tables] == [2 + 3 + 1, 2 + 1, 2 + 4]
    for table in tables:
        assert len({line.count("|") for line in table}) == 1
        assert set(table[1]) <= set("|-:")


def test_without_checks_there_is_no_table_of_checks(report, tmp_path):
    report.checks = {}
    report.write(tmp_path)
    assert "check" not in (tmp_path / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("pieces", [1, 3, 10])
def test_relative_error_of_parts_is_that_of_the_whole(pieces):
    original = normal(10, 7)
    stored = original + normal(10, 7, seed=1, scale=0.01)
    meter = ErrorMeter()
    for one, other in zip(
        np.array_split(original, pieces), np.array_split(stored, pieces), strict=True
    ):
        meter.add(one, other)
    expected = np.linalg.norm(stored - original) / np.linalg.norm(original)
    assert meter.relative == pytest.approx(expected, rel=1e-5)


def test_relative_error_of_zeros():
    meter = ErrorMeter()
    assert meter.relative == 0
    meter.add(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float32))
    assert meter.relative == 0
