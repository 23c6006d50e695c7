"""Other processors, emulated by QEMU in user mode: no board, no root, nothing installed.

QEMU runs one program of another architecture and passes its system calls on. A folder with an
ARM64 Python and the aarch64 wheels of our dependencies is all that such a program needs. Both come
from the user's own package sources: Debian's packages are unpacked, not installed, and pip is
asked for wheels of another platform. It needs `apt-get` and `dpkg-deb` and a Debian machine.

    python -m benchmarks.emulation --work DIR --core cortex-a72 -m edge_voice doctor

runs a module there. What a program computes on a core is what the core would compute. Times mean
nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from benchmarks.packages import FetchFailed, run, unpack_wheels

_ROOT = Path(__file__).parents[1]
# QEMU 7.2 of Debian 12 crashes in onnxruntime's aarch64 wheel; QEMU 10 of Debian 13 does not.
_SUITE = "trixie"
_PYTHON = "3.13"  # the suite's
_PACKAGES = ("python3", "libstdc++6")
_DEPENDENCIES = ("onnxruntime", "numpy", "soundfile", "click", "soxr", "tiktoken")
_GLIBC_MINORS = (17, 26, 27, 28, 31, 34, 35, 39)  # manylinux_2_N tags that the suite's glibc runs


def build(folder: Path) -> None:
    """Fetches QEMU, an ARM64 Python and our dependencies' wheels, what is not there yet.

    The wheels have the versions that are installed in this environment.

    Args:
        folder: About 1 GB goes there.

    Raises:
        FetchFailed: A package could not be fetched, or this is no Debian machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not _qemu(folder, "aarch64").exists() or not _python(folder).exists():
        _unpack_debian(folder)
    versions = "\n".join(f"{name}=={metadata.version(name)}" for name in _DEPENDENCIES)
    done = folder / "site" / "versions.txt"
    if not done.exists() or done.read_text() != versions:
        tags = [f"manylinux_2_{minor}_aarch64" for minor in _GLIBC_MINORS]
        unpack_wheels(versions.split(), folder / "site", [*tags, "manylinux2014_aarch64"], _PYTHON)
        done.write_text(versions)


def qemu_version(folder: Path) -> str:
    """The emulator's version."""
    return run([_qemu(folder, "aarch64"), "--version"]).split()[2]


def arm_command(folder: Path, core: str) -> tuple[list[str], dict[str, str]]:
    """What runs Python on an emulated ARM64 core, and its environment's additions.

    Args:
        folder: As `build` was given.
        core: As QEMU calls it, such as `cortex-a72`.
    """
    root = os.fspath(folder / "debian")
    command = [os.fspath(_qemu(folder, "aarch64")), "-cpu", core, "-L", root]
    path = os.pathsep.join([os.fspath(folder / "site"), os.fspath(_ROOT)])
    return [*command, os.fspath(_python(folder))], {"PYTHONPATH": path}


def x86_command(folder: Path, core: str, flags: str) -> tuple[list[str], dict[str, str]]:
    """What runs this Python on an emulated older x86-64 core.

    Programs ask the processor, which QEMU answers, or /proc/cpuinfo, which it does not emulate for
    x86-64. What stands below the folder of `-L` takes the place of the machine's own file.

    Args:
        folder: As `build` was given.
        core: As QEMU calls it, such as `Haswell`.
        flags: What /proc/cpuinfo shall say.
    """
    root = folder / f"x86-{core}"
    (root / "proc").mkdir(parents=True, exist_ok=True)
    (root / "proc" / "cpuinfo").write_text(f"model name\t: {core}\nflags\t\t: {flags}\n")
    command = [os.fspath(_qemu(folder, "x86_64")), "-cpu", core, "-L", os.fspath(root)]
    # A virtual environment's Python is a link; what it adds is found by its packages' folder.
    packages = [path for path in sys.path if path.endswith("site-packages")]
    path = os.pathsep.join([os.fspath(_ROOT), *packages])
    return [*command, os.path.realpath(sys.executable)], {"PYTHONPATH": path}


