"""How long work reports where it is; the command line draws it, the library only calls it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told, many times a second, what is going on and how far it is."""

    def __call__(self, done_bytes: int, total_bytes: int | None, label: str, /) -> None:
        """Takes the bytes done, the bytes in all (None: unknown) and a label for people."""


def silent(_done_bytes: int, _total_bytes: int | None, _label: str, /) -> None:
    """Reports to nobody."""
