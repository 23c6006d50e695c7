"""Fetches wheels, source archives and npm packages with the user's own pip and npm settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class FetchFailed(Exception):
    """A package could not be fetched; the message is one line."""


def run(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> str:
    """Runs a command to its end and returns its stdout.

    Raises:
        FetchFailed: The command is missing or failed; the message is its last line that says so.
    """
    try:
        done = subprocess.run(
            [os.fspath(part) for part in command],
            check=False,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:
        raise FetchFailed(f"{command[0]} is not installed") from None
    if done.returncode:
        raise FetchFailed(last_error(done.stderr or done.stdout))
    return done.stdout


def last_error(output: str) -> str:
    """The most telling line of a failed command's output."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    named = [line for line in lines if "error" in line.lower()]
    return (named or lines or ["no output"])[-1][:300]


def wheel_tree(requirement: str, cache: Path) -> Path:
    """Folder with the unpacked files of a wheel; nothing of it is imported or run."""
    folder = cache / requirement
    if not folder.exists():
        with _fresh(cache) as work:
            command = [*_pip(), "download", "--no-deps", "--only-binary", ":all:"]
            run([*command, "-d", work, requirement])
            (archive,) = work.glob("*.whl")
            with zipfile.ZipFile(archive) as wheel:
                wheel.extractall(work / "tree")
            (work / "tree").rename(folder)
    return folder


def source_tree(requirement: str, cache: Path) -> Path:
    """Folder with the unpacked files of a source archive.

    `pip download` insists on asking the package's build backend for metadata, which needs its
    build tools and often minutes. What is wanted are data files, so the backend is left out
    (no isolation, no tools), pip fails, and the unpacked archive is taken from where it stood.
    """
    folder = cache / requirement
    if not folder.exists():
        name = requirement.partition("==")[0]
        with _fresh(cache) as work:
            command = [*_pip(), "download", "--no-deps", "--no-build-isolation", "--no-clean"]
            done = subprocess.run(
                [*command, "--no-binary", name, "-d", os.fspath(work), requirement],
                check=False,
                env={**os.environ, "TMPDIR": os.fspath(work)},
                capture_output=True,
                text=True,
            )
            unpacked = [path.parent for path in work.glob("pip-*/*/PKG-INFO")]
            archives = list(work.glob("*.tar.gz"))
            if not unpacked and archives:
                unpacked = [_untar(archives[0], work / "tree")]
            if not unpacked:
                raise FetchFailed(last_error(done.stderr))
            unpacked[0].rename(folder)
    return folder


def unpack_wheels(
    requirements: Sequence[str], folder: Path, platforms: Sequence[str], python: str
) -> None:
    """Unpacks wheels of another platform, and of what they depend on, side by side in a folder.

    Args:
        requirements: As pip takes them.
        folder: Replaced when all are there.
        platforms: Platform tags that are allowed.
        python: Version of the Python that will import them.
    """
    with _fresh(folder.parent) as work:
        command = [*_pip(), "download", "--only-binary", ":all:", "-d", work]
        tags = [f"--platform={platform}" for platform in platforms]
        run([*command, "--implementation", "cp", "--python-version", python, *tags, *requirements])
        for archive in work.glob("*.whl"):
            with zipfile.ZipFile(archive) as wheel:
                wheel.extractall(work / "site")
        shutil.rmtree(folder, ignore_errors=True)
        (work / "site").rename(folder)


def npm_tree(requirement: str, cache: Path) -> Path:
    """Folder with the unpacked files of an npm package (`name@version`)."""
    folder = cache / requirement.replace("/", "_")
    if not folder.exists():
        with _fresh(cache) as work:
            run(["npm", "pack", "--silent", requirement], cwd=work)
            (archive,) = work.glob("*.tgz")
            _untar(archive, work / "tree").rename(folder)
    return folder


@contextmanager
def _fresh(cache: Path) -> Iterator[Path]:
    """A new working folder inside the cache, so that finished trees can be renamed into it."""
    folder = cache / f".work-{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _pip() -> list[str]:
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]


def _untar(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (top,) = folder.iterdir()
    return top
