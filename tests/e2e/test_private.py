"""What the command line asks of the operating system, traced: no network, no stray files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from .conftest import Run

_SOCKET = re.compile(r"\b(?:socket|connect|sendto|sendmsg)\((.*)")
_WRITING = re.compile(r'\bopen(?:at)?\(.*?"([^"]+)", [^)]*(?:O_WRONLY|O_RDWR|O_CREAT)')
_MAKING = re.compile(r'\b(?:mkdir|rename|unlink|link|symlink)\w*\((?:AT_FDCWD, )?"([^"]+)"')


@pytest.fixture
def traced(run: Run, tmp_path: Path) -> tuple[Run, Path]:
    """Runs under strace; the second value is the trace."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    trace = tmp_path / "trace"
    files = "openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat"
    calls = f"trace=network,{files}"

    def call(*arguments: object) -> object:
        return run(*arguments, before=("strace", "-f", "-qq", "-e", calls, "-o", str(trace)))

    return call, trace  # type: ignore[return-value]


@pytest.mark.parametrize(
    "arguments",
    [
        ["transcribe", "AUDIO", "--model", "BUNDLE", "-o", "out", "--format", "txt,json,srt,vtt"],
        ["transcribe", "AUDIO", "--model", "BUNDLE", "--no-vad", "--language", "en"],
        ["doctor"],
        ["models"],
        ["export", "--source", "CHECKPOINT", "-o", "bundle"],
    ],
)
def test_no_socket_and_no_file_elsewhere(
    traced: tuple[Run, Path],
    tiny_bundle: Path,
    data: Path,
    tmp_path: Path,
    arguments: list[str],
) -> None:
    run, trace = traced
    places = {
        "AUDIO": str(data / "jfk.wav"),
        "BUNDLE": str(tiny_bundle),
        "CHECKPOINT": str(tiny_bundle.parent / "checkpoint"),
    }
    result = run(*(places.get(word, word) for word in arguments))
    assert result.returncode == 0, result.stderr
    lines = trace.read_text().splitlines()
    assert any("onnxruntime" in line for line in lines) or arguments[0] == "models"
    sockets = [match[1] for line in lines if (match := _SOCKET.search(line))]
    assert [call for call in sockets if not call.startswith(("AF_UNIX", "AF_NETLINK"))] == []
    touched = {
        match[1]
        for line in lines
        for pattern in (_WRITING, _MAKING)
        if (match := pattern.search(line)) and "= -1" not in line
    }
    allowed = (str(tmp_path / "store"), str(tmp_path / "work"), "/dev/", "out", "bundle", ".")
    # TMPDIR is the temporary folder itself; anything written elsewhere would be a surprise.
    assert sorted(path for path in touched if not path.startswith((*allowed, str(tmp_path)))) == []
    home = tmp_path / "home"
    assert list(home.rglob("*")) == []
