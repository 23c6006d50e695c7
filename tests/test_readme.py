"""What README and docs tell people to type is what the program understands."""

from __future__ import annotations

import ast
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

import edge_voice
from edge_voice import speed_probe
from edge_voice.audio import open_stream
from edge_voice.cli import COMMANDS, main
from edge_voice.results import Segment, Transcript
from edge_voice.synthesizer import AudioChunk
from edge_voice.transcriber import SegmentStream, check_keys

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "benchmarks/README.md"]
# Their Python is run, block after block; on other pages it is made of fragments.
RUNNABLE = [ROOT / "README.md", ROOT / "docs" / "quickstart.md"]
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# Commands that need neither a model nor a network.
AT_ONCE = {"models", "doctor"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(path: Path, language: str) -> list[str]:
    found = BLOCK.findall(path.read_text(encoding="utf-8"))
    return [textwrap.dedent(code) for kind, code in found if kind == language]


def command_lines(path: Path) -> Iterator[str]:
    """Every `edge-voice …` in a block of shell commands, up to a pipe or a redirection."""
    for block in [*blocks(path, "bash"), *blocks(path, "")]:
        for line in block.splitlines():
            for part in re.split(r"[|>#)]|&&|\$\(|  +", line):
                if match := re.match(r"\s*(?:\S*/)?edge-voice (.+)", part):
                    yield match[1].strip()


EXAMPLES = [
    pytest.param(line, id=f"{name(path)}: {line}") for path in PAGES for line in command_lines(path)
]
MENTIONS = sorted(
    {
        (name(path), mention)
        for path in PAGES
        for mention in re.findall(r"`edge-voice ([^`]+)`", path.read_text(encoding="utf-8"))
    }
)


def resolve(arguments: list[str]) -> tuple[click.Command, list[str]]:
    """The command, and what is behind its name."""
    while arguments and arguments[0].startswith("-"):
        arguments = arguments[1:]
    if not arguments or not arguments[0].islower():
        return main, arguments
    found = main.get_command(click.Context(main), arguments[0])
    assert found, f"no command {arguments[0]!r} (known: {', '.join(COMMANDS)})"
    if isinstance(found, click.Group):
        default = [] if arguments[1:2] and arguments[1] in found.commands else ["list"]
        name, *rest = [*default, *arguments[1:]]
        return found.commands[name], rest
    return found, arguments[1:]


def options_of(command: click.Command) -> set[str]:
    flags = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)}
    return flags | {"-h", "--help"}


def test_pages_have_examples() -> None:
    assert len(EXAMPLES) > 15
    assert len(MENTIONS) > 10
    assert all(blocks(path, "python") for path in RUNNABLE)


@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_are_understood(line: str) -> None:
    if "..." in line:
        pytest.skip("a synopsis")
    arguments = shlex.split(line)
    if arguments[0] in ("--help", "--version"):
        return
    command, rest = resolve(arguments)
    command.make_context(arguments[0], rest)  # raises for what it does not know


@pytest.mark.parametrize("line", [e for e in EXAMPLES if e.values[0].split()[0] in AT_ONCE])
def test_examples_that_need_no_model_run(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_VOICE_HOME", str(tmp_path))
    monkeypatch.setenv("EDGE_VOICE_OFFLINE", "1")
    monkeypatch.setattr(speed_probe, "_WINDOW_SECONDS", 0.005)
    result = CliRunner().invoke(main, shlex.split(line))
    assert result.exit_code == 0, result.output
    assert result.stdout


@pytest.mark.parametrize(("page", "mention"), MENTIONS)
def test_commands_and_options_in_the_text_exist(page: str, mention: str) -> None:
    words = [word.strip("[]") for word in re.split(r"[\s,]+|\\\|", mention)]
    command, _ = resolve(words)
    known = options_of(command) | options_of(main)
    assert not [word for word in words if word.startswith("-") and word.rstrip("-") not in known]


def test_every_command_has_its_line_in_the_table() -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert all(re.search(rf"^\| `{command}\b", text, re.MULTILINE) for command in COMMANDS)


@pytest.mark.parametrize("name", ["transcribe", "speak", "voices prepare"])
def test_every_option_is_in_the_table(name: str) -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    section = text.split(f"## edge-voice {name}\n", 1)[1].split("\n## ", 1)[0]
    described = set(re.findall(r"^\| `(-[\w-]+)", section, re.MULTILINE))
    command, _ = resolve([*name.split(), "x"])
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert all(described & set(option.opts) for option in options)
    assert len(described) == len(options)


class Listener:
    """Stands in for a model: reads the audio for real, hears one segment where there is sound."""

    languages = ("en", "de")

    def stream(self, audio: Any, **options: Any) -> SegmentStream:
        check_keys(options)
        stream = SegmentStream()
        blocks = open_stream(audio, source_rate=options.get("sample_rate"))
        return stream.attach(self._hear(stream, blocks))

    def transcribe(self, audio: Any, **options: Any) -> Transcript:
        return self.stream(audio, **options).join()

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        yield AudioChunk(np.zeros(2400, np.float32), 24_000, text)

    def _hear(self, stream: SegmentStream, blocks: Any) -> Iterator[Segment]:
        loudest = max(abs(block).max() for block in stream.counted(blocks, blocks.sample_rate))
        stream.language = "en"
        if loudest > 0:
            yield Segment(0.0, stream.duration, "words")


@pytest.mark.parametrize("page", RUNNABLE, ids=name)
def test_python_examples_run(
    page: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    data: Path,
) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "data").symlink_to(data)
    (tmp_path / "talk.mp3").symlink_to(data / "LJ001-0002.wav")
    (tmp_path / "README.md").symlink_to(ROOT / "README.md")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(edge_voice, "load", lambda *_, **__: Listener(), raising=False)
    namespace: dict[str, Any] = {}
    for block in blocks(page, "python"):
        exec(compile(block, name(page), "exec"), namespace)
    assert "words" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_fragments_are_python(page: Path) -> None:
    for block in blocks(page, "python"):
        ast.parse(block)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize("marker", ["test-command", "first-command", "second-command"])
def test_the_one_line_commands_are_one_line(marker: str) -> None:
    # .ci/run takes them out of the README in the same way, and runs them.
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (inside,) = re.findall(rf"<!-- {marker} -->\n(.*?)<!-- /{marker} -->", text, re.DOTALL)
    fence, command, end = inside.strip().splitlines()
    assert (fence, end) == ("```bash", "```")
    installs = command.startswith("python3 -m venv .venv && .venv/bin/pip install")
    assert installs == (marker != "second-command")
