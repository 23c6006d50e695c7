"""The rules of docs/architecture.md that a program can check."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("edge_voice", "export", "tests", "benchmarks")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
RUNTIME = [path for path in SOURCES if path.is_relative_to(ROOT / "edge_voice")]
EXPORT = [path for path in SOURCES if path.is_relative_to(ROOT / "export")]
BENCHMARKS = [path for path in SOURCES if path.is_relative_to(ROOT / "benchmarks")]

# Which module of the runtime may import what; numpy may be imported anywhere.
DOORS = {
    "onnxruntime": "session.py",
    "soundfile": "audio*.py",  # reading, and audio_writer.py
    "soxr": "audio.py",
    "tiktoken": "tokenizer.py",
    "huggingface_hub": "hub/web.py",
    "click": "cli/*.py",
}
EXPORT_PACKAGES = {"numpy", "onnx_ir", "safetensors", "ml_dtypes", "click", "edge_voice"}
# What compares with PyTorch, and what traces it.
EXPORT_DOORS = {
    "pytorch_check.py": {"torch"},
    "via_optimum.py": {"optimum", "transformers", "huggingface_hub"},
}
# Files of the exporter that are run by themselves.
PROGRAMS = {"cli.py", "silero.py", "speed_probe.py", "__main__.py"}
TELEMETRY = "ORT_DISABLE_TELEMETRY"

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60

TEXTS = {".py", ".md", ".toml", ".json", ".txt", ".LICENSE", ".cfg", ""}
# An address that is not among these is either a slip or deserves a line here.
HOSTS = {
    "127.0.0.1", "a.org", "bford.info", "creativecommons.org", "docs.pytest.org",
    "example.org", "github.com", "huggingface.co", "keepachangelog.com",
    "openaipublic.azureedge.net", "semver.org", "www.apache.org",
}  # fmt: skip
MODELS = sorted(
    path.parent.name for path in (ROOT / "edge_voice" / "models").glob("*/__init__.py")
)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[tuple[str, int, int]]:
    """Module, level (0: absolute) and line of every import, wherever it stands."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.level, node.lineno


def import_lines(path: Path, package: str) -> list[int]:
    return [line for module, _, line in imports(path) if module.partition(".")[0] == package]


def packages(path: Path) -> set[str]:
    """Top-level packages that are imported absolutely and are not Python's own."""
    found = {module.partition(".")[0] for module, level, _ in imports(path) if not level}
    return found - sys.stdlib_module_names


def texts() -> Iterator[Path]:
    folders = [ROOT / folder for folder in (*FOLDERS, "docs", ".ci")]
    paths = [path for folder in folders for path in folder.rglob("*")]
    for path in (*paths, *ROOT.iterdir()):
        if path.is_file() and path.suffix in TEXTS and "__pycache__" not in path.parts:
            yield path


def calls(path: Path, function: str) -> list[int]:
    """Lines where the built-in function is called."""
    return [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == function
    ]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and number of lines."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_there_is_something_to_check() -> None:
    assert len(RUNTIME) > 30
    assert len(EXPORT) > 15
    assert len(list(texts())) > 100
    assert "whisper" in MODELS


@pytest.mark.parametrize("path", RUNTIME, ids=name)
def test_the_runtime_has_one_door_to_each_package(path: Path) -> None:
    inside = path.relative_to(ROOT / "edge_voice")
    allowed = {package for package, door in DOORS.items() if inside.match(door)}
    assert packages(path) <= {"edge_voice", "numpy"} | allowed


@pytest.mark.parametrize("path", RUNTIME, ids=name)
def test_the_runtime_imports_itself_by_its_full_name(path: Path) -> None:
    assert not [line for _, level, line in imports(path) if level]


