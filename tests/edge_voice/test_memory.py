"""Memory as fake /proc and /sys trees describe it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_voice import memory
from tests.edge_voice.file_trees import write_tree

MEMINFO = "MemTotal:        2000 kB\nMemAvailable:    1500 kB\nHugePages_Total:       0\n"


def tree(root: Path, meminfo: str | None, limit: str) -> Path:
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": limit}
    if meminfo is not None:
        files["proc/meminfo"] = meminfo
    return write_tree(root, files)


@pytest.mark.parametrize(
    ("meminfo", "limit", "total", "usable"),
    [
        (MEMINFO, "max", 2_048_000, 1_536_000),
        (MEMINFO, "1700000", 1_700_000, 1_536_000),
        (MEMINFO, "1000000", 1_000_000, 1_000_000),
        (None, "max", None, 0),
        ("", "1000000", None, 0),
    ],
)
def test_limits_count(
    tmp_path: Path, meminfo: str | None, limit: str, total: int | None, usable: int
) -> None:
    root = tree(tmp_path, meminfo, limit)
    assert (memory.total_bytes(root), memory.usable_bytes(root)) == (total, usable)


def test_this_machine() -> None:
    assert 0 < memory.usable_bytes() <= (memory.total_bytes() or 0)
