"""Cores and limits as fake /proc and /sys trees describe them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_voice import cgroup, cpu
from tests.edge_voice.file_trees import write_tree

V2, V1, HYBRID = "0::/box/inner\n", "4:memory:/box\n3:cpu,cpuacct:/box\n", "1:cpu:/\n0::/\n"


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("", {}, None),
        (V2, {}, None),
        (V2, {"cpu.max": "max 100000"}, None),
        (V2, {"box/inner/cpu.max": "150000 100000\n"}, 1.5),
        (V2, {"box/inner/cpu.max": "max 100000", "box/cpu.max": "200000 100000"}, 2.0),
        (V2, {"box/inner/cpu.max": "300000 100000", "cpu.max": "50000 100000"}, 0.5),
        ("0::/../host\n", {"cpu.max": "400000 100000"}, 4.0),
        (V1, {"cpu,cpuacct/box/cpu.cfs_quota_us": "-1"}, None),
        (
            V1,
            {
                "cpu,cpuacct/box/cpu.cfs_quota_us": "250000\n",
                "cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
            },
            2.5,
        ),
        (V1, {"cpu/cpu.cfs_quota_us": "30000", "cpu/cpu.cfs_period_us": "10000"}, 3.0),
        (HYBRID, {"unified/cpu.max": "100000 100000"}, 1.0),
        (V2, {"cpu.max": "100000 0"}, None),
    ],
)
def test_cpu_limit(
    tmp_path: Path, groups: str, files: dict[str, str], expected: float | None
) -> None:
    files = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    root = write_tree(tmp_path, files | {"proc/self/cgroup": groups})
    assert cgroup.cpu_limit(root) == expected


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        (V2, {"memory.max": "max"}, None),
        (V2, {"box/memory.max": "536870912\n", "box/inner/memory.max": "max"}, 512 << 20),
        (V1, {"memory/box/memory.limit_in_bytes": "9223372036854771712"}, None),
        (V1, {"memory/memory.limit_in_bytes": "1000000"}, 1_000_000),
    ],
)
def test_memory_limit(
    tmp_path: Path, groups: str, files: dict[str, str], expected: int | None
) -> None:
    files = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    root = write_tree(tmp_path, files | {"proc/self/cgroup": groups})
    assert cgroup.memory_limit(root) == expected


@pytest.mark.parametrize(
    ("affinity", "quota", "expected"),
    [
        (8, "max 100000", 8),
        (8, "250000 100000", 2),
        (2, "400000 100000", 2),
        (4, "10000 100000", 1),
    ],
)
def test_allowed_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, affinity: int, quota: str, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(affinity)))
    root = write_tree(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": quota})
    assert cpu.allowed_cores(root) == expected


def test_this_machine() -> None:
    assert 1 <= cpu.allowed_cores() <= cpu.present_cores()


@pytest.mark.parametrize(
    ("files", "name", "features", "fast"),
    [
        (
            {"proc/cpuinfo": "model name\t: Some Xeon\nflags\t\t: fpu amx_int8 avx2 avx512_vnni\n"},
            "Some Xeon",
            ("avx2", "avx512_vnni", "amx_int8"),
            True,
        ),
        ({"proc/cpuinfo": "model name : Old\nflags : sse2 avx2\n"}, "Old", ("avx2",), False),
        (
            {"proc/cpuinfo": "Features\t: asimd asimddp\nCPU part\t: 0xd0b\n\nModel\t: A Pi 5\n"},
            "A Pi 5",
            ("asimd", "asimddp"),
            True,
        ),
        (
            {"proc/cpuinfo": "Features : asimd\n", "proc/device-tree/model": "Board\0"},
            "Board",
            ("asimd",),
            False,
        ),
        ({}, "unknown", (), False),
    ],
)
def test_name_and_features(
    tmp_path: Path, files: dict[str, str], name: str, features: tuple[str, ...], fast: bool
) -> None:
    root = write_tree(tmp_path, files)
    assert cpu.name(root) == name
    assert cpu.features(root) == features
    assert cpu.has_int8_dot_product(root) is fast
