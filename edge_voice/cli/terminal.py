"""Messages for people, on stderr: notes, errors, and a progress line on a terminal."""

from __future__ import annotations

import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ERASE_LINE = "\r\x1b[K"
_QUIET_SECONDS = 2.0
_REDRAW_SECONDS = 0.2
_BAR_CELLS = 20


def say(message: str) -> None:
    """Prints one line on stderr; a progress line there is erased first."""
    erase = _ERASE_LINE if sys.stderr.isatty() else ""
    sys.stderr.write(f"{erase}edge-voice: {one_line(message)}\n")
    sys.stderr.flush()


def redraw(line: str) -> None:
    """Puts a line on stderr in place of the one that stands there, to be replaced itself."""
    sys.stderr.write(_ERASE_LINE + line)
    sys.stderr.flush()


def error(message: object) -> None:
    """Prints an error as one line on stderr."""
    say(f"error: {message}")


def one_line(text: str) -> str:
    """Text with line breaks as blanks and other control characters written out.

    Names of files can hold both, and escape sequences that would reach the terminal.
    """
    flat = " ".join(part for part in text.splitlines() if part)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in flat)


@contextmanager
def library_messages() -> Iterator[None]:
    """Prints what the library logs as notes and warnings while this lasts."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            warns = record.levelno >= logging.WARNING
            say(f"{'warning: ' if warns else ''}{record.getMessage()}")

    logger = logging.getLogger("edge_voice")
    handler, propagate, level = Handler(), logger.propagate, logger.level
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
        logger.setLevel(level)


class AudioProgress:
    """A line on stderr that shows how far a recording or a speech is.

    There is nothing unless stderr is a terminal. It appears once the work has taken some seconds.
    """

    def __init__(
        self,
        label: str,
        total_seconds: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = one_line(label)
        self._total_seconds = total_seconds
        self._clock = clock
        self._started = clock()
        self._drawn_at = 0.0
        self._visible = sys.stderr.isatty()

    @property
    def elapsed_seconds(self) -> float:
        """Time since this was made."""
        return self._clock() - self._started

    def update(self, position_seconds: float, share: float | None = None) -> None:
        """Redraws, a few times a second at most; `share` is for work of unknown length."""
        elapsed = self.elapsed_seconds
        if not self._visible or elapsed < max(_QUIET_SECONDS, self._drawn_at + _REDRAW_SECONDS):
            return
        self._drawn_at = elapsed
        line = progress_line(self._label, position_seconds, self._total_seconds, elapsed, share)
        width = shutil.get_terminal_size().columns - 1
        redraw(line[:width])

    def erase(self) -> None:
        """Clears the line, before something else is printed and at the end."""
        if self._visible and self._drawn_at:
            redraw("")


def progress_line(
    label: str,
    position_seconds: float,
    total_seconds: float | None,
    elapsed_seconds: float,
    share: float | None = None,
) -> str:
    """Label, bar, times and real-time factor, as far as they are known."""
    parts, position = [label], clock_time(position_seconds)
    if total_seconds:
        share = position_seconds / total_seconds
        position += f" of {clock_time(total_seconds)}"
    if share is not None:
        share = min(1.0, share)
        parts.append(f"[{'#' * round(share * _BAR_CELLS):<{_BAR_CELLS}}] {share:4.0%}")
    parts.append(position)
    if position_seconds > 0:
        parts.append(f"real-time factor {elapsed_seconds / position_seconds:.3f}")
    return "  ".join(parts)


def clock_time(seconds: float) -> str:
    """Hours, minutes and seconds for people, `0:01:05`."""
    minutes, whole_seconds = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{whole_seconds:02d}"
