"""The group: what it imports, and how it reports what goes wrong."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

import edge_voice
from edge_voice import cli
from edge_voice.errors import AudioError, FetchError, ModelNotFound, OptionError, StoreError

Call = Callable[..., Result]
EXPORT_HINT = 'pip install "edge-voice[export]"'


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes `edge-voice models` raise."""

    def install(error: BaseException) -> None:
        @click.command()
        def command() -> None:
            raise error

        monkeypatch.setitem(cli.COMMANDS, "models", (f"{__name__}:broken_command", ""))
        monkeypatch.setattr(sys.modules[__name__], "broken_command", command, raising=False)

    return install


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["nonsense"], []])
def test_light_calls_load_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from edge_voice.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "edge_voice.cli" in loaded
    assert not loaded & {"numpy", "onnxruntime", "soundfile", "soxr", "tiktoken", "onnx"}
    assert not [
        name for name in loaded if name.startswith("edge_voice.cli.t") and "term" not in name
    ]
    assert not [name for name in loaded if name.startswith(("edge_voice.hub", "edge_voice_export"))]


def test_help_lists_every_command(call: Call) -> None:
    result = call("--help")
    assert result.exit_code == 0
    listed = {line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ")}
    assert set(cli.COMMANDS) <= listed


@pytest.mark.parametrize("name", [name for name in cli.COMMANDS if name != "export"])
def test_every_command_can_be_imported(call: Call, name: str) -> None:
    result = call(name, "--help")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"Usage: edge-voice {name} ")


def test_version(call: Call) -> None:
    assert call("--version").stdout == f"edge-voice {edge_voice.__version__}\n"


@pytest.mark.parametrize("arguments", [["nonsense"], ["models", "--nonsense"], ["transcribe"]])
def test_wrong_usage(call: Call, arguments: list[str]) -> None:
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage: edge-voice" in result.stderr


@pytest.mark.parametrize(
    ("error", "exit_code", "line"),
    [
        (OptionError("unknown x"), 2, "error: unknown x"),
        (ModelNotFound("no model x"), 3, "error: no model x"),
        (AudioError("a\nb\x1b[2J"), 4, "error: a b\\x1b[2J"),
        (StoreError("disk full"), 5, "error: disk full"),
        (FetchError("all failed"), 6, "error: all failed"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "error: out of memory (a smaller model or --precision int4 needs less)"),
        (
            OSError(errno.ENOSPC, "No space left on device", "a/b"),
            5,
            "error: a/b: No space left on device",
        ),
        (PermissionError(errno.EACCES, "Permission denied"), 5, "error: Permission denied"),
        (
            ModuleNotFoundError("No module named 'onnx_ir.x'", name="onnx_ir.x"),
            1,
            f"error: onnx_ir is not installed: {EXPORT_HINT}",
        ),
        (
            KeyError("x"),
            1,
            "error: internal error: KeyError: 'x' (edge-voice --debug shows where)",
        ),
    ],
)
def test_errors_are_one_line(
    call: Call,
    broken: Callable[[BaseException], None],
    error: BaseException,
    exit_code: int,
    line: str,
) -> None:
    broken(error)
    result = call("models")
    assert result.stderr == f"edge-voice: {line}\n"
    assert (result.exit_code, result.stdout) == (exit_code, "")


def test_debug_shows_the_traceback(call: Call, broken: Callable[[BaseException], None]) -> None:
    broken(OptionError("unknown x"))
    result = call("--debug", "models")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("edge-voice: error: unknown x\n")


def test_export_without_its_package(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "edge_voice_export", None)
    monkeypatch.delitem(sys.modules, "edge_voice_export.cli", raising=False)
    result = call("export", "whisper-tiny.en")
    assert (
        result.stderr == f"edge-voice: error: edge_voice_export is not installed: {EXPORT_HINT}\n"
    )
    assert result.exit_code == 1


def test_export_is_found(call: Call) -> None:
    pytest.importorskip("edge_voice_export.cli")
    assert call("export", "--help").stdout.startswith("Usage: edge-voice export ")


def run_process(*arguments: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "edge_voice", *arguments]
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE)


def test_closed_pipe_is_quiet() -> None:
    process = run_process("models", stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.close()
    _, stderr = process.communicate()
    assert (process.returncode, stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_full_disk_behind_stdout_is_one_line() -> None:
    with open("/dev/full", "wb") as full:
        process = run_process("models", stdout=full.fileno())
        _, stderr = process.communicate()
    assert stderr == b"edge-voice: error: No space left on device\n"
    assert process.returncode == 5


def test_texts_of_any_script_whatever_the_locale() -> None:
    code = "from edge_voice.cli import main; import click, sys\n"
    code += "main.callback(debug=False); click.echo('\\u6f22')"
    environment = {"PYTHONIOENCODING": "latin-1", "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env=environment
    )
    assert done.stdout.decode() == "漢\n"
