"""The model of a command that names none.

It depends on the memory of the machine and on nothing else: not on what is installed, free or
fast, so that the same command does the same tomorrow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from edge_voice import cgroup, memory

SMALL_BYTES = 1_000_000_000
"""A machine or container with less than this counts as small."""


class Defaults(NamedTuple):
    """Models of one task.

    Attributes:
        usual: Where there is room.
        small: On small machines.
    """

    usual: str
    small: str


DEFAULTS = {
    "transcribe": Defaults("whisper-tiny.en", "moonshine-tiny"),
    "speak": Defaults("kokoro-82m", "hibari"),
}


def default_model(task: Literal["transcribe", "speak"], root: Path = cgroup.ROOT) -> str:
    """Name of the model.

    Args:
        task: What the command does.
        root: Where /proc and /sys are found.
    """
    total = memory.total_bytes(root)
    is_small = total is not None and total < SMALL_BYTES
    return DEFAULTS[task].small if is_small else DEFAULTS[task].usual


def help_text(task: Literal["transcribe", "speak"]) -> str:
    """The help of `--model`."""
    usual, small = DEFAULTS[task]
    below = "" if small == usual else f"; {small} below {SMALL_BYTES / 1e9:g} GB of memory"
    return f"A known model, or a bundle's folder. [default: {usual}{below}]"
