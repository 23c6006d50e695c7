"""From a name or a folder to a model: which bundle, which checks, which module."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import edge_voice
from edge_voice import loader
from edge_voice.cpu import allowed_cores
from edge_voice.errors import (
    ChecksumMismatch,
    FetchError,
    ManifestError,
    ModelNotFound,
    OptionError,
    UnsupportedModel,
)
from edge_voice.hub import store
from edge_voice.hub.progress import Progress
from edge_voice.manifest import Manifest
from edge_voice.models.whisper import model
from tests.edge_voice.bundles import GRAPH, write_bundle


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, and no network."""
    monkeypatch.setenv("EDGE_VOICE_HOME", str(tmp_path / "store"))
    monkeypatch.setenv("EDGE_VOICE_OFFLINE", "1")
    return tmp_path / "store"


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the model's module was asked to open."""
    calls: list[dict[str, Any]] = []

    def load(folder: Path, manifest: Manifest, *, threads: int) -> object:
        calls.append({"folder": folder, "manifest": manifest, "threads": threads})
        return calls[-1]

    monkeypatch.setattr(model, "load", load)
    return calls


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "bundle")


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder(bundle: Path, kind: type, opened: list[dict[str, Any]]) -> None:
    found = loader.load(kind(bundle), threads=3)
    assert opened == [{"folder": bundle, "manifest": Manifest.load(bundle), "threads": 3}]
    assert found is opened[0]


def test_a_folder_in_the_current_one(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, opened: list[dict[str, Any]]
) -> None:
    monkeypatch.chdir(bundle.parent)
    loader.load("bundle")
    loader.load(f".{os.sep}bundle")
    assert [call["folder"].resolve() for call in opened] == [bundle, bundle]


def test_load_is_what_the_package_offers() -> None:
    assert edge_voice.load is loader.load


@pytest.mark.parametrize("threads", [None, 1, 5])
def test_threads(bundle: Path, threads: int | None, opened: list[dict[str, Any]]) -> None:
    loader.load(bundle, threads=threads)
    assert opened[0]["threads"] == (threads or allowed_cores())


@pytest.mark.parametrize("threads", [0, -1])
def test_too_few_threads(bundle: Path, threads: int, opened: list[dict[str, Any]]) -> None:
    with pytest.raises(OptionError, match=rf"{threads} threads \(allowed: 1 or more\)"):
        loader.load(bundle, threads=threads)
    assert not opened


@pytest.mark.parametrize(
    ("installed", "asked", "found"),
    [
        (["int8"], None, "int8"),
        (["fp32"], None, "fp32"),
        (["fp32", "int8"], None, "int8"),
        (["fp32", "int8"], "fp32", "fp32"),
    ],
)
def test_a_name_in_the_store(
    installed: list[str], asked: str | None, found: str, opened: list[dict[str, Any]]
) -> None:
    for precision in installed:
        write_bundle(store.bundle_folder("tiny", precision), precision=precision)
    loader.load("tiny", precision=asked)
    assert opened[0]["folder"] == store.bundle_folder("tiny", found)
    assert opened[0]["manifest"].precision == found


def test_of_several_bundles_the_one_that_the_catalog_pulls(opened: list[dict[str, Any]]) -> None:
    for precision in store.PRECISIONS:
        write_bundle(store.bundle_folder("cohere-transcribe", precision), precision=precision)
    loader.load("cohere-transcribe")
    assert opened[0]["manifest"].precision == "balanced"


@pytest.mark.parametrize("precision", [None, "int4"])
def test_a_name_that_is_not_in_the_store_is_pulled(
    bundle: Path,
    precision: str | None,
    monkeypatch: pytest.MonkeyPatch,
    opened: list[dict[str, Any]],
) -> None:
    told: list[object] = []

    def pull(name: str, precision: str | None, *, progress: Progress) -> Path:
        progress(1, 2, f"fetching {name} for {precision}")
        return bundle

    monkeypatch.setattr("edge_voice.hub.pull.pull", pull)
    loader.load("whisper-base", precision=precision, progress=lambda *news: told.append(news))
    assert told == [(1, 2, f"fetching whisper-base for {precision}")]
    assert opened[0]["folder"] == bundle


def test_pulling_needs_a_network() -> None:
    with pytest.raises(FetchError, match=r"whisper-tiny\.en"):
        loader.load("whisper-tiny.en")


def test_an_unknown_name() -> None:
    with pytest.raises(ModelNotFound, match=r"'nonsense'.*whisper-tiny"):
        loader.load("nonsense")


@pytest.mark.parametrize("name", ["", "..", ".", "a b", "../tiny", "x/y"])
def test_names_that_are_none(
    name: str, bundle: Path, monkeypatch: pytest.MonkeyPatch, opened: list[dict[str, Any]]
) -> None:
    monkeypatch.chdir(bundle.parent)
    with pytest.raises(ModelNotFound):
        loader.load(name)
    assert not opened


def test_an_unknown_precision() -> None:
    with pytest.raises(OptionError, match=r"unknown precision 'int3' \(known: fp32, int8"):
        loader.load("whisper-tiny.en", precision="int3")


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"no manifest\.json in .*: not a bundle"):
        loader.load(tmp_path)


def test_a_damaged_manifest(bundle: Path, opened: list[dict[str, Any]]) -> None:
    (bundle / "manifest.json").write_text("{")
    with pytest.raises(ManifestError):
        loader.load(bundle)
    assert not opened


@pytest.mark.parametrize("content", [GRAPH[:-1], GRAPH + b"!", b"", None])
def test_a_file_of_another_size(
    bundle: Path, content: bytes | None, opened: list[dict[str, Any]]
) -> None:
    (bundle / "encoder.onnx").unlink()
    if content is not None:
        (bundle / "encoder.onnx").write_bytes(content)
    with pytest.raises(ChecksumMismatch, match=r"encoder\.onnx: "):
        loader.load(bundle)
    assert not opened


def test_a_model_type_that_this_version_does_not_know(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "new", model_type="clairvoyant")
    with pytest.raises(UnsupportedModel, match=r"model type 'clairvoyant' \(known: .*whisper"):
        loader.load(folder)


def test_a_model_type_is_not_any_module(tmp_path: Path) -> None:
    # `os` can be imported, but it is no folder of edge_voice.models.
    with pytest.raises(UnsupportedModel, match="model type 'os'"):
        loader.load(write_bundle(tmp_path / "evil", model_type="os"))


@pytest.mark.parametrize(("found", "asked"), [("speak", "transcribe"), ("transcribe", "speak")])
def test_a_model_for_the_other_task(
    tmp_path: Path, found: str, asked: Any, opened: list[dict[str, Any]]
) -> None:
    folder = write_bundle(tmp_path / "other", task=found)
    with pytest.raises(OptionError, match=rf"tiny cannot {asked}: it is a model that turns"):
        loader.load(folder, task=asked)
    assert not opened
    assert loader.load(folder, task=found) is opened[0]  # type: ignore[call-overload]


def test_the_task_is_checked_before_anything_is_fetched() -> None:
    with pytest.raises(OptionError, match=r"whisper-tiny\.en cannot speak"):
        loader.load("whisper-tiny.en", task="speak")


def test_an_unknown_task(bundle: Path) -> None:
    with pytest.raises(OptionError, match=r"unknown task 'sing' \(allowed: transcribe, speak\)"):
        loader.load(bundle, task="sing")  # type: ignore[call-overload]
