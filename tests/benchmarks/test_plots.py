"""The plots of costs: what they show, and that they do not change by themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from .test_tables import frames, full_size, times

pytest.importorskip("matplotlib")

from benchmarks.plots import curves, main, newest


def draw(folder: Path, images: str, plot: str = "cohere-cost") -> bytes:
    options = ["--results", str(folder), "--images", str(folder / images), "--plot", plot]
    done = CliRunner().invoke(main, options)
    assert done.exit_code == 0, done.output
    return (folder / images / f"{plot}.svg").read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a-full.json").write_text(json.dumps(full_size()))
    (tmp_path / "a-frame.json").write_text(json.dumps(frames()))
    return tmp_path


def test_a_curve_needs_more_than_one_length():
    [curve] = curves(full_size())

    assert curve.label == "edge-voice int8, 2 threads"
    assert curve.clips == ((10.0, 0.3), (30.0, 1.2))
    assert curve.token_seconds == pytest.approx(0.00426)


def test_the_same_results_give_the_same_file(folder):
    first = draw(folder, "first")

    assert draw(folder, "second") == first
    text = first.decode()
    assert "edge-voice int8, 2 threads" in text
    assert "dc:date" not in text
    assert "atplotlib" not in text.partition("<g id=")[0].replace("matplotlib.org", "")


def test_texts_are_drawn_beside_the_speech_they_make(folder):
    text = draw(folder, "first", "voxtral-cost").decode()

    assert "int4, 7 steps" in text
    assert "speech" in text
    other = frames()
    other["costs"][0]["texts"][0]["seconds"] = 99.0
    (folder / "a-frame.json").write_text(json.dumps(other))
    assert draw(folder, "second", "voxtral-cost").decode() != text


def test_other_results_give_another_file(folder):
    first = draw(folder, "first")
    other = full_size()
    other["rows"][0]["runs"][0]["clips"][0]["encoder_seconds"] = times(0.5)
    (folder / "a-full.json").write_text(json.dumps(other))

    assert draw(folder, "second") != first


def test_the_newest_results_are_drawn(folder):
    older = full_size()
    older["machine"] = {**older["machine"], "date": "2025-01-01"}
    (folder / "b-full.json").write_text(json.dumps(older))

    assert newest(folder, "", "cohere_full_size")["machine"]["date"] == "2026-11-25"
    assert newest(folder, "b-", "cohere_full_size")["machine"]["date"] == "2025-01-01"


def test_no_results_are_one_line(tmp_path):
    done = CliRunner().invoke(main, ["--results", str(tmp_path), "--images", str(tmp_path)])

    assert done.exit_code == 1
    assert done.output == f"Error: {tmp_path} has no results of cohere_full_size for any machine\n"
