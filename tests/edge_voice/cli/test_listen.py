"""`edge-voice listen` with a model that needs no weights and the real detector."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from edge_voice import audio
from edge_voice.cli import listen, terminal
from edge_voice.errors import AudioError, OptionError
from edge_voice.results import Phrase
from tests.edge_voice.live_fakes import Reader

Call = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """What `listen` gets for every --model: hears a word for every half second."""
    model = Reader()
    model.hears = lambda waveform: ["la"] * (len(waveform) // 8000)
    monkeypatch.setattr(listen, "open_model", lambda *arguments: model)
    return model


@pytest.fixture(scope="module")
def talk() -> bytes:
    """1.9 s of speech between pauses, as a recorder writes it."""
    clip = audio.read(Path(__file__).parents[2] / "data" / "LJ001-0002.wav")
    pause = np.zeros(16_000, np.float32)
    return (np.concatenate((pause, clip, pause)) * 32767).astype("<i2").tobytes()


def test_help_shows_a_whole_command(call: Call) -> None:
    lines = call("listen", "--help").stdout.splitlines()
    assert "  arecord -q -f S16_LE -r 16000 -t raw | edge-voice listen" in lines


def test_a_line_a_phrase(call: Call, reader: Reader, talk: bytes) -> None:
    result = call("listen", stdin=talk + talk)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "la la la la\n" * 2
    assert len(reader.looks) == 2  # nobody sees what is still growing


def test_json_has_phrases_that_grow(call: Call, reader: Reader, talk: bytes) -> None:
    result = call("listen", "--format", "json", stdin=talk)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["is_final"] for row in rows] == [False] * (len(rows) - 1) + [True]
    assert len(rows) > 2
    assert list(rows[0]) == ["index", "start", "end", "stable", "tail", "is_final", "text"]
    assert rows[-1]["text"] == rows[-1]["stable"] == "la la la la"
    assert 0.9 < rows[-1]["start"] < 1.2
    assert 2.7 < rows[-1]["end"] < 3.1


def test_options_reach_the_model(call: Call, reader: Reader, talk: bytes) -> None:
    Path("words").write_text("Ørsted\n", encoding="utf-8")
    options = ["--language", "de", "--prompt", "names", "--hotwords", "words"]
    assert call("listen", *options, stdin=talk).exit_code == 0
    (given,) = reader.options
    assert given == {
        "language": "de", "initial_prompt": "names", "hotwords": ("Ørsted",),
        "vad": False, "timestamps": "none", "draft": False,
    }  # fmt: skip


def test_rate_and_channels_of_raw_input(call: Call, reader: Reader, talk: bytes) -> None:
    mono = np.frombuffer(talk, "<i2")
    stereo = np.repeat(mono, 3 * 2).tobytes()
    result = call("listen", "--rate", "48000", "--channels", "2", stdin=stereo)
    assert result.stdout == "la la la la\n"


def test_a_longer_pause_joins_phrases(call: Call, reader: Reader, talk: bytes) -> None:
    result = call("listen", "--silence", "3", stdin=talk + talk)
    assert result.stdout.count("\n") == 1


@pytest.mark.parametrize("stdin", [b"", b"OggS" + bytes(100)])
def test_bad_input(call: Call, reader: Reader, stdin: bytes) -> None:
    result = call("listen", stdin=stdin)
    assert result.exit_code == AudioError.exit_code
    assert result.stderr.startswith("edge-voice: error: standard input: ")
    assert result.stderr.count("\n") == 1


def test_a_terminal_is_no_recorder(
    call: Call, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Keyboard:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(listen.sys, "stdin", Keyboard())
    with pytest.raises(OptionError, match="standard input is a terminal"):
        listen.command.callback(  # type: ignore[misc]
            model="m", precision=None, language=None, prompt=None, hotwords=None,
            output_format="txt", rate=16000, channels=1, silence=0.5, threads=None,
        )  # fmt: skip


def screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> Any:
    monkeypatch.setattr(listen.sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    return listen._Screen(as_json=False)


def test_a_growing_phrase_has_one_line_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = screen(monkeypatch, capsys, columns=12)
    assert shown.shows_partials
    shown.show(Phrase(0, 0.0, 1.0, "one two", " three", is_final=False))
    shown.show(Phrase(0, 0.0, 2.0, "今日は天気がよい", "", is_final=False))
    shown.show(Phrase(0, 0.0, 2.0, "one two three.", "", is_final=True))
    shown.show(Phrase(1, 3.0, 4.0, "", "", is_final=True))
    out, err = capsys.readouterr()
    erase = terminal._ERASE_LINE
    assert out == "one two three.\n"
    assert err == f"{erase}e two three{erase}天気がよい{erase}"


def test_control_characters_do_not_reach_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = screen(monkeypatch, capsys, columns=80)
    shown.show(Phrase(0, 0.0, 1.0, "a\x1b[2Jb", "", is_final=False))
    shown.show(Phrase(0, 0.0, 1.0, "a\x1b[2Jb", "", is_final=True))
    out, err = capsys.readouterr()
    assert out == "a[2Jb\n"
    assert "\x1b[2J" not in err


def test_ctrl_c_ends_the_recording_and_a_second_one_the_program() -> None:
    before = signal.getsignal(signal.SIGINT)

    def items() -> Iterator[int]:
        yield 1
        signal.raise_signal(signal.SIGINT)
        yield 2
        raise AssertionError("asked for more")

    assert list(listen._until_interrupted(items())) == [1]
    assert signal.getsignal(signal.SIGINT) == before

    def impatient() -> Iterator[int]:
        yield 1
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        list(listen._until_interrupted(impatient()))
    assert signal.getsignal(signal.SIGINT) == before
