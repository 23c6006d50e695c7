"""Functions that run in a fresh process, so that times and memory are theirs alone."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.packages import last_error

_ROOT = Path(__file__).parents[1]


def call(target: str, **arguments: Any) -> dict[str, Any]:
    """Runs a function of a module in a new process.

    Args:
        target: As `benchmarks.cohere_ours:export`.
        **arguments: What the function is given; anything that JSON can say. `threads` also bounds
            libraries with thread pools of their own, which otherwise get one core.

    Returns:
        The function's result, which is a dict that JSON can say.

    Raises:
        RuntimeError: It failed; the message is the most telling line of its output.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.children", target, json.dumps(arguments)],
        check=False,
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env={
            **os.environ,
            "ORT_DISABLE_TELEMETRY": "1",
            "EDGE_VOICE_OFFLINE": "1",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": str(arguments.get("threads", 1)),
        },
    )
    if done.returncode:
        raise RuntimeError(f"{target}: {last_error(done.stderr)}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def peak_bytes() -> int:
    """High-water mark of this process's resident memory (ru_maxrss would count the parent's)."""
    return memory_bytes("VmHWM")


def memory_bytes(field: str) -> int:
    """One of this process's sizes as the kernel counts it, such as `RssAnon`."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) * 1024


def main() -> None:
    """What `call` starts: imports, runs, prints the result as the last line."""
    target, arguments = sys.argv[1:]
    module, _, name = target.partition(":")
    result = getattr(importlib.import_module(module), name)(**json.loads(arguments))
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
