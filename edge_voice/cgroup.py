"""Limits that a container or service manager sets, of both generations of Linux cgroups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path("/")
# The first generation writes "no limit" as the largest page-aligned number it has.
_NO_LIMIT_BYTES = 1 << 60


def cpu_limit(root: Path = ROOT) -> float | None:
    """Cores' worth of time this process may use, or None without a limit.

    Args:
        root: Where /proc and /sys are found.
    """
    limits = (_cores(folder) for folder in _folders("cpu", root))
    return min((limit for limit in limits if limit is not None), default=None)


def memory_limit(root: Path = ROOT) -> int | None:
    """Bytes of memory this process may use, or None without a limit."""
    limits = []
    for folder in _folders("memory", root):
        for file in ("memory.max", "memory.limit_in_bytes"):
            value = "".join(_words(folder / file))
            if value.isdigit() and int(value) < _NO_LIMIT_BYTES:
                limits.append(int(value))
    return min(limits, default=None)


def _cores(folder: Path) -> float | None:
    words = _words(folder / "cpu.max") or [
        *_words(folder / "cpu.cfs_quota_us"),
        *_words(folder / "cpu.cfs_period_us"),
    ]
    match words:
        case [quota, period] if quota.isdigit() and period.isdigit() and int(period):
            return int(quota) / int(period)
    return None  # "max" and -1 mean no limit


def _folders(controller: str, root: Path) -> Iterator[Path]:
    """The process's group and those above it, in each hierarchy that has the controller."""
    mounts = root / "sys/fs/cgroup"
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            bases = [mounts, mounts / "unified"]
        elif controller in controllers.split(","):
            bases = [mounts / controllers, mounts / controller]
        else:
            continue
        group = PurePosixPath(path.lstrip("/"))
        for base in bases:
            # In a container the path can be the host's; what does not exist reads as empty.
            yield from (base / above for above in (group, *group.parents))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _words(path: Path) -> list[str]:
    lines = _lines(path)
    return lines[0].split() if lines else []
