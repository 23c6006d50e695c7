"""Messages and the progress line."""

from __future__ import annotations

import io
import sys

import pytest

from edge_voice.cli import terminal
from edge_voice.cli.terminal import AudioProgress, clock_time, one_line, progress_line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Makes stderr a terminal of 60 columns; in a fixture pytest would undo it."""
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ünïcode 漢字", "plain ünïcode 漢字"),
        ("two\nlines\r\n\nmore\u2028", "two lines more"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("bad \udcff name", "bad \\udcff name"),
    ],
)
def test_one_line(text: str, expected: str) -> None:
    assert one_line(text) == expected


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (3600.0, "a.mp3  [#####               ]  25%  0:15:00 of 1:00:00  real-time factor 0.010"),
        (600.0, "a.mp3  [####################] 100%  0:15:00 of 0:10:00  real-time factor 0.010"),
        (None, "a.mp3  0:15:00  real-time factor 0.010"),
    ],
)
def test_progress_line(total: float | None, expected: str) -> None:
    assert progress_line("a.mp3", 900.0, total, 9.0) == expected


def test_progress_line_of_unknown_length() -> None:
    expected = "-  [##########          ]  50%  0:00:04  real-time factor 0.500"
    assert progress_line("-", 4.0, None, 2.0, 0.5) == expected
    assert "100%" in progress_line("-", 4.0, None, 2.0, 1.2)


def test_progress_line_at_the_start() -> None:
    assert progress_line("-", 0.0, None, 2.0) == "-  0:00:00"


def test_clock_time() -> None:
    assert [clock_time(s) for s in (0, 59.9, 61, 360_000)] == [
        "0:00:00",
        "0:00:59",
        "0:01:01",
        "100:00:00",
    ]


def test_progress_waits_then_draws_a_few_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = screen(monkeypatch)
    times = iter([0.0, 1.9, 2.0, 2.1, 2.3])
    progress = AudioProgress("a\nb.mp3", 100.0, clock=lambda: next(times))
    for position in (10.0, 20.0, 30.0, 40.0):
        progress.update(position)
    drawn = stderr.getvalue().split("\r\x1b[K")
    assert [line[:6] for line in drawn] == ["", "a b.mp", "a b.mp"]
    assert ["20%" in drawn[1], "40%" in drawn[2]] == [True, True]
    assert all(len(line) <= 59 for line in drawn)


def test_messages_erase_the_progress_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = screen(monkeypatch)
    times = iter([0.0, 5.0])
    progress = AudioProgress("a", 100.0, clock=lambda: next(times))
    progress.update(1.0)
    terminal.error("x")
    assert stderr.getvalue().endswith("\r\x1b[Kedge-voice: error: x\n")
    progress.erase()
    assert stderr.getvalue().endswith("\r\x1b[K")


def test_nothing_is_drawn_when_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 50.0])
    progress = AudioProgress("a", 100.0, clock=lambda: next(times))
    progress.update(1.0)
    progress.erase()
    terminal.say("x")
    assert capsys.readouterr().err == "edge-voice: x\n"
