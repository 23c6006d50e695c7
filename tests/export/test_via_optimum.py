"""What `--via optimum` says where optimum is not to be had."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_voice.cli import main


@pytest.mark.skipif(importlib.util.find_spec("optimum") is not None, reason="optimum is here")
def test_without_optimum_the_error_says_how_to_get_it(tmp_path: Path):
    output = ["-o", str(tmp_path / "bundle"), "--via", "optimum"]
    result = CliRunner().invoke(main, ["export", str(tmp_path), *output])
    assert result.exit_code == 2
    assert "an environment of its own" in result.output
    assert "'edge-voice[optimum]'" in result.output
    assert not (tmp_path / "bundle").exists()


def test_an_adapter_is_for_optimum_only(tmp_path: Path):
    arguments = ["--source", str(tmp_path), "-o", str(tmp_path / "bundle"), "--adapter", "deu"]
    result = CliRunner().invoke(main, ["export", *arguments])
    assert result.exit_code == 2
    assert "--adapter goes with --via optimum only" in result.output
