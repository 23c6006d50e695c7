"""Voxtral's tables, written from results."""

from __future__ import annotations

from benchmarks import voxtral_tables

ALIKE = {"cosine": 0.99985, "worst_cosine": 0.99977, "semantic": 0.955, "acoustic": 0.8953}


def test_quality():
    row = {
        **ALIKE, "precision": "int8", "frames": 200, "levels": 0.1047, "point_error": 0.018,
        "waveform_error": 0.01,
        "bytes": 103_000_000, "fp32_bytes": 206_000_000,
        "weights": {"backbone: down": {"layers": 6, "min": 0.005, "median": 0.006, "max": 0.007}},
    }  # fmt: skip
    exact = {"model": "tiny", **row, "weights": {}, "waveform_error": 0}
    other = {"model": "middle", **row, "weights": {}}
    rows = [exact, {"model": "middle", **row}, other]
    lines = voxtral_tables.voxtral_quality({"rows": rows}).splitlines()
    cells = "103.0 MB (50% of fp32) | 0.99985 | 0.99977 | 95.5% of 200 | 89.5% | 0.10 | -40 dB |"
    assert f"| middle | int8 | {cells}" in lines
    assert lines[2].endswith("| 0.10 | none |")
    assert lines[-1] == "| backbone: down | 0.0050, 0.0060, 0.0070 | not rounded |"


def test_steps():
    row = {"model": "middle", "steps": 3, "acoustic": 0.602, "levels": 0.623, "solver": "euler"}
    rows = [row, {**row, "solver": "ab2", "acoustic": 0.761, "levels": 0.257}]
    lines = voxtral_tables.voxtral_steps({"steps": rows}).splitlines()
    assert "| `euler`: levels (same codes) | `ab2`: levels (same codes) |" in lines[0]
    assert lines[2:] == ["| middle | 3 | 0.62 (60%) | 0.26 (76%) |"]


def test_sensitivity():
    row = {**ALIKE, "group": "codec", "scheme": "int8", "levels": 0.2, "waveform_error": 0.0123}
    lines = voxtral_tables.voxtral_sensitivity({"rows": [row]}).splitlines()
    assert lines[-1] == "| codec | int8 | 0.99985 | 95.5% | 0.200 | 0.0123 |"
