"""The memory of the machine, and what of it this process may use."""

from __future__ import annotations

from pathlib import Path

from edge_voice import cgroup


def system(root: Path = cgroup.ROOT) -> dict[str, int]:
    """Bytes of each field of /proc/meminfo, such as `MemTotal`; empty where there is none.

    Args:
        root: Where /proc and /sys are found.
    """
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        return {}
    fields = (line.replace(":", " ").split() for line in lines)
    return {words[0]: int(words[1]) * 1024 for words in fields if len(words) == 3}


def usable_bytes(root: Path = cgroup.ROOT) -> int:
    """What is available now, or the cgroup's limit where that is less."""
    return _within_limit(system(root).get("MemAvailable", 0), root)


def total_bytes(root: Path = cgroup.ROOT) -> int | None:
    """What the machine has, or the cgroup's limit where that is less; None if nobody knows.

    It does not change while the machine runs, as what is available does.
    """
    total = system(root).get("MemTotal")
    return None if total is None else _within_limit(total, root)


def _within_limit(count: int, root: Path) -> int:
    limit = cgroup.memory_limit(root)
    return count if limit is None else min(count, limit)
