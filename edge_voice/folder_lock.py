"""Holds a folder against other processes; the operating system ends it with the process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Holds a folder while this lasts, under whatever name it may get meanwhile.

    Args:
        folder: An existing one; nothing is written to it.
        wait: For another process that holds it.

    Raises:
        BlockingIOError: Another process holds it, and `wait` is false.
        OSError: There is no such folder.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)
