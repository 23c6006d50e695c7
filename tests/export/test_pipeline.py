"""From a checkpoint on disk to a bundle, and every way in which that can go wrong."""

from __future__ import annotations

import errno
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import edge_voice
from edge_voice.errors import (
    EdgeVoiceError,
    GraphMismatch,
    ModelNotFound,
    OptionError,
    StoreError,
    UnsupportedModel,
)
from edge_voice.manifest import Manifest
from edge_voice_export import export_bundle
from edge_voice_export.models.whisper import recipe
from edge_voice_export.package import describe
from edge_voice_export.weights import Array, DataFile

from .checkpoints import write_tiny_whisper

PRECISIONS = ["fp32", "int8", "int4", "balanced"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_whisper(tmp_path_factory.mktemp("source") / "tiny", audio_ctx=100)


@pytest.fixture(scope="module")
def bundles(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One bundle per precision."""
    folder = tmp_path_factory.mktemp("bundles")
    for precision in PRECISIONS:
        export_bundle(source, folder / precision, precision=precision)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_bundle_is_whole_and_opens(bundles, precision):
    folder = bundles / precision
    manifest = Manifest.load(folder)
    assert (manifest.model_type, manifest.task, manifest.name) == ("whisper", "transcribe", "tiny")
    assert manifest.precision == precision
    assert manifest.exporter == f"edge_voice {edge_voice.__version__}"
    assert {path.name for path in folder.iterdir()} == {*manifest.files, "manifest.json"}
    for name, entry in manifest.files.items():
        assert entry == describe(folder / name)
    assert edge_voice.load(folder).languages == manifest.languages


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_report_adds_up_to_the_files(bundles, precision):
    folder = bundles / precision
    report = json.loads((folder / "report.json").read_text())
    layers, totals = report["layers"], report["totals"]
    assert (report["model"], report["precision"]) == ("tiny", precision)
    for key in ("parameters", "bytes"):
        assert sum(row[key] for row in totals.values()) == sum(layer[key] for layer in layers)
    assert len({layer["name"] for layer in layers}) == len(layers)
    # Every byte of the files is a layer's, but for pages begun and the graphs themselves.
    data = sum(path.stat().st_size for path in folder.glob("*.data"))
    graphs = sum(path.stat().st_size for path in folder.glob("*.onnx"))
    stored = sum(layer["bytes"] for layer in layers)
    pages = 2 * 4096 * len(layers)
    assert data <= stored + pages
    assert stored <= data + graphs
    (difference,) = report["checks"].values()
    assert 0 <= difference < 0.05


def test_every_parameter_is_stored_once_in_every_precision(bundles):
    counts = []
    for precision in PRECISIONS:
        layers = json.loads((bundles / precision / "report.json").read_text())["layers"]
        counts.append(sum(layer["parameters"] for layer in layers))
    assert len(set(counts)) == 1


def test_smaller_precisions_make_smaller_bundles(bundles):
    sizes = [sum(entry.bytes for entry in Manifest.load(bundles / p).files.values())
             for p in ("fp32", "int8", "balanced", "int4")]  # fmt: skip
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 4


def test_errors_of_layers_follow_their_schemes(bundles):
    largest = {"float32": 0.0, "int8": 0.01, "int4": 0.12}
    for precision in PRECISIONS:
        layers = json.loads((bundles / precision / "report.json").read_text())["layers"]
        for layer in layers:
            assert layer["relative_error"] <= largest[layer["scheme"].split()[0]], layer
            assert (layer["relative_error"] == 0) == (layer["scheme"] == "float32"), layer


def test_an_export_can_be_repeated_byte_by_byte(source, bundles, tmp_path):
    export_bundle(source, tmp_path / "out", precision="int4")
    assert contents(tmp_path / "out") == contents(bundles / "int4")


def test_provenance_stands_in_the_manifest(source, tmp_path):
    lines: list[str] = []
    manifest = export_bundle(
        source, tmp_path / "out", precision="int4", name="whisper-mine", licence="MIT",
        origin="someone/whisper", revision="abc", announce=lines.append,
    )  # fmt: skip
    weights = (source / "model.safetensors").read_bytes()
    assert manifest.name == "whisper-mine"
    assert manifest.licence == "MIT"
    assert manifest.source.file == "model.safetensors"
    assert manifest.source.sha256 == hashlib.sha256(weights).hexdigest()
    assert (manifest.source.origin, manifest.source.revision) == ("someone/whisper", "abc")
    assert len(lines) >= 3
    assert all("\n" not in line for line in lines)


@pytest.mark.parametrize("layout", ["sharded", "openai"])
def test_other_layouts_are_named_after_their_file(tmp_path, layout):
    options: dict[str, Any] = {"sharded": True} if layout == "sharded" else {"layout": layout}
    path = write_tiny_whisper(tmp_path / "mine", layers=1, width=32, audio_ctx=100, **options)
    manifest = export_bundle(path, tmp_path / "out", precision="int4")
    assert manifest.name == ("mine" if layout == "sharded" else "tiny")
    if layout == "openai":
        assert manifest.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest.source.file.startswith("model-00001" if layout == "sharded" else "tiny.pt")


def disk_full(self: DataFile, chunks: Iterator[Array]) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupted(self: DataFile, chunks: Iterator[Array]) -> int:
    raise KeyboardInterrupt


def after(count: int, failure: Any) -> Any:
    """A `DataFile.write` that fails after a number of tensors."""
    write, calls = DataFile.write, []

    def counted(self: DataFile, chunks: Iterator[Array]) -> int:
        calls.append(1)
        return (failure if len(calls) > count else write)(self, chunks)

    return counted


@pytest.mark.parametrize("count", [0, 5, 25])
@pytest.mark.parametrize("before", [True, False], ids=["old bundle", "nothing"])
@pytest.mark.parametrize(("failure", "kind"), [(disk_full, StoreError),
                                               (interrupted, KeyboardInterrupt)])  # fmt: skip
def test_a_failure_while_writing_changes_nothing(
    source, bundles, tmp_path, monkeypatch, before, failure, kind, count
):
    output = tmp_path / "out"
    if before:
        export_bundle(source, output, precision="int4")
    monkeypatch.setattr(DataFile, "write", after(count, failure))
    with pytest.raises(kind) as caught:
        export_bundle(source, output, precision="int8")
    if kind is StoreError:
        assert str(caught.value) == f"cannot write {output}: No space left on device"
    assert list(tmp_path.iterdir()) == ([output] if before else [])
    if before:
        assert contents(output) == contents(bundles / "int4")


@pytest.mark.parametrize("stage", ["check", "vocabulary_for", "build_decoder"])
def test_a_failure_at_any_stage_changes_nothing(source, tmp_path, monkeypatch, stage):
    def fail(*_: object) -> None:
        raise GraphMismatch("something is wrong")

    export_bundle(source, tmp_path / "out", precision="int4")
    before = contents(tmp_path)
    monkeypatch.setattr(recipe, stage, fail)
    with pytest.raises(GraphMismatch, match="something is wrong"):
        export_bundle(source, tmp_path / "out", precision="fp32")
    assert contents(tmp_path) == before


def refusal(source: Path, output: Path, kind: type[EdgeVoiceError], **options: Any) -> str:
    """The message of an export that must fail, and that leaves nothing."""
    with pytest.raises(kind) as caught:
        export_bundle(source, output, **options)
    assert not output.exists()
    assert list(output.parent.glob(f".{output.name}*")) == []
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_at_the_source(tmp_path):
    assert "no checkpoint at" in refusal(tmp_path / "nowhere", tmp_path / "out", ModelNotFound)


def test_an_unknown_precision(source, tmp_path):
    message = refusal(source, tmp_path / "out", OptionError, precision="int3")
    assert message == "unknown precision 'int3' (known: fp32, int8, int4, balanced)"


@pytest.mark.parametrize("model_type", ["wav2vec2", None, ["whisper"]])
def test_an_unknown_architecture_names_the_known(tmp_path, model_type):
    folder = write_tiny_whisper(tmp_path / "model", layers=1, width=8)
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = model_type
    if model_type is None:
        del config["model_type"]
    (folder / "config.json").write_text(json.dumps(config))
    message = refusal(folder, tmp_path / "out", UnsupportedModel)
    assert re.search(r"\(known: .*whisper", message)
    assert (repr(model_type) if model_type else "no config.json with a model_type") in message
