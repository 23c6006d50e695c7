"""Which memory is offered to huge pages, and that nothing is lost by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_voice.huge_pages import use_huge_pages

MAPS = """\
00400000-10400000 r-xp 00000000 08:01 1234 /usr/bin/python3
10500000-20500000 rw-p 00000000 00:00 0
20600000-20700000 rw-p 00000000 00:00 0
30000000-40000000 rw-p 00000000 00:00 0                                  [heap]
50000000-60000000 rw-s 00000000 00:00 0
60000000-70000000 rw-p 00000000 08:01 99   /tmp/weights
"""
MIB = 1 << 20


@pytest.fixture
def system(tmp_path: Path) -> tuple[Path, Path]:
    maps, setting = tmp_path / "maps", tmp_path / "enabled"
    maps.write_text(MAPS)
    setting.write_text("always [madvise] never\n")
    return maps, setting


def test_large_private_memory_in_whole_pages(system):
    calls = []

    def advise(start: int, size: int, advice: int) -> int:
        calls.append((start, size, advice))
        return 0

    assert use_huge_pages(64 * MIB, *system, advise) == (254 + 256) * MIB
    assert calls == [
        (0x10600000, 254 * MIB, 14), (0x10600000, 254 * MIB, 25),
        (0x30000000, 256 * MIB, 14), (0x30000000, 256 * MIB, 25),
    ]  # fmt: skip


def test_a_system_that_refuses(system):
    assert use_huge_pages(64 * MIB, *system, lambda start, size, advice: -1) == 0
    old = [0, -1, 0, -1]  # Linux before 6.1 knows the first advice only
    assert use_huge_pages(64 * MIB, *system, lambda start, size, advice: old.pop(0)) == 0


def test_where_huge_pages_are_switched_off_nothing_is_asked(system):
    maps, setting = system
    setting.write_text("always madvise [never]\n")
    assert use_huge_pages(1, maps, setting, lambda *_: pytest.fail("asked")) == 0
    gone = setting.with_name("missing")
    assert use_huge_pages(1, maps, gone, lambda *_: pytest.fail("asked")) == 0


def test_what_is_in_memory_stays():
    values = np.arange(4 * MIB, dtype=np.int32)
    assert use_huge_pages(8 * MIB) >= 0
    assert np.array_equal(values, np.arange(4 * MIB, dtype=np.int32))
