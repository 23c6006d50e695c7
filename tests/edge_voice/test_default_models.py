"""Which model is used where none is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_voice.cli import main
from edge_voice.default_models import DEFAULTS, default_model
from edge_voice.hub.catalog import load_catalog
from tests.edge_voice.file_trees import write_tree


def machine(root: Path, total_kilobytes: int, limit: str = "max") -> Path:
    files = {
        "proc/meminfo": f"MemTotal: {total_kilobytes} kB\nMemAvailable: 1 kB\n",
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": limit,
    }
    return write_tree(root, files)


@pytest.mark.parametrize(
    ("kilobytes", "limit", "expected"),
    [
        (8_000_000, "max", DEFAULTS["transcribe"].usual),
        (1_000_000, "max", DEFAULTS["transcribe"].usual),
        (930_000, "max", DEFAULTS["transcribe"].small),
        (8_000_000, "500000000", DEFAULTS["transcribe"].small),
    ],
)
def test_the_memory_decides(tmp_path: Path, kilobytes: int, limit: str, expected: str) -> None:
    assert default_model("transcribe", machine(tmp_path, kilobytes, limit)) == expected


def test_where_nobody_knows_the_memory_the_usual_one_is_taken(tmp_path: Path) -> None:
    assert default_model("transcribe", tmp_path) == DEFAULTS["transcribe"].usual


@pytest.mark.parametrize("task", DEFAULTS)
def test_defaults_are_known_and_for_their_task(task: str) -> None:
    known = load_catalog().models
    assert {known[name].task for name in DEFAULTS[task]} == {task}


@pytest.mark.parametrize("task", DEFAULTS)
def test_the_help_names_them(task: str) -> None:
    shown = CliRunner().invoke(main, [task, "--help"]).output
    assert all(name in shown for name in DEFAULTS[task])