def _qemu(folder: Path, architecture: str) -> Path:
    return folder / "qemu" / "usr" / "bin" / f"qemu-{architecture}"


def _python(folder: Path) -> Path:
    return folder / "debian" / "usr" / "bin" / f"python{_PYTHON}"


def _unpack_debian(folder: Path) -> None:
    """QEMU for this machine into `qemu`, Python for ARM64 and what it needs into `debian`."""
    apt = _apt(folder / "apt")
    run([*apt, "update"])
    packages = folder / "apt" / "cache" / "archives"
    run([*apt, "-y", "--download-only", "install", *_PACKAGES])
    for package in packages.glob("*.deb"):
        run(["dpkg-deb", "--extract", package, folder / "debian"])
    (folder / "debian" / "lib").symlink_to("usr/lib")  # dpkg does so when a system is installed
    architecture = run(["dpkg", "--print-architecture"]).strip()
    emulator = folder / "apt" / "emulator"
    emulator.mkdir(exist_ok=True)
    run([*apt, "download", f"qemu-user:{architecture}"], cwd=emulator)
    for package in emulator.glob("*.deb"):
        run(["dpkg-deb", "--extract", package, folder / "qemu"])


def _apt(folder: Path) -> list[str]:
    """apt-get with lists, cache and settings of its own: it neither reads nor changes the system.

    It believes that nothing is installed, and so fetches all that Python needs.
    """
    for name in ("lists/partial", "cache/archives/partial", "sources"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    (folder / "sources" / "debian.sources").write_text(_debian_sources())
    native = run(["dpkg", "--print-architecture"]).strip()
    settings = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": folder / "sources",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Architecture": "arm64",
        "APT::Architectures": f"arm64,{native}",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "true",  # locks would be the system's
    }
    return ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]


def _debian_sources(folder: Path = Path("/etc/apt")) -> str:
    """The machine's own source of Debian's main packages, turned to the suite wanted here.

    Raises:
        FetchFailed: There is none.
    """
    for path in sorted(folder.glob("sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            if re.search(r"^URIs:.*/debian/?\s*$", stanza, re.MULTILINE):
                return re.sub(r"(?m)^Suites:.*", f"Suites: {_SUITE}", stanza).strip() + "\n"
    for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        lines = path.read_text().splitlines() if path.exists() else []
        for line in lines:
            if match := re.match(r"deb\s+(?:\[.*?\]\s+)?(\S+/debian/?)\s", line):
                return f"Types: deb\nURIs: {match[1]}\nSuites: {_SUITE}\nComponents: main\n"
    raise FetchFailed(f"no source of Debian packages below {folder} (needed: a Debian machine)")


def run_python(
    command: tuple[list[str], dict[str, str]], module: str, *arguments: str, capture: bool = True
) -> subprocess.CompletedProcess[str]:
    """Runs a module with a command of this file; the environment holds nothing but what it needs.

    Args:
        command: What `arm_command` or `x86_command` made.
        module: As `python -m` takes it.
        *arguments: The module's.
        capture: Whether its output is kept, not shown.

    Raises:
        OSError: The emulator cannot be started.
    """
    words, additions = command
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "EDGE_VOICE_OFFLINE": "1",
        **{name: os.environ[name] for name in ("EDGE_VOICE_HOME",) if name in os.environ},
    }
    return subprocess.run(
        [*words, "-m", module, *arguments],
        check=False,
        capture_output=capture,
        text=True,
        env={**environment, **additions},
        cwd=_ROOT,
    )


def main() -> None:
    """Runs a module on an ARM64 core."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for QEMU and wheels")
    parser.add_argument("--core", default="cortex-a72", help="as QEMU calls it")
    parser.add_argument("-m", dest="module", nargs=argparse.REMAINDER, required=True)
    options = parser.parse_args()
    folder = options.work.resolve()
    build(folder)
    done = run_python(arm_command(folder, options.core), *options.module, capture=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
