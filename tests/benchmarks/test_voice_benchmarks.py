"""What the benchmarks of voices compute and print."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import kokoro_peers, voice_tables, voices_round_trip
from edge_voice.synthesizer import AudioChunk
from tests import kokoro_files

MACHINE = {"cpu": "some CPU", "cores": 2, "cpu_flags": ["avx2"], "date": "2026-01-02"}


def save(folder: Path, *waveforms: list[float]) -> Path:
    folder.mkdir()
    for index, waveform in enumerate(waveforms):
        np.save(folder / f"{index}.npy", np.array([9.0] * 10 + waveform, np.float32))
    return folder


def test_distance_of_samples(tmp_path: Path) -> None:
    one = save(tmp_path / "one", [1.0, -1.0], [1.0])
    np.save(tmp_path / "one/0.npy", np.array([5.0] * 10 + [1.0, -1.0], np.float32))
    other = save(tmp_path / "other", [1.0, -0.9], [1.0])
    found = kokoro_peers.distance(one, other)
    assert found["max_difference"] == pytest.approx(0.1, abs=1e-4)
    assert found["decibels"] == pytest.approx(10 * np.log10(3 / 0.01), abs=0.1)
    assert kokoro_peers.distance(one, one) == {"max_difference": 0.0, "decibels": None}


def test_samples_of_another_length_have_no_distance(tmp_path: Path) -> None:
    one, other = save(tmp_path / "one", [1.0]), save(tmp_path / "other", [1.0, 1.0])
    assert kokoro_peers.distance(one, other) == {"max_difference": None, "decibels": None}


def test_voices_as_the_peer_reads_them(tmp_path: Path) -> None:
    published = kokoro_files.write_published(tmp_path / "published")
    with np.load(kokoro_peers.save_voices(published, tmp_path / "voices.npz")) as voices:
        assert sorted(voices) == sorted(kokoro_files.VOICES)
        assert voices["af_heart"].shape == (kokoro_files.LENGTHS, 1, 256)


def test_a_row_has_the_middle_of_the_times_and_the_highest_peak() -> None:
    runs = [
        {"seconds": s, "audio_seconds": 10.0, "first_seconds": s / 10, "peak_bytes": int(s)}
        for s in (1.0, 3.0, 2.0)
    ]
    assert kokoro_peers.row("x", runs) == {
        "engine": "x", "real_time_factor": 0.2, "first_seconds": 0.2, "audio_seconds": 10.0,
        "peak_bytes": 3,
    }  # fmt: skip


class Parrot:
    """Speaks nothing and hears what it was given, but for one word."""

    sample_rate = 100
    voices = ("anna",)

    def synthesize(self, text: str, **options: str) -> Iterator[AudioChunk]:
        assert options == {"voice": "anna"}
        self.text = text
        yield AudioChunk(np.zeros(150, np.float32), 100, text)

    def transcribe(self, audio: object, **options: object) -> SimpleNamespace:
        assert options == {"sample_rate": 100, "language": "en", "vad": False}
        return SimpleNamespace(text=self.text.replace("two", "too"))


def test_a_round_trip_counts_and_keeps_what_was_misheard() -> None:
    pytest.importorskip("whisper_normalizer")
    parrot = Parrot()
    found = voices_round_trip.round_trip(
        parrot, "anna", parrot, ["Good morning.", "Say two words."]  # type: ignore[arg-type]
    )
    assert found["audio_seconds"] == 3.0
    assert (found["wer"]["words"], found["wer"]["percent"]) == (5, 20.0)
    assert found["wrong"] == [{"said": "Say two words.", "heard": "Say too words."}]


def test_tables() -> None:
    row = {
        "engine": "a", "real_time_factor": 0.2, "first_seconds": 4.8, "peak_bytes": 1_240_000_000,
        "max_difference": 0.0, "decibels": None,
    }  # fmt: skip
    ours = {**row, "engine": "b", "max_difference": 0.0123, "decibels": 17.4}
    result = {
        "machine": MACHINE, "peer": "kokoro-onnx==1", "voice": "v", "sentences": 10, "threads": 2,
        "rows": [row, ours],
    }  # fmt: skip
    lines = voice_tables.kokoro_peers(result).splitlines()
    assert lines[2] == "| a | 0.200 | 4.80 s | 1240 MB | – | 0.0000 |"
    assert lines[3] == "| b | 0.200 | 4.80 s | 1240 MB | 17 dB | 0.0123 |"
    errors = {"words": 500, "substitutions": 5, "insertions": 0, "deletions": 3, "percent": 1.6}
    heard = {
        "machine": MACHINE, "listener": "whisper-base", "sentences": 50,
        "rows": [{"model": "kokoro-82m", "voice": "af_heart", "wer": errors}],
    }  # fmt: skip
    lines = voice_tables.voices_round_trip(heard).splitlines()
    assert lines[2] == "| kokoro-82m | af_heart | 500 | 8 | 1.6 % |"
    assert "heard by whisper-base" in lines[-1]
