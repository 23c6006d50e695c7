"""What importing costs, and that telemetry is off before onnxruntime is there."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import edge_voice

ROOT = Path(__file__).parents[1]
BLOCKED = (
    "torch", "transformers", "onnx", "onnx_ir", "safetensors", "ml_dtypes", "huggingface_hub",
    "edge_voice_export",
)  # fmt: skip
MODULES = [
    module.name
    for module in pkgutil.walk_packages(edge_voice.__path__, "edge_voice.")
    if module.name != "edge_voice.__main__"
]

BLOCK = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ImportError(f"the runtime imports {{name}}")

sys.meta_path.insert(0, Blocked())
"""

# Tells whether telemetry is off in the moment when something asks for onnxruntime.
WATCH = """
import os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            print("telemetry off:", os.environ.get("ORT_DISABLE_TELEMETRY"))
            raise KeyboardInterrupt  # nothing catches it: onnxruntime need not be loaded

sys.meta_path.insert(0, Watch())
sys.stderr = open(os.devnull, "w")
"""


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert not done.stderr, done.stderr
    return done.stdout


def loaded(code: str) -> set[str]:
    """Top-level modules that the code loads and a bare interpreter does not."""
    show = "\nimport sys; print('\\n' + ' '.join(sys.modules))"
    found, bare = (
        {name.partition(".")[0] for name in run(part + show).splitlines()[-1].split()}
        for part in (code, "")
    )
    return found - bare - sys.stdlib_module_names


def test_every_module_is_found() -> None:
    assert {"edge_voice.session", "edge_voice.hub.pull", "edge_voice.models.whisper.model"} <= {
        *MODULES
    }


def test_the_runtime_needs_none_of_the_exporters_packages() -> None:
    code = "import importlib\n" + "".join(f"importlib.import_module({m!r})\n" for m in MODULES)
    assert run(BLOCK + code + "print('done')") == "done\n"


def test_the_block_works() -> None:
    code = "".join(f"try: import {m}\nexcept ImportError as error: print(error)\n" for m in BLOCKED)
    assert run(BLOCK + code) == "".join(f"the runtime imports {name}\n" for name in BLOCKED)


def test_import_loads_nothing_else() -> None:
    assert loaded("import edge_voice") == {"edge_voice"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["transcribe", "--help"]])
def test_help_loads_click_only(arguments: list[str]) -> None:
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['edge-voice', *{arguments!r}]\n"
        "try: runpy.run_module('edge_voice', run_name='__main__')\n"
        "except SystemExit as stop: assert not stop.code\n"
    )
    assert loaded(code) == {"edge_voice", "click"}


@pytest.mark.parametrize(
    "entry",
    [
        "import edge_voice.session",
        "import edge_voice_export.models.whisper.check",
        "import edge_voice_export.silero_check",
        "from edge_voice.cli import main; main(['doctor', '--no-probe'])",
    ],
)
def test_telemetry_is_off_before_onnxruntime_is_there(entry: str) -> None:
    assert run(WATCH + entry, ORT_DISABLE_TELEMETRY="0") == "telemetry off: 1\n"
