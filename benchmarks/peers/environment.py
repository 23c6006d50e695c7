"""The peers' own virtual environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.packages import FetchFailed, run

# Each group is installed on its own, so that one that cannot be had does not take others along.
GROUPS = {
    "faster-whisper": ("faster-whisper==1.2.1", "ctranslate2==4.8.5"),
    "sherpa-onnx": ("sherpa-onnx==2.0.1",),
    "onnx-asr": ("onnx-asr[cpu]==0.12.0",),
    "openai-whisper": ("torch==2.13.0", "openai-whisper==20250625", "onnx==1.23.2"),
}
WHISPER_CPP = "pywhispercpp==1.5.1"
# GCC lets an explicit -mno-… win over -march=native, wherever it stands.
_WITHOUT_AMX = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"


class Environment:
    """A virtual environment, and what went wrong while filling it.

    Attributes:
        python: Its interpreter.
        failures: Group → one line, for groups that could not be installed.
    """

    def __init__(self, folder: Path) -> None:
        self.python = folder / "bin" / "python"
        self.failures: dict[str, str] = {}
        if not self.python.exists():
            run([sys.executable, "-m", "venv", folder])

    @property
    def site_packages(self) -> Path:
        """Where its packages stand."""
        (folder,) = (self.python.parents[1] / "lib").glob("python*/site-packages")
        return folder

    def install(self, groups: Mapping[str, tuple[str, ...]] = GROUPS) -> None:
        """Installs every group that is not there yet."""
        for group, requirements in groups.items():
            self._attempt(group, requirements)

    def build_whisper_cpp(self) -> None:
        """Compiles whisper.cpp for this machine, unless it is there."""
        self._attempt("whisper.cpp", (WHISPER_CPP,), _native_build())

    def require(self, requirement: str) -> None:
        """Installs one package unless it is there.

        Raises:
            FetchFailed: It cannot be installed.
        """
        if not self._installed(requirement):
            self._pip(requirement)

    def rebuild_without_amx(self) -> None:
        """Compiles whisper.cpp again for machines that report AMX but do not let it run."""
        self._pip("--force-reinstall", "--no-deps", WHISPER_CPP, env=_native_build(_WITHOUT_AMX))

    def version(self, package: str) -> str | None:
        """Installed version of a package."""
        names = [path.name for path in self.site_packages.glob("*.dist-info")]
        stem = package.replace("-", "_").lower() + "-"
        found = [name for name in names if name.lower().startswith(stem)]
        return found[0][len(stem) : -len(".dist-info")] if found else None

    def _attempt(
        self, group: str, requirements: tuple[str, ...], env: dict[str, str] | None = None
    ) -> None:
        if all(self._installed(requirement) for requirement in requirements):
            return
        print(f"installing {', '.join(requirements)}", flush=True)
        try:
            self._pip(*requirements, env=env)
        except FetchFailed as error:
            self.failures[group] = f"not installable: {error}"

    def _installed(self, requirement: str) -> bool:
        name, _, version = requirement.partition("==")
        found = self.version(name.partition("[")[0])
        return found is not None and found.partition("+")[0] == version

    def _pip(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        options = ["--disable-pip-version-check", "-q", "--no-binary", "pywhispercpp"]
        # A wheel built earlier with other flags must not come back from pip's cache.
        options += ["--no-cache-dir"] if env else []
        run([self.python, "-m", "pip", "install", *options, *arguments], env=env)


def _native_build(flags: str = "") -> dict[str, str]:
    cmake = "-DGGML_NATIVE=ON -DCMAKE_INSTALL_RPATH=$ORIGIN -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON"
    jobs = str(len(os.sched_getaffinity(0)))
    build = {"CMAKE_ARGS": cmake, "CMAKE_BUILD_PARALLEL_LEVEL": jobs}
    return {**build, "CFLAGS": flags, "CXXFLAGS": flags} if flags else build


def crashes(command: list[str | Path], env: dict[str, str]) -> bool:
    """Whether a command is killed by a signal (a segmentation fault, an illegal instruction)."""
    parts = [os.fspath(part) for part in command]
    done = subprocess.run(parts, check=False, env=env, capture_output=True)
    return done.returncode < 0
