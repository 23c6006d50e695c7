"""`edge-voice speak` and `voices` with a model that needs no weights."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from edge_voice import audio
from edge_voice.audio_writer import FORMATS
from edge_voice.cli import speak
from edge_voice.errors import ModelError, OptionError
from edge_voice.models.voxtral_tts.settings import SOLVERS

Call = Callable[..., Result]
Fake = Any  # conftest.FakeSynthesizer
SPEAK = ("speak", "--model", "m")

pytestmark = pytest.mark.usefixtures("here")


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["wav", "flac", "ogg", "mp3"])
def test_a_file_by_its_suffix(call: Call, voice: Fake, here: Path, name: str) -> None:
    result = call(*SPEAK, "one two three", "-o", f"out.{name}")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert left(here) == [f"out.{name}"]
    samples = audio.read(here / f"out.{name}", sample_rate=24_000)
    assert len(samples) == pytest.approx(7200, abs=2400 if name == "mp3" else 0)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.05)


def test_options_reach_the_model(call: Call, voice: Fake) -> None:
    options = "--voice bert --language de --seed 7 --speed 1.5 --steps 4 --solver ab2 "
    options += "--guidance 2 --max-seconds 9 --precision int4 --threads 3 --lexicon words.txt "
    options += "--noise-scale 0.5 --noise-scale-duration 1"
    assert call(*SPEAK, "hello", "-o", "a.wav", *options.split()).exit_code == 0
    assert voice.opened == [("m", "int4", 3)]
    expected = {
        "voice": "bert", "language": "de", "seed": 7, "speed": 1.5, "steps": 4, "guidance": 2.0,
        "solver": "ab2",        "max_seconds": 9.0, "lexicon": "words.txt", "noise_scale": 0.5,
        "noise_scale_duration": 1.0,
    }  # fmt: skip
    assert voice.calls == [("hello", expected)]


def test_options_that_were_not_given_are_the_models_own(call: Call, voice: Fake) -> None:
    call(*SPEAK, "hello", "-o", "a.wav")
    assert voice.calls == [("hello", {})]


def test_a_stream_on_standard_output(call: Call, voice: Fake) -> None:
    result = call(*SPEAK, "one two")
    assert result.exit_code == 0
    assert result.stdout_bytes[:4] == b"RIFF"
    assert struct.unpack("<I", result.stdout_bytes[24:28]) == (24_000,)
    samples = np.frombuffer(result.stdout_bytes[44:], "<i2")
    assert len(samples) == 4800
    assert call(*SPEAK, "one two", "-o", "-", "--format", "pcm").stdout_bytes == samples.tobytes()


def test_a_stream_begins_with_the_first_chunk(
    call: Call, voice: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    voice.after_chunk = lambda: sizes.append(len(sys.stdout.buffer.getvalue()))  # type: ignore
    call(*SPEAK, "one two", "--format", "pcm")
    assert sizes == [4800, 9600]


def test_text_from_a_file_and_from_standard_input(call: Call, voice: Fake, here: Path) -> None:
    (here / "t.txt").write_bytes("\ufeffÇa va?\n".encode() + b"\xff")
    assert call(*SPEAK, "--file", "t.txt", "-o", "a.wav").exit_code == 0
    assert call(*SPEAK, "-", "-o", "a.wav", stdin="Ørsted".encode()).exit_code == 0
    assert call(*SPEAK, "--file", "-", "-o", "a.wav", stdin=b"x").exit_code == 0
    assert [text for text, _ in voice.calls] == ["Ça va?\n\ufffd", "Ørsted", "x"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no text (allowed: one of TEXT"),
        (["a", "--file", "b"], "a text and a file (allowed"),
        (["--file", "absent.txt"], "absent.txt: cannot be read: No such file"),
        (["--file", "."], ".: cannot be read: Is a directory"),
        (["a", "-o", "a.aac"], "unknown format 'aac' (allowed: wav, flac, ogg, mp3, pcm)"),
        (["a", "-o", "."], ". is a folder"),
        (["a", "--format", "mp3"], "mp3 needs a file"),
        (["  ", "-o", "a.wav"], "nothing in the text can be spoken"),
    ],
)
def test_wrong_usage(
    call: Call, voice: Fake, here: Path, arguments: list[str], message: str
) -> None:
    result = call(*SPEAK, *arguments)
    assert result.exit_code == OptionError.exit_code
    assert message in result.stderr
    assert left(here) == []


def test_a_binary_file_is_no_text(call: Call, voice: Fake, here: Path) -> None:
    (here / "a.bin").write_bytes(b"\x7fELF\0\0")
    assert "not a text file" in call(*SPEAK, "--file", "a.bin", "-o", "a.wav").stderr


def test_too_much_text(
    call: Call, voice: Fake, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speak, "MOST_TEXT_BYTES", 1 << 20)
    (here / "a.txt").write_bytes(b"a" * (1 << 20) + b"b")
    assert "more than 1 MB of text" in call(*SPEAK, "--file", "a.txt", "-o", "a.wav").stderr


@pytest.mark.parametrize(
    ("failure", "code"), [(KeyboardInterrupt(), 130), (ModelError("broken"), 3)]
)
def test_what_is_not_complete_leaves_nothing(
    call: Call, voice: Fake, here: Path, failure: BaseException, code: int
) -> None:
    voice.fail = failure
    assert call(*SPEAK, "one two", "-o", "out.wav").exit_code == code
    assert left(here) == []
    (here / "out.wav").write_bytes(b"old")
    assert call(*SPEAK, "one two", "-o", "out.wav").exit_code == code
    assert (here / "out.wav").read_bytes() == b"old"


def test_an_output_that_cannot_be_written(call: Call, voice: Fake, here: Path) -> None:
    (here / "file").write_bytes(b"")
    result = call(*SPEAK, "one", "-o", "file/out.wav")
    assert result.exit_code == 5
    assert "cannot be written" in result.stderr


def test_voices(call: Call, voice: Fake) -> None:
    assert call("voices", "m").stdout == "anna\nbert\n"
    expected = {
        "voices": ["anna", "bert"], "languages": ["en", "de"], "sample_rate": 24_000,
        "prepared_bytes": {},
    }  # fmt: skip
    assert json.loads(call("voices", "m", "--json").stdout) == expected
    assert json.loads(call("voices", "--json", "m").stdout) == expected
    assert call("voices", "list", "m").stdout == "anna\nbert\n"
    assert voice.opened == [("m", None, None)] * 4


def test_voices_of_nobody(call: Call) -> None:
    result = call("voices")
    assert result.exit_code == 2
    assert "Missing argument 'MODEL'" in result.stderr
    assert "prepare" in call("voices", "--help").stdout


def test_a_voice_that_needs_no_preparing(call: Call, voice: Fake) -> None:
    result = call("voices", "prepare", "m")
    assert result.exit_code == OptionError.exit_code
    assert "m has nothing to prepare" in result.stderr
    assert "not in the store" in call("voices", "prepare", "m", "--remove").stderr


def test_the_formats_of_the_help_are_those_of_the_writer() -> None:
    assert tuple(FORMATS) == speak._FORMATS
    assert SOLVERS == speak._SOLVERS


def test_a_model_that_only_listens(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_VOICE_OFFLINE", "1")
    result = call("speak", "hello", "--model", "whisper-tiny.en", "-o", "a.wav")
    assert result.exit_code == OptionError.exit_code
    assert "whisper-tiny.en cannot speak" in result.stderr
