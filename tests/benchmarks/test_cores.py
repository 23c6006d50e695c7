"""The emulated cores: sources of packages, comparison of what two cores made, and the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import board_tables, cores, cores_child, emulation
from benchmarks.packages import FetchFailed

RATE = 24_000


def tone(hertz: float, phase: float = 0.0) -> np.ndarray[Any, Any]:
    """Over a little noise, as digital silence would count as 60 dB."""
    seconds = np.arange(RATE) / RATE
    noise = 0.003 * np.random.default_rng(0).standard_normal(RATE)
    return (0.3 * np.sin(2 * np.pi * hertz * seconds + phase) + noise).astype(np.float32)


def test_equal_waveforms_do_not_differ() -> None:
    found = cores.compare(tone(440), tone(440), RATE)
    assert found == {
        "samples": RATE,
        "expected": RATE,
        "max_difference": 0,
        "correlation": pytest.approx(1),
        "spectrum_difference_decibels": 0,
    }


def test_a_phase_changes_the_samples_and_not_the_spectrum() -> None:
    shifted = cores.compare(tone(440), tone(440, phase=np.pi / 2), RATE)
    assert abs(float(shifted["correlation"] or 0)) < 0.1
    assert float(shifted["spectrum_difference_decibels"] or 9) < 4
    other = cores.compare(tone(440), tone(554), RATE)
    assert float(other["spectrum_difference_decibels"] or 0) > 5


def test_waveforms_of_other_length_are_counted_only() -> None:
    assert cores.compare(tone(440), tone(440)[:-7], RATE) == {"samples": RATE - 7, "expected": RATE}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "sources.list.d/debian.sources",
            "Types: deb\nURIs: mirror://a/debian\nSuites: bookworm bookworm-updates\n"
            "Components: main\nSigned-By: /key.gpg\n\n"
            "Types: deb\nURIs: mirror://a/debian-security\nSuites: bookworm-security\n",
        ),
        ("sources.list", "# mine\ndeb [arch=amd64] mirror://a/debian bookworm main\n"),
    ],
)
def test_the_machines_own_source_serves_the_suite(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / name).write_text(text)
    found = emulation._debian_sources(tmp_path).splitlines()
    assert {"Types: deb", "URIs: mirror://a/debian", "Suites: trixie"} <= set(found)
    assert "" not in found
    assert ("Signed-By: /key.gpg" in found) == name.endswith(".sources")


def test_without_debian_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="no source of Debian packages"):
        emulation._debian_sources(tmp_path)


def test_commands_name_the_core_and_hide_the_machines_own_processor(tmp_path: Path) -> None:
    words, additions = cores.Core("cortex-a72", "Pi").command(tmp_path)
    assert words[1:3] == ["-cpu", "cortex-a72"]
    assert words[-1].startswith(str(tmp_path))
    assert str(tmp_path / "site") in additions["PYTHONPATH"]
    words, _ = cores.Core("Haswell", "old", "avx2 fma").command(tmp_path)
    flags = (tmp_path / "x86-Haswell" / "proc" / "cpuinfo").read_text()
    assert words[words.index("-L") + 1] == str(tmp_path / "x86-Haswell")
    assert "flags\t\t: avx2 fma\n" in flags


def test_a_child_that_fails_says_why(tmp_path: Path) -> None:
    found, samples = cores.run(cores._here(), tmp_path / "nothing", tmp_path)
    assert "not a bundle" in found["failed"]
    assert samples is None


def test_the_child_transcribes_or_speaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Listener:
        def transcribe(self, clip: str) -> Any:
            return type("Transcript", (), {"text": f"heard {clip}"})

    class Voice:
        sample_rate = RATE

        def synthesize(self, text: str) -> list[Any]:
            return [type("Chunk", (), {"waveform": np.full(len(text), 0.5, np.float32)})] * 2

    monkeypatch.setattr(cores_child.edge_voice, "load", lambda *_, **__: Listener())
    assert cores_child.work("a", "b", "c", ["x", "y"])["texts"] == ["heard x", "heard y"]
    monkeypatch.setattr(cores_child.edge_voice, "load", lambda *_, **__: Voice())
    output = tmp_path / "spoken.npy"
    assert cores_child.work("a", str(output), "four", [])["sample_rate"] == RATE
    assert np.load(output).tolist() == [0.5] * 8


def test_some_models_leave_the_rows_of_others(tmp_path: Path) -> None:
    first, second = cores.MODELS[:2]
    rows = [{"model": m, "precision": p} for m, p in (first, second, ("gone", "int8"))]
    out = tmp_path / "cores.json"
    assert cores._kept(out, (first,)) == []
    out.write_text(json.dumps({"rows": rows}))
    assert cores._kept(out, (first,)) == rows[1:2]
    assert cores._kept(out, cores.MODELS) == []


def row(**facts: Any) -> dict[str, Any]:
    common = {"model": "m", "precision": "int8", "core": "c", "boards": "b", "features": ["asimd"]}
    return {**common, **facts}


def test_the_table_says_what_differs() -> None:
    here = {"texts": ["And so, it is.", "Yes."]}
    spoken = {"heard": "All is well."}
    numbers = {"max_difference": 0.5, "correlation": 0.25, "spectrum_difference_decibels": 0.5}
    rows = [
        row(texts=["And so, it is.", "Yes."], here=here),
        row(texts=["And so it is.", "Yes."], here=here),
        row(texts=["And so it was.", "Yes."], here=here),
        row(samples=9, expected=9, heard="All is well", here=spoken, **numbers),
        row(samples=11, expected=10, heard="All was well.", here=spoken),
        row(features=[], failed="signal 11", here=here),
    ]
    result = {
        "machine": {
            "cpu": "Some CPU",
            "cpu_flags": ["avx2"],
            "date": "2026-11-25",
            "versions": {"onnxruntime": "1.32"},
        },
        "qemu": "10.0",
        "clips": ["a.wav", "b/c.wav"],
        "text": "All is well.",
        "rows": rows,
    }
    table = board_tables.cores(result).splitlines()
    verdicts = [line.split(" | ")[-1].removesuffix(" |") for line in table[2:8]]
    assert verdicts == [
        "same text",
        "same words, other punctuation",
        "other words",
        "samples differ by 0.5 (correlation 0.2500), spectrum by 0.50 dB; heard as the same words",
        "+10.0 % long; not heard as the same words",
        "failed: signal 11",
    ]
    assert "clips: a, c; spoken: “All is well.”" in table[9]
    assert "- m int8: “And so it is.” instead of “And so, it is.”" in table
    assert sum(line.startswith("- ") for line in table) == 4
