from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner, Result

from edge_voice.cli import models, path, pull, rm, verify
from edge_voice.cli._bar import ProgressLine, format_line
from edge_voice.errors import ChecksumMismatch, EdgeVoiceError, ModelNotFound
from edge_voice.hub import store
from tests.edge_voice.bundles import install

pytestmark = pytest.mark.usefixtures("home")


def run(command: click.Command, *arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def fails(command: click.Command, *arguments: str) -> EdgeVoiceError:
    error = run(command, *arguments).exception
    assert isinstance(error, EdgeVoiceError)
    return error


def test_models_is_a_table_of_the_catalog() -> None:
    install("whisper-base", "fp32")
    install("whisper-base", "int8")
    lines = run(models.command).stdout.splitlines()
    rows = {line.split()[0]: line for line in lines}
    assert list(rows)[:3] == ["NAME", "whisper-tiny", "whisper-tiny.en"]
    assert rows["whisper-tiny.en"].split() == [
        "whisper-tiny.en",
        "-",
        *["151", "MB", "38", "M", "MIT", "en"],
    ]
    assert "fp32 (0 MB), int8 (0 MB)" in rows["whisper-base"]
    assert rows["whisper-base"].split()[-6:] == ["MB", "73", "M", "MIT", "99", "languages"]
    cohere = rows["cohere-transcribe"].split()[1:]
    assert cohere == ["-", "4,132", "MB", "2,049", "M", "Apache-2.0", "14", "languages"]
    assert rows["cohere-transcribe-arabic"].split()[-3:] == ["Apache-2.0", "ar,", "en"]
    assert rows["voxtral-tts"].split()[-3:] == ["CC-BY-NC-4.0", "9", "languages"]
    assert not any(line.endswith(" ") for line in lines)


def test_models_as_json() -> None:
    folder = install("whisper-tiny.en")
    rows = {row["name"]: row for row in json.loads(run(models.command, "--json").stdout)}
    assert rows["whisper-tiny"]["installed"] == []
    assert len(rows["whisper-tiny"]["languages"]) == 99
    tiny = rows["whisper-tiny.en"]
    size = sum(each.stat().st_size for each in folder.iterdir())
    assert tiny["installed"] == [{"precision": "int8", "folder": str(folder), "bytes": size}]
    assert (tiny["licence"], tiny["download_bytes"]) == ("MIT", 151_060_136)
    assert (tiny["precision"], rows["cohere-transcribe"]["precision"]) == ("int8", "balanced")


def test_pull_prints_the_folder() -> None:
    folder = install("whisper-tiny.en", "int4")
    result = run(pull.command, "whisper-tiny.en", "--precision", "int4")
    assert (result.stdout, result.stderr) == (f"{folder}\n", "")


def test_pull_unknown_names() -> None:
    assert "did you mean 'whisper-tiny.en'" in str(fails(pull.command, "whisper-tinyen"))
    result = run(pull.command, "whisper-tiny", "--precision", "fp64")
    assert result.exit_code == 2
    assert "'fp32', 'int8', 'int4', 'balanced'" in result.stderr


@pytest.mark.parametrize(
    ("name", "preferred"), [("whisper-tiny", "int8"), ("cohere-transcribe", "balanced")]
)
def test_path_takes_the_precision_or_the_default(name: str, preferred: str) -> None:
    folders = {precision: install(name, precision) for precision in store.PRECISIONS}
    assert run(path.command, name).stdout == f"{folders[preferred]}\n"
    assert run(path.command, name, "--precision", "fp32").stdout == f"{folders['fp32']}\n"


@pytest.mark.parametrize(
    ("name", "precision"), [("whisper-tiny.en", "int8"), ("cohere-transcribe", "balanced")]
)
def test_pull_takes_the_default_of_the_model(name: str, precision: str) -> None:
    folder = install(name, precision)
    assert run(pull.command, name).stdout == f"{folder}\n"


@pytest.mark.parametrize("arguments", [["whisper-tiny"], ["whisper-base", "--precision", "int4"]])
def test_path_of_what_is_not_there(arguments: list[str]) -> None:
    install("whisper-base")
    error = fails(path.command, *arguments)
    assert isinstance(error, ModelNotFound)
    assert f"(edge-voice pull {arguments[0]})" in str(error)


def test_rm_removes_all_or_one() -> None:
    install("whisper-tiny", "fp32")
    install("whisper-tiny", "int8")
    result = run(rm.command, "whisper-tiny", "--precision", "fp32")
    assert (result.stdout, result.stderr) == ("", "edge-voice: removed whisper-tiny (fp32)\n")
    assert [bundle.precision for bundle in store.installed()] == ["int8"]
    assert run(rm.command, "whisper-tiny").exit_code == 0
    assert store.installed() == []
    assert isinstance(fails(rm.command, "whisper-tiny"), ModelNotFound)


def test_verify_says_ok() -> None:
    install("whisper-base")
    install("whisper-tiny", "fp32")
    result = run(verify.command)
    assert (result.exit_code, result.stdout) == (
        0,
        "whisper-base int8: ok\nwhisper-tiny fp32: ok\n",
    )
    assert run(verify.command, "whisper-tiny").stdout == "whisper-tiny fp32: ok\n"


def test_verify_lists_every_problem_and_fails() -> None:
    folder = install("whisper-base")
    (folder / "encoder.onnx").write_bytes(b"Graph")
    (folder / "stray").touch()
    (install("whisper-tiny") / "manifest.json").write_text("{}")
    install("whisper-tiny.en")
    result = run(verify.command)
    assert isinstance(result.exception, ChecksumMismatch)
    assert result.exception.exit_code == 3
    assert "2 of 3 bundles are damaged (edge-voice rm whisper-base" in str(result.exception)
    lines = result.stdout.splitlines()
    assert lines[:3] == ["whisper-base int8: damaged", "  changed: encoder.onnx", "  extra: stray"]
    assert lines[3] == "whisper-tiny int8: damaged"
    assert lines[5] == "whisper-tiny.en int8: ok"


def test_verify_of_what_is_not_there() -> None:
    assert isinstance(fails(verify.command, "whisper-tiny"), ModelNotFound)
    assert run(verify.command).stdout == ""


@pytest.mark.parametrize(
    ("done", "total", "expected"),
    [
        (0, None, "converting"),
        (2_400_000, None, "converting  2 MB"),
        (50_000_000, 100_000_000, "converting  [############            ]  50%  50 of 100 MB"),
        (200, 100, "converting  [########################] 100%  0 of 0 MB"),
    ],
)
def test_progress_line(done: int, total: int | None, expected: str) -> None:
    assert format_line(done, total, "converting") == expected


@pytest.mark.parametrize(("terminal", "expected"), [(True, "\r\x1b[Kwaiting\r\x1b[K"), (False, "")])
def test_progress_is_drawn_on_terminals_only(
    terminal: bool,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    with ProgressLine() as progress:
        progress(0, None, "waiting")
        progress(0, None, "waiting")
    assert capsys.readouterr().err == expected
