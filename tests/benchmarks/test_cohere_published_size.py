"""Cohere Transcribe at its published size, with random weights: sizes and memory are promises."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.children import call

pytestmark = pytest.mark.full_size
GIGABYTE = 10**9


@pytest.fixture
def folder() -> Iterator[Path]:
    """Deleted at once: pytest would keep gigabytes for three runs."""
    with tempfile.TemporaryDirectory(prefix="edge-voice-") as path:
        yield Path(path)


@pytest.mark.parametrize(
    ("precision", "bundle", "memory"), [("int8", 2.1, 2.5), ("int4", 1.3, 1.7)]
)
def test_sizes_and_memory(folder: Path, precision: str, bundle: float, memory: float) -> None:
    target = str(folder / precision)
    made = call("benchmarks.cohere_ours:export", size="published", precision=precision,
                folder=target)  # fmt: skip
    assert made["peak_bytes"] < 2 * GIGABYTE
    assert made["bundle_bytes"] <= bundle * GIGABYTE
    ran = call("benchmarks.cohere_ours:run", folder=target, threads=2, clips=[30.0], rounds=1,
               floor=False)  # fmt: skip
    assert ran["greedy_tokens"] > 0
    assert ran["one_clip_peak_bytes"] <= memory * GIGABYTE
