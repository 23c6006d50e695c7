"""Ready exports side by side: clips, rows and their table, on pretended runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import ready_exports, tables
from benchmarks.wer import score_in

pytest.importorskip("whisper_normalizer")

TEXTS = {"en": "Colour, 3 cats.", "de": "Guten Tag!", "es": "Hola", "fr": "Bonjour", "pt": "Olá"}


@pytest.fixture
def clips(tmp_path: Path) -> list[dict[str, str]]:
    rows = []
    for language, text in [*TEXTS.items(), ("ja", "a language that is not asked for")]:
        (tmp_path / f"{language}.wav").write_bytes(b"")
        rows.append({"file": f"{language}.wav", "language": language, "text": text})
    rows.append({"file": "missing.wav", "language": "en", "text": "not there"})
    (tmp_path / "manifest.json").write_text(json.dumps(rows))
    return ready_exports.clips_of([tmp_path])


def test_clips_are_those_that_are_there_in_five_languages(clips):
    assert [clip["language"] for clip in clips] == list(TEXTS)


def test_a_row_has_the_fastest_run_and_errors_by_language(clips, tmp_path, monkeypatch):
    heard = {f"{language}.wav": text for language, text in TEXTS.items()} | {"de.wav": "guten"}
    runs = iter([{"seconds": 3.0, "peak_bytes": 5_000_000}, {"seconds": 2.0, "peak_bytes": 7}])

    def pretended(target: str, **arguments: Any) -> dict[str, Any]:
        assert (target, arguments["folder"]) == ("benchmarks.ready_exports_child:bundle", "here")
        return {**next(runs), "texts": heard}

    monkeypatch.setattr(ready_exports, "call", pretended)
    graph = tmp_path / "model.onnx"
    graph.write_bytes(bytes(1_000_000))
    subject = ready_exports.Subject("tiny", "q8", "ours", (graph,), "bundle", {"folder": "here"})
    row = ready_exports.measured(subject, clips, threads=2, rounds=2)
    assert (row["seconds"], row["peak_bytes"], row["bytes"]) == (2.0, 7, 1_000_000)
    assert row["wer"]["de"]["percent"] == 50
    assert row["wer"]["en"]["percent"] == 0
    result = {
        "machine": {"cpu": "some", "cores": 2, "cpu_flags": [], "date": "2026-11-25"},
        "threads": 2, "clips": dict.fromkeys(TEXTS, 1), "audio_seconds": 20.0, "rows": [row],
    }  # fmt: skip
    table = tables.ready_exports(result)
    assert "| tiny | q8 | ours | 1 MB | 0.100 | 0 MB | 0.0 % | 50.0 % |" in table


def test_english_has_its_own_normaliser_and_others_the_basic_one():
    assert score_in("en", "colour", "color").errors == 0
    assert score_in("fr", "Bonjour, toi !", "bonjour toi").errors == 0
    assert score_in("fr", "colour", "color").errors == 1
