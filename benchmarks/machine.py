"""Facts about the machine that results are measured on."""

from __future__ import annotations

import datetime
import os
import platform
import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
_TELLING_FLAGS = (
    *("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16"),
    *("asimd", "asimddp", "i8mm", "bf16", "sve"),
)


def facts(packages: Iterable[str] = ()) -> dict[str, Any]:
    """CPU, cores, memory, system, date and versions of the named packages."""
    info = _cpu_info()
    flags = set((info.get("flags") or info.get("Features") or "").split())
    return {
        "cpu": info.get("model name") or platform.processor() or platform.machine(),
        "cpu_family_model": f"{info.get('cpu family', '?')}/{info.get('model', '?')}",
        "cpu_flags": [flag for flag in _TELLING_FLAGS if flag in flags],
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
        "versions": {name: version for name in packages if (version := _version(name))},
    }


def slug() -> str:
    """Short name of this kind of machine for file names, such as `intel-xeon-2-cores-x86_64`."""
    found = facts()
    cpu = re.sub(r"\((r|tm)\)|processor|cpu|@.*", "", found["cpu"].lower())
    words = re.sub(r"[^a-z0-9]+", "-", cpu).strip("-") or "cpu"
    return f"{words}-{found['cores']}-cores-{found['architecture']}"


def result_path(name: str, out: Path | None = None) -> Path:
    """The file of a result on this kind of machine, unless `out` names another."""
    return out or RESULTS / f"{slug()}-{name}.json"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu_info() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines if ":" in line)
    info: dict[str, str] = {}
    for key, _, value in pairs:
        info.setdefault(key.strip(), value.strip())
    return info
