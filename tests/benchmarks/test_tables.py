"""Tables in documents, written from results."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import tables

MACHINE = {"cpu": "Some CPU", "cores": 2, "cpu_flags": ["avx2"], "date": "2026-11-25"}


def times(value: float) -> dict[str, float]:
    return {"min": value, "median": 2 * value}


def full_size() -> dict[str, Any]:
    run = {
        "threads": 2,
        "load_seconds": 1.26,
        "one_clip_peak_bytes": 2_400_000_000,
        "clips": [
            {"seconds": 10.0, "encoder_seconds": times(0.3)},
            {"seconds": 30.0, "encoder_seconds": times(1.2)},
        ],
        "context": {
            "seconds": 30.0,
            "step_milliseconds": {"1": times(4.26), "4": times(7.0)},
            "prefill_milliseconds": times(9.6),
        },
        "floor": {"encoder_ratio": 1.255, "step_ratio": 1.1},
    }
    peer = {
        "threads": 2,
        "version": "5.23.0",
        "peak_bytes": 4_500_000_000,
        "clips": [{"seconds": 30.0, "encoder_seconds": times(3.0)}],
        "context": {
            "seconds": 30.0,
            "step_milliseconds": {"1": times(21.0)},
            "prefill_milliseconds": times(40.0),
        },
    }
    export = {"seconds": 23.4, "peak_bytes": 186_000_000, "bundle_bytes": 2_051_000_000}
    return {
        "kind": "cohere_full_size",
        "machine": MACHINE,
        "load_average": 0.1,
        "context_seconds": 30.0,
        "rows": [
            {"engine": "edge-voice", "precision": "int8", "export": export, "runs": [run]},
            {"engine": "transformers", "precision": "bfloat16", "export": None, "runs": [peer]},
        ],
    }


def quality() -> dict[str, Any]:
    def stage(cosine: float, error: float) -> dict[str, float]:
        return {"cosine": cosine, "relative_error": error}

    row = {
        "precision": "int8",
        "bytes": 94_000_000,
        "fp32_bytes": 376_000_000,
        "tokens": 600,
        "agreement": 0.962,
        "stages": {
            "encoder output": stage(0.99966, 0.026),
            "cross-attention keys": stage(0.9996, 0.027),
            "cross-attention values": stage(0.9995, 0.028),
            "logits": stage(0.9998, 0.022),
        },
        "weights": {"vocabulary": {"layers": 1, "min": 0.005, "median": 0.006, "max": 0.007}},
    }
    rows = [{"model": "tiny", **row, "weights": {}}, {"model": "middle", **row}]
    return {"kind": "cohere_quality", "machine": MACHINE, "rows": rows}


def frames() -> dict[str, Any]:
    """A result of `voxtral_frame`."""
    row = {
        "precision": "int4", "steps": 7, "load_seconds": 2.34,
        "first_sound_seconds": 3.21, "first_sound_prepared_seconds": 0.98,
        "resident_bytes": 3_060_000_000, "bundle_bytes": 3_400_000_000, "export_seconds": 151.2,
        "export_peak_bytes": 275_000_000, "python_milliseconds": 0.61,
        "graph_milliseconds": {"backbone": 36.81, "head": 1.29, "velocity": 50.04},
        "codec_milliseconds": {"5 frames": 5.7, "25 frames": 3.31}, "real_time_factor": 1.151,
        "ratio": 1.123, "ratio_with_attention": 1.099,
    }  # fmt: skip
    texts = [
        {"characters": 10, "audio_seconds": 0.6, "seconds": 1.5, "resident_bytes": 3_000_000_000},
        {"characters": 200, "audio_seconds": 11.2, "seconds": 14, "resident_bytes": 3_010_000_000},
    ]
    return {
        "kind": "voxtral_frame",
        "machine": MACHINE,
        "threads": 2,
        "load_average": 0.1,
        "rows": [row, {**row, "steps": 4}],
        "costs": [{"precision": "int4", "steps": 7, "texts": texts}],
    }


def test_a_frame_of_voxtral():
    lines = tables.voxtral_frame(frames()).splitlines()

    assert "| int4 | 7 | 36.8 | 1.3 | 50.0 | 3.3 | 0.6 | 1.15 | 1.12 | 1.10 |" in lines
    assert "| int4 | 2.3 s | 3.21 s | 0.98 s | 3060 MB | 3400 MB | 151 s | 275 MB |" in lines
    assert "| int4 | 7 | 200 | 11.2 s | 14.0 s | 1.25 | 3010 MB |" in lines
    assert lines[-1].endswith("audio time. Some CPU, 2 cores (avx2), 2026-11-25.")


def test_cohere_at_full_size():
    lines = tables.cohere_full_size(full_size()).splitlines()

    ours = "1.3 s | 1.20 s | 0.040 | 1.25 | 4.3 ms | 1.10 | 7.0 ms | 10 ms | 2400 MB |"
    assert f"| edge-voice int8 | 2 | {ours}" in lines
    peer = "– | 3.00 s | 0.100 | – | 21.0 ms | – | – | 40 ms | 4500 MB |"
    assert f"| transformers 5.23.0 bfloat16 | 2 | {peer}" in lines
    assert "| int8 | 2051 MB | 23 s | 186 MB |" in lines
    assert lines[-1].endswith("audio time. Some CPU, 2 cores (avx2), 2026-11-25.")


def test_cohere_quality():
    lines = tables.cohere_quality(quality()).splitlines()

    cells = "94.0 MB (25% of fp32) | 0.99966 | 0.026 | 0.027 | 0.028 | 0.99980 | 0.022"
    assert f"| middle | int8 | {cells} | 96.2% of 600 |" in lines
    assert lines[-1] == "| vocabulary | 0.0050, 0.0060, 0.0070 |"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, result in {"a-full": full_size(), "a-quality": quality()}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(result))
    markers = [f"<!-- bench:cohere-{name} -->\n<!-- /bench -->\n" for name in SUBJECTS]
    (tmp_path / "page.md").write_text("before\n" + "\n".join(markers) + "behind\n")
    return tmp_path


SUBJECTS = ("full-size", "quality")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.tables", str(folder / "page.md"), *arguments]
    return subprocess.run(
        [*command, "--results", str(folder)],
        capture_output=True,
        text=True,
        cwd=Path(tables.__file__).parents[1],
    )


def test_a_page_is_out_of_date_until_it_is_written(folder):
    page = folder / "page.md"
    before = page.read_text()

    assert run(folder, "--check").returncode == 1
    assert page.read_text() == before
    assert run(folder).returncode == 0
    written = page.read_text()
    assert written.startswith("before\n")
    assert written.endswith("behind\n")
    assert tables.cohere_full_size(full_size()) in written
    assert tables.cohere_quality(quality()) in written
    assert run(folder, "--check").returncode == 0


def test_a_table_without_results_is_one_line(folder):
    (folder / "a-quality.json").unlink()

    done = run(folder)

    assert done.returncode == 1
    assert done.stderr.strip() == f"{folder}/page.md: no results for 'cohere-quality'"


def test_the_documents_have_the_tables_of_the_results():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.tables", "--check"],
        capture_output=True,
        text=True,
        cwd=Path(tables.__file__).parents[1],
    )
    assert done.returncode == 0, done.stdout + done.stderr
