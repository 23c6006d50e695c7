from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_voice.errors import (
    ChecksumMismatch,
    ManifestError,
    ModelNotFound,
    OptionError,
    StoreError,
)
from edge_voice.hub import store
from edge_voice.hub.verify import check_sizes, verify_bundle
from edge_voice.manifest import Manifest

Install = Callable[..., Path]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"EDGE_VOICE_HOME": "/somewhere"}, "/somewhere"),
        ({"EDGE_VOICE_HOME": "~/voices"}, "/home/me/voices"),
        ({"XDG_DATA_HOME": "/data"}, "/data/edge_voice"),
        ({"XDG_DATA_HOME": "relative"}, "/home/me/.local/share/edge_voice"),
        ({}, "/home/me/.local/share/edge_voice"),
    ],
)
def test_root(variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for name in ("EDGE_VOICE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert store.root() == Path(expected)


@pytest.mark.parametrize("name", ["../evil", "a/b", "", ".hidden", "/etc"])
def test_names_stay_inside_the_store(name: str) -> None:
    with pytest.raises(ModelNotFound, match="not a model name"):
        store.find(name)


def test_find_prefers_the_default_precision(install: Install) -> None:
    assert store.find("toy") is None
    fp32 = install(precision="fp32")
    assert store.find("toy") == fp32
    int8 = install(precision="int8")
    assert store.find("toy") == int8
    assert store.find("toy", "fp32") == fp32
    assert store.find("toy", "int4") is None
    assert store.find("toy", prefer="fp32") == fp32
    assert store.find("toy", prefer="balanced") == fp32  # the first that is installed


def test_unknown_precision_names_the_known() -> None:
    with pytest.raises(OptionError, match=r"'fp64' \(known: fp32, int8, int4, balanced\)"):
        store.find("toy", "fp64")


def test_folder_without_manifest_is_not_installed(home: Path) -> None:
    (home / "models/toy/int8").mkdir(parents=True)
    assert store.find("toy") is None
    assert store.installed() == []


def test_installed_lists_names_precisions_and_sizes(install: Install) -> None:
    install("b", "fp32")
    folder = install("a", "int8")
    install("b", "int8")
    bundles = store.installed()
    assert [(b.name, b.precision) for b in bundles] == [("a", "int8"), ("b", "fp32"), ("b", "int8")]
    assert bundles[0].bytes == sum(path.stat().st_size for path in folder.iterdir())


def test_remove_one_precision_keeps_the_rest(install: Install, home: Path) -> None:
    kept, gone = install(precision="fp32"), install(precision="int8")
    (home / "weights/toy").mkdir(parents=True)
    assert store.remove("toy", "int8") == ["int8"]
    assert kept.is_dir()
    assert not gone.exists()
    assert (home / "weights/toy").is_dir()


def test_remove_model_leaves_nothing(install: Install, home: Path) -> None:
    install(precision="fp32")
    install(precision="int8")
    (home / "weights/toy").mkdir(parents=True)
    assert store.remove("toy") == ["fp32", "int8"]
    assert list(home.rglob("*toy*")) == [home / "locks/toy.lock"]


def test_remove_downloads_alone(home: Path) -> None:
    (home / "weights/toy").mkdir(parents=True)
    assert store.remove("toy") == []
    assert not (home / "weights/toy").exists()


@pytest.mark.parametrize("precision", [None, "int8"])
def test_remove_what_is_not_there(install: Install, home: Path, precision: str | None) -> None:
    install("other")
    with pytest.raises(ModelNotFound, match=r"toy.* is not in the store \(installed: other\)"):
        store.remove("toy", precision)
    assert not (home / "locks").exists()


def test_space_is_checked_where_the_store_will_be(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    asked: list[Path] = []

    def usage(folder: Path) -> object:
        asked.append(folder)
        return shutil._ntuple_diskusage(10, 8, 2_000_000)  # type: ignore[attr-defined]

    monkeypatch.setattr(shutil, "disk_usage", usage)
    store.require_space(2_000_000, "toy")
    with pytest.raises(StoreError, match="for toy: 3 MB needed, 2 MB free"):
        store.require_space(3_000_000, "toy")
    assert asked == [home.parent, home.parent]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_store_without_permission(home: Path) -> None:
    home.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="Permission denied"), store.lock("toy"):
        pass


def test_store_that_is_a_file(home: Path) -> None:
    home.write_text("not a folder")
    with pytest.raises(StoreError, match="cannot write in the store"), store.lock("toy"):
        pass


def test_verify_accepts_what_was_written(install: Install) -> None:
    assert verify_bundle(install()) == []


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda folder: (folder / "encoder.onnx").unlink(), "missing: encoder.onnx"),
        (lambda folder: (folder / "encoder.onnx").write_bytes(b"grapi"), "changed: encoder.onnx"),
        (lambda folder: (folder / "encoder.onnx").write_bytes(b"long graph"), "changed: encoder"),
        (lambda folder: (folder / "more.bin").write_bytes(b""), "extra: more.bin"),
    ],
)
def test_verify_names_damage(
    install: Install, damage: Callable[[Path], object], problem: str
) -> None:
    folder = install()
    damage(folder)
    (found,) = verify_bundle(folder)
    assert found.startswith(problem)


def test_check_sizes(install: Install) -> None:
    folder = install()
    manifest = Manifest.load(folder)
    check_sizes(folder, manifest)
    (folder / "encoder.onnx").write_bytes(b"graph!")
    with pytest.raises(ChecksumMismatch, match=r"encoder\.onnx: 6 bytes, the manifest says 5"):
        check_sizes(folder, manifest)
    (folder / "encoder.onnx").unlink()
    with pytest.raises(ChecksumMismatch, match=r"encoder\.onnx: No such file"):
        check_sizes(folder, manifest)


def test_verify_needs_a_manifest(install: Install) -> None:
    folder = install()
    (folder / "manifest.json").write_text("{")
    with pytest.raises(ManifestError):
        verify_bundle(folder)
