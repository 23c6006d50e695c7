"""Bundles that appear whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from edge_voice.errors import EdgeVoiceError, GraphMismatch, OptionError, StoreError
from edge_voice.graph import GraphSpec
from edge_voice.manifest import Manifest, SourceEntry
from edge_voice_export.package import Bundle, describe, replaced_folder
from edge_voice_export.quantize import Recipe
from edge_voice_export.report import Report

SPEC = GraphSpec(inputs=("x",), outputs=("y",))
FAILURES = [
    RuntimeError("a bug"),
    KeyboardInterrupt(),
    OptionError("an option"),
    OSError(errno.ENOSPC, "No space left on device"),
]


def old_bundle(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("old")
    return folder


def write(target: Path, failure: BaseException | None = None) -> None:
    with replaced_folder(target) as folder:
        (folder / "manifest.json").write_text("new")
        (folder / "sub").mkdir()
        (folder / "sub/more").write_text("more")
        if failure:
            raise failure


@pytest.mark.parametrize("before", ["nothing", "empty", "bundle", "no parent"])
def test_the_folder_takes_its_place_when_all_is_well(tmp_path, before):
    target = tmp_path / ("a/b/out" if before == "no parent" else "out")
    if before == "bundle":
        (old_bundle(target) / "left over").write_text("old")
    elif before == "empty":
        target.mkdir()
    write(target)
    assert sorted(path.name for path in target.iterdir()) == ["manifest.json", "sub"]
    assert (target / "manifest.json").read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o755
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("before", ["nothing", "bundle"])
@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_a_failure_leaves_what_was_there(tmp_path, failure, before):
    target = tmp_path / "out"
    if before == "bundle":
        old_bundle(target)
    kind = StoreError if type(failure) is OSError else type(failure)
    with pytest.raises(kind) as caught:
        write(target, failure)
    if kind is StoreError:
        assert str(caught.value) == f"cannot write {target}: No space left on device"
    assert list(tmp_path.rglob("*")) == ([target, target / "manifest.json"] if before == "bundle"
                                         else [])  # fmt: skip
    assert before == "nothing" or (target / "manifest.json").read_text() == "old"


@pytest.mark.parametrize("failure", [OSError(errno.EIO, "broken"), KeyboardInterrupt()], ids=repr)
def test_a_failure_at_the_last_rename_puts_the_old_bundle_back(tmp_path, monkeypatch, failure):
    target = old_bundle(tmp_path / "out")

    def refuse(*_: object) -> None:
        raise failure

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StoreError if isinstance(failure, OSError) else KeyboardInterrupt):
        write(target)
    assert list(tmp_path.rglob("*")) == [target, target / "manifest.json"]
    assert (target / "manifest.json").read_text() == "old"


KILLED = """
import os, signal, sys
from pathlib import Path
from edge_voice_export.package import replaced_folder
with replaced_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_bytes(bytes(1000))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_export_leaves_goes_with_the_next_one(tmp_path):
    target = tmp_path / "out"
    others = {".out.old.abcdefgh", ".out.short", ".output.abcdefgh", "out.abcdefgh"}
    for name in others:
        (tmp_path / name).mkdir()
    subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False)
    (left,) = {path.name for path in tmp_path.iterdir()} - others
    assert (tmp_path / left / "half").exists()
    with replaced_folder(target) as folder:
        (folder / "manifest.json").write_text("{}")
    assert {path.name for path in tmp_path.iterdir()} == {*others, "out"}


def test_an_export_beside_another_is_left_alone(tmp_path):
    target = tmp_path / "out"
    with replaced_folder(target) as first:
        with replaced_folder(target) as second:
            (second / "manifest.json").write_text("{}")
        assert first.is_dir()
        (first / "manifest.json").write_text('{"a": 1}')
    assert (target / "manifest.json").read_text() == '{"a": 1}'
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("kind", ["folder", "file", "hidden"])
def test_what_is_no_bundle_is_not_replaced(tmp_path, kind):
    target = tmp_path / "thesis"
    if kind == "file":
        target.write_text("precious")
    else:
        target.mkdir()
        (target / (".git" if kind == "hidden" else "chapter 1")).write_text("precious")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StoreError, match="exists and is not a bundle: choose another folder"):
        write(target)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write to .*file"):
        write(tmp_path / "file" / "out")


def test_errors_of_the_tree_pass_as_they_are(tmp_path):
    error = StoreError("disk full: 3 MB needed")
    with pytest.raises(StoreError) as caught:
        write(tmp_path / "out", error)
    assert caught.value is error


@pytest.mark.parametrize("count", [0, 100, 3_000_001])
def test_files_are_described_by_size_and_digest(tmp_path, count):
    content = (bytes(range(251)) * (count // 251 + 1))[:count]
    path = tmp_path / "x"
    path.write_bytes(content)
    entry = describe(path)
    assert (entry.bytes, entry.sha256) == (count, hashlib.sha256(content).hexdigest())


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle(tmp_path, Recipe("fp32", ()), Report("some", "fp32"), lambda line: None)


def emit(bundle: Bundle, output: str) -> None:
    with bundle.graph("encoder", SPEC) as b:
        x = b.input("x", ir.DataType.FLOAT, ["n"])
        b.output(b.op("Neg", x), output, ir.DataType.FLOAT, ["n"])


def test_a_graph_that_breaks_the_contract_is_not_saved(bundle):
    with pytest.raises(GraphMismatch, match=r"encoder\.onnx: output 'y' is missing"):
        emit(bundle, "z")
    assert not (bundle.folder / "encoder.onnx").exists()
    assert not bundle.graphs


def test_a_finished_bundle_lists_every_file(bundle):
    lines: list[str] = []
    bundle.announce = lines.append
    emit(bundle, "y")
    bundle.add_asset("vocabulary", "words.txt", b"hello")
    bundle.set_facts(task="transcribe", languages=("en", "de"), config={"mels": 80})
    source = SourceEntry(file="model.safetensors", sha256="0" * 64, origin="here", revision="1")
    manifest = bundle.finish(model_type="some", name="n", licence="MIT", source=source)
    assert Manifest.load(bundle.folder) == manifest
    assert lines == ["encoder: writing and quantizing weights"]
    assert manifest.graphs == {"encoder": "encoder.onnx"}
    assert manifest.assets == {"vocabulary": "words.txt"}
    assert (manifest.precision, manifest.languages) == ("fp32", ("en", "de"))
    assert manifest.source == source
    on_disk = {path.name for path in bundle.folder.iterdir()} - {"manifest.json"}
    assert set(manifest.files) == on_disk
    assert {"report.json", "report.md", "encoder.onnx", "encoder.data", "words.txt"} == on_disk
    for name, entry in manifest.files.items():
        assert entry == describe(bundle.folder / name)


def test_no_manifest_without_its_facts(bundle):
    """A manifest in a folder means that the bundle is whole."""
    with pytest.raises((TypeError, EdgeVoiceError)):
        bundle.finish(model_type="some", name="n", licence="", source=SourceEntry(file="x"))
    assert not (bundle.folder / "manifest.json").exists()


def test_an_asset_is_written_in_parts(tmp_path):
    bundle = Bundle(tmp_path, Recipe("fp32", ()), Report("m", "fp32"), lambda line: None)
    table = np.arange(12, dtype=np.int16).reshape(3, 4)
    bundle.stream_asset("table", "table.bin", iter([b"head", table[:1], table[1:, ::2]]))
    expected = b"head" + table[:1].tobytes() + table[1:, ::2].tobytes()
    assert (tmp_path / "table.bin").read_bytes() == expected
    assert bundle.assets == {"table": "table.bin"}