@pytest.mark.parametrize("path", EXPORT, ids=name)
def test_the_exporter_imports_neither_itself_by_name_nor_frameworks(path: Path) -> None:
    doors = EXPORT_DOORS.get(path.relative_to(ROOT / "export").as_posix(), set())
    assert packages(path) <= EXPORT_PACKAGES | doors
    depth = len(path.relative_to(ROOT / "export").parts)
    assert all(level <= depth for _, level, _ in imports(path))


@pytest.mark.parametrize("path", BENCHMARKS, ids=name)
def test_benchmarks_switch_telemetry_off_before_onnxruntime(path: Path) -> None:
    if lines := import_lines(path, "onnxruntime"):
        assignments = [node for node in tree(path).body if isinstance(node, ast.Assign)]
        off = [node.lineno for node in assignments if TELEMETRY in ast.dump(node)]
        off += import_lines(path, "edge_voice")
        assert off, f"{name(path)} imports onnxruntime and does not set {TELEMETRY}"
        assert min(off) < min(lines)


def test_the_variable_is_set_before_anything_else_is_imported() -> None:
    first = ROOT / "edge_voice" / "__init__.py"
    assert TELEMETRY in first.read_text(encoding="utf-8")
    assert packages(first) <= {"edge_voice"}


@pytest.mark.parametrize("path", [*RUNTIME, *EXPORT], ids=name)
def test_only_the_command_line_prints(path: Path) -> None:
    assert not calls(path, "print")
    if "cli" not in path.parts and path.name not in PROGRAMS:
        assert "click" not in packages(path)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "files",
    [
        "edge_voice/models/{}/graphs.py",
        "edge_voice/models/{}/model.py",
        "export/models/{}/__init__.py",
        "export/models/{}/recipe.py",
        "tests/edge_voice/models/{}/test_*.py",
        "tests/export/models/{}/test_*.py",
    ],
)
def test_a_model_has_a_folder_of_its_name_on_every_side(model: str, files: str) -> None:
    assert list(ROOT.glob(files.format(model)))


def test_no_folder_is_on_one_side_only() -> None:
    folders = (ROOT / "export" / "models").glob("*/__init__.py")
    assert sorted(path.parent.name for path in folders) == MODELS


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_files_and_functions_fit_in_a_head(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES_OF_A_FILE
    assert not [found for found in functions(path) if found[1] > MOST_LINES_OF_A_FUNCTION]


def test_functions_are_short() -> None:
    lengths = sorted(lines for path in (*RUNTIME, *EXPORT) for _, lines in functions(path))
    assert lengths[len(lengths) // 2] <= 12


@pytest.mark.parametrize("path", [*RUNTIME, *EXPORT], ids=name)
def test_names_say_what_a_thing_is(path: Path) -> None:
    classes = [node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    assert not [found for found in classes if re.search(r"Manager|Helper|Util|Base\Z", found)]


def test_nothing_is_left_for_later() -> None:
    words = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
    assert not [name(path) for path in texts() if words.search(path.read_text(encoding="utf-8"))]


# Folders of one machine, and package indexes of one workplace.
PRIVATE = re.compile("|".join(["/wo" + r"rk\b", r"\.\./sha" + "red", "/op" + "t/", "/ro" + "ot/"]))
INDEX = re.compile("|".join(["index-" + r"url\b", "INDEX_" + r"URL\b", "find-" + r"links\b"]))


@pytest.mark.parametrize("pattern", [PRIVATE, INDEX], ids=["folders", "indexes"])
def test_nothing_refers_to_the_machine_it_was_written_on(pattern: re.Pattern[str]) -> None:
    found = [(name(path), pattern.findall(path.read_text(encoding="utf-8"))) for path in texts()]
    assert not [entry for entry in found if entry[1]]


def test_addresses_are_known_ones() -> None:
    address = re.compile(r"https?://([\w.-]*[\w-])")
    found = {
        (host, name(path))
        for path in texts()
        for host in address.findall(path.read_text(encoding="utf-8"))
    }
    assert not [entry for entry in found if entry[0] not in HOSTS]
