"""A progress line on stderr, drawn only when stderr is a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType

_REDRAW_SECONDS = 0.1
_BAR_CELLS = 24


class ProgressLine:
    """A `hub.progress.Progress` that rewrites one line; use it as a context manager."""

    def __init__(self) -> None:
        self._visible = sys.stderr.isatty()
        self._drawn_at = 0.0
        self._label = ""

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._visible and self._label:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __call__(self, done_bytes: int, total_bytes: int | None, label: str, /) -> None:
        """Draws, at most ten times a second unless the label changes."""
        now = time.monotonic()
        if not self._visible or (label == self._label and now - self._drawn_at < _REDRAW_SECONDS):
            return
        self._drawn_at, self._label = now, label
        width = shutil.get_terminal_size().columns - 1
        line = format_line(done_bytes, total_bytes, label)[:width]
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()


def format_line(done_bytes: int, total_bytes: int | None, label: str) -> str:
    """The text of the line: label, then a bar and sizes as far as they are known."""
    done = f"{done_bytes / 1e6:.0f}"
    if not total_bytes:
        return f"{label}  {done} MB" if done_bytes else label
    share = min(1.0, done_bytes / total_bytes)
    bar = "#" * round(share * _BAR_CELLS)
    return f"{label}  [{bar:<{_BAR_CELLS}}] {share:4.0%}  {done} of {total_bytes / 1e6:.0f} MB"
