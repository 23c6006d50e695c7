"""The processor: how many cores this process may use, and what it can do with int8."""

from __future__ import annotations

import math
import os
from pathlib import Path

from edge_voice import cgroup

# What decides how fast quantized models run, per family, best last.
_FEATURES = (
    "f16c",
    "fma",
    "avx2",
    "avx512f",
    "avx_vnni",
    "avx512_vnni",
    "amx_int8",
    "asimd",
    "asimdhp",
    "asimddp",
    "bf16",
    "i8mm",
    "sve",
    "sve2",
)
_NAME_KEYS = ("model name", "Model", "Hardware", "cpu model", "isa")


def allowed_cores(root: Path = cgroup.ROOT) -> int:
    """Cores this process may use: CPU affinity and cgroup quota together, at least 1.

    A quota of 1.5 cores counts as 1: a second thread would be stopped for half of the time, and
    the first would wait for it at every layer.

    Args:
        root: Where /proc and /sys are found.
    """
    cores = float(len(os.sched_getaffinity(0)))
    limit = cgroup.cpu_limit(root)
    return max(1, math.floor(cores if limit is None else min(cores, limit)))


def present_cores() -> int:
    """Logical cores of the machine, allowed or not."""
    return os.cpu_count() or 1


def name(root: Path = cgroup.ROOT) -> str:
    """The processor's or board's name, `unknown` where the kernel does not tell."""
    fields = _cpuinfo(root)
    for key in _NAME_KEYS:
        if value := fields.get(key):
            return value
    return _read(root / "proc/device-tree/model").rstrip("\0\n") or "unknown"


def features(root: Path = cgroup.ROOT) -> tuple[str, ...]:
    """Those features the processor has that matter for quantized models; the fastest last."""
    fields = _cpuinfo(root)
    found = set((fields.get("flags") or fields.get("Features") or "").split())
    return tuple(feature for feature in _FEATURES if feature in found)


def has_int8_dot_product(root: Path = cgroup.ROOT) -> bool:
    """Whether int8 layers run on instructions made for them."""
    fast = {"avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm"}
    return not fast.isdisjoint(features(root))


def _cpuinfo(root: Path) -> dict[str, str]:
    """Fields of the first processor, and those of the board that follow the last one."""
    fields: dict[str, str] = {}
    for line in _read(root / "proc/cpuinfo").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip(), value.strip())
    return fields


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
