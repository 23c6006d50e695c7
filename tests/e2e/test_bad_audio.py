"""Recordings that are none, or strange ones: one clear line and the right exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from .conftest import Run

RATE = 16_000
AUDIO_ERROR = 4


def tone(seconds: float, rate: int = RATE, channels: int = 1) -> np.ndarray:
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def text_file(path: Path) -> None:
    path.write_text("this is a letter, not a recording\n" * 50)


def empty_file(path: Path) -> None:
    path.write_bytes(b"")


def header_only(path: Path) -> None:
    soundfile.write(path, tone(0), RATE, format="WAV")


def not_a_number(path: Path) -> None:
    soundfile.write(path, np.full(RATE, np.nan, np.float32), RATE, "FLOAT", format="WAV")


def infinite(path: Path) -> None:
    soundfile.write(path, np.full(RATE, np.inf, np.float32), RATE, "FLOAT", format="WAV")


def cut_flac(path: Path) -> None:
    soundfile.write(path, tone(3), RATE, format="FLAC")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def video(path: Path) -> None:
    path.write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(500))


def cut_header(path: Path) -> None:
    path.write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")


@pytest.mark.parametrize(
    "write",
    [text_file, empty_file, header_only, not_a_number, infinite, cut_flac, video, cut_header],
)
def test_refused_with_one_line(
    run: Run, tiny_bundle: Path, tmp_path: Path, write: Callable[[Path], None]
) -> None:
    path = tmp_path / "recording.wav"
    write(path)
    result = run("transcribe", path, "--model", tiny_bundle, "-o", "out")
    assert result.returncode == AUDIO_ERROR
    [line] = result.stderr.splitlines()
    assert line.startswith("edge-voice: error: ")
    assert "recording.wav" in line
    assert result.stdout == ""
    assert not list((tmp_path / "work").rglob("*.txt"))


def test_a_missing_file(run: Run, tiny_bundle: Path) -> None:
    result = run("transcribe", "nowhere.wav", "--model", tiny_bundle)
    assert result.returncode == AUDIO_ERROR
    [line] = result.stderr.splitlines()
    assert "nowhere.wav" in line


@pytest.mark.parametrize(
    ("seconds", "rate", "channels", "subtype"),
    [
        (0.01, RATE, 1, "PCM_16"),
        (2, RATE, 1, "PCM_U8"),
        (2, RATE, 6, "PCM_16"),
        (1, 192_000, 2, "PCM_24"),
        (2, 8_000, 1, "FLOAT"),
    ],
)
def test_strange_but_fine(
    run: Run,
    tiny_bundle: Path,
    tmp_path: Path,
    seconds: float,
    rate: int,
    channels: int,
    subtype: str,
) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(seconds, rate, channels), rate, subtype)
    result = run("transcribe", path, "--model", tiny_bundle, "--language", "en")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == f"edge-voice: {path}: no speech found\n"


def test_a_file_that_expands_hundreds_of_times(
    run: Run, tiny_bundle: Path, tmp_path: Path
) -> None:
    path = tmp_path / "silence.flac"
    soundfile.write(path, np.zeros(600 * RATE, np.int16), RATE, format="FLAC")
    assert 600 * RATE * 2 / path.stat().st_size > 300
    limited = ("bash", "-c", 'ulimit -v 4000000 && exec "$@"', "limited")
    result = run(
        "transcribe", path, "--model", tiny_bundle, "--language", "en", "--threads", 1,
        before=limited,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (0, "")
    assert "no speech found" in result.stderr
