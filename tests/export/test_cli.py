"""`edge-voice export`, as a command of its own and inside the other."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edge_voice.cli import main
from edge_voice.errors import ModelNotFound, OptionError
from edge_voice.hub import pull
from edge_voice.manifest import Manifest
from edge_voice_export.cli import export

from .checkpoints import write_tiny_whisper


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source") / "my-whisper"
    return write_tiny_whisper(folder, layers=1, width=32, audio_ctx=100)


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle's folder to be; and no store, no network."""
    monkeypatch.setenv("EDGE_VOICE_HOME", str(tmp_path / "store"))
    monkeypatch.setenv("EDGE_VOICE_OFFLINE", "1")
    return tmp_path / "out"


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(export, [*map(str, arguments)], catch_exceptions=False)


def test_a_local_checkpoint(source, output):
    result = call("--source", source, "--precision", "int4", "-o", output)
    manifest = Manifest.load(output)
    assert result.exit_code == 0
    assert result.stdout == ""
    size = sum(entry.bytes for entry in manifest.files.values()) / 1e6
    lines = result.stderr.splitlines()
    assert lines[-1] == f"{output}: my-whisper, int4, {size:.1f} MB"
    assert any(line.startswith("encoder: ") for line in lines[:-1])
    assert (manifest.name, manifest.precision) == ("my-whisper", "int4")
    assert (manifest.licence, manifest.source.origin) == ("", "local")


def test_the_default_precision_of_a_model_is_the_catalogs(source, output):
    call("cohere-transcribe", "--source", source, "-o", output)
    assert Manifest.load(output).precision == "balanced"


def test_the_default_precision_is_int8(source, output):
    call("--source", source, "-o", output)
    assert Manifest.load(output).precision == "int8"


def test_what_the_manifest_shall_say(source, output):
    call(
        "--source", source, "-o", output, "--precision", "fp32", "--name", "other",
        "--licence", "MIT", "--origin", "someone/else", "--revision", "abc",
    )  # fmt: skip
    manifest = Manifest.load(output)
    assert (manifest.name, manifest.licence) == ("other", "MIT")
    assert (manifest.source.origin, manifest.source.revision) == ("someone/else", "abc")


def test_a_local_copy_of_a_known_model_has_its_name_and_licence(source, output):
    call("whisper-tiny", "--source", source, "-o", output)
    manifest = Manifest.load(output)
    assert (manifest.name, manifest.licence) == ("whisper-tiny", "MIT")


def test_neither_name_nor_source(output):
    with pytest.raises(OptionError, match="give NAME, a model of the catalog, or --source"):
        call("-o", output)


@pytest.mark.parametrize("extra", [[], ["--source", "/"]], ids=["fetched", "local"])
def test_a_name_that_the_catalog_does_not_have(output, extra):
    with pytest.raises(ModelNotFound, match="whisper-nano"):
        call("whisper-nano", *extra, "-o", output)
    assert not output.exists()


@dataclass
class Borrowed:
    """Stands for the download of a model's weights."""

    source: Path
    asked: list[tuple[str, str, Path]]
    returned: int = 0

    @contextmanager
    def __call__(self, name: str, precision: str, output: Path, **_: Any) -> Iterator[Any]:
        self.asked.append((name, precision, output))
        yield pull.ExportJob(
            self.source, output, name, precision, "Apache-2.0", "hub/whisper", "r1"
        )
        self.returned += 1


@pytest.fixture
def borrowed(source: Path, monkeypatch: pytest.MonkeyPatch) -> Borrowed:
    borrowed = Borrowed(source, [])
    monkeypatch.setattr(pull, "borrow_weights", borrowed)
    return borrowed


def test_a_model_of_the_catalog_is_fetched(borrowed, output):
    call("whisper-tiny.en", "--precision", "balanced", "-o", output)
    manifest = Manifest.load(output)
    assert borrowed.asked == [("whisper-tiny.en", "balanced", output)]
    assert borrowed.returned == 1
    assert (manifest.name, manifest.licence) == ("whisper-tiny.en", "Apache-2.0")
    assert (manifest.source.origin, manifest.source.revision) == ("hub/whisper", "r1")


def test_options_win_over_the_catalog(borrowed, output):
    call("whisper-tiny.en", "-o", output, "--name", "mine", "--licence", "MIT", "--origin", "me")
    manifest = Manifest.load(output)
    assert (manifest.name, manifest.licence, manifest.source.origin) == ("mine", "MIT", "me")


def test_no_network_is_said_in_one_line(output):
    result = CliRunner().invoke(main, ["export", "whisper-tiny.en", "-o", str(output)])
    assert result.exit_code == 6
    assert "EDGE_VOICE_OFFLINE" in result.stderr
    errors = [line for line in result.stderr.splitlines() if "error" in line]
    assert len(errors) == 1
    assert not output.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--source", "nowhere"], 3, "no checkpoint at nowhere"),
        ([], 2, "give NAME"),
        (["--source", "nowhere", "--precision", "int3"], 2, "'int3' is not one of"),
        (["whisper-nano"], 3, "whisper-nano"),
    ],
)
def test_failures_inside_the_command_line(output, arguments, code, said):
    result = CliRunner().invoke(main, ["export", *arguments, "-o", str(output)])
    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not output.exists()


def test_the_module_on_its_own(source, output, tmp_path):
    command = [sys.executable, "-P", "-m", "edge_voice_export", "--source", str(source)]
    done = subprocess.run(
        [*command, "-o", "out", "--precision", "int4"],
        cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    assert Manifest.load(output).precision == "int4"


def test_the_module_on_its_own_fails_in_one_line(source, output, tmp_path, monkeypatch, capsys):
    damaged = tmp_path / "damaged"
    shutil.copytree(source, damaged)
    config = json.loads((damaged / "config.json").read_text())
    del config["encoder_attention_heads"]
    (damaged / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(sys, "argv", ["", "--source", str(damaged), "-o", str(output)])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("edge_voice_export", run_name="__main__")
    said = capsys.readouterr().err
    assert caught.value.code == 3
    assert said.startswith("edge-voice: error: ")
    assert "encoder_attention_heads" in said
    assert len(said.splitlines()) == 1
    assert not output.exists()
