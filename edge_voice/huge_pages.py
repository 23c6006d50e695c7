"""Memory in huge pages: where gigabytes of weights are read at every step, looking up the address
of each small page costs time too.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_HUGE_PAGE = 2 << 20
# Advice of Linux: huge pages are welcome here; make them now (since Linux 6.1).
_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25
# Private, writable, and of no file.
_ANONYMOUS = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0\s*(?:\[heap\])?")
Advise = Callable[[int, int, int], int]


def use_huge_pages(
    least_bytes: int,
    maps: Path = _MAPS,
    setting: Path = _SETTING,
    advise: Advise | None = None,
) -> int:
    """Asks the system to move large memory of this process into huge pages.

    It is a request: a system that forbids them, has none left or is too old does nothing.

    Args:
        least_bytes: Smaller stretches stay as they are.
        maps: List of the process's memory.
        setting: Whether the system has huge pages.
        advise: Function like `madvise`: address, bytes, advice → 0 if it was taken.

    Returns:
        Bytes that are in huge pages now.
    """
    if not setting.exists() or "[never]" in setting.read_text():
        return 0
    advise = advise or _madvise()
    moved = 0
    for start, stop in list(_large(maps.read_text(), least_bytes)):
        size = stop - start
        if advise(start, size, _MADV_HUGEPAGE) == 0 and advise(start, size, _MADV_COLLAPSE) == 0:
            moved += size
    return moved


def _large(maps: str, least_bytes: int) -> Iterator[tuple[int, int]]:
    """Where large anonymous memory begins and ends, in whole huge pages."""
    for line in maps.splitlines():
        if found := _ANONYMOUS.fullmatch(line.strip()):
            start = -(-int(found[1], 16) // _HUGE_PAGE) * _HUGE_PAGE
            stop = int(found[2], 16) // _HUGE_PAGE * _HUGE_PAGE
            if stop - start >= max(least_bytes, _HUGE_PAGE):
                yield start, stop


def _madvise() -> Advise:
    function = ctypes.CDLL(None).madvise
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)

    def advise(start: int, size: int, advice: int) -> int:
        return int(function(start, size, advice))

    return advise
