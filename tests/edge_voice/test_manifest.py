"""The manifest: what is written is read back, and nothing else is accepted."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edge_voice.errors import ManifestError
from edge_voice.manifest import FORMAT_VERSION, FileEntry, Manifest, SourceEntry, from_dict

SHA = "0123456789abcdef" * 4
MANIFEST = Manifest(
    model_type="whisper",
    name="whisper-tiny.en",
    task="transcribe",
    precision="int8",
    languages=("en", "日本"),
    licence="MIT",
    source=SourceEntry("tiny.en.pt", SHA, "openai/whisper-tiny.en", "1.0"),
    exporter="edge_voice 0.1.0",
    graphs={"encoder": "encoder.onnx"},
    assets={"vocabulary": "vocabulary.tiktoken"},
    config={"mels": 80, "rates": [1.5, None]},
    files={"encoder.onnx": FileEntry(10, SHA), "vocabulary.tiktoken": FileEntry(0, SHA)},
)
REQUIRED = [
    f.name
    for f in dataclasses.fields(Manifest)
    if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
]


def raw() -> dict[str, Any]:
    return json.loads(json.dumps(dataclasses.asdict(MANIFEST)))


def load(folder: Path, content: object) -> Manifest:
    (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    return Manifest.load(folder)


def test_round_trip(tmp_path: Path) -> None:
    MANIFEST.save(tmp_path)
    assert Manifest.load(tmp_path) == MANIFEST
    assert Manifest.load(str(tmp_path)) == MANIFEST
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_the_file_is_for_people_too(tmp_path: Path) -> None:
    MANIFEST.save(tmp_path)
    text = (tmp_path / "manifest.json").read_text(encoding="utf-8")
    assert "日本" in text
    assert text.endswith("}\n")
    assert text.count("\n") > 20


def test_an_interrupted_save_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    MANIFEST.save(tmp_path)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dataclasses.replace(MANIFEST, name="other").save(tmp_path)
    assert Manifest.load(tmp_path) == MANIFEST


def test_save_checks_too(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="not a plain file name"):
        dataclasses.replace(MANIFEST, graphs={"encoder": "../e.onnx"}).save(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"\xff\xfe\0", "cannot be read"),
        (b"[" * 200_000, "cannot be read"),
        (b'{"format_version": ' + b"1" * 5000 + b"}", "cannot be read"),
        (b"[]", "expected an object, found list"),
        (b"null", "expected an object, found NoneType"),
        (b"{}", "format_version is None, this edge_voice reads 1"),
        (b'{"format_version": 2}', "format_version is 2, this edge_voice reads 1"),
        (b'{"format_version": "1"}', "format_version is '1'"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_files_that_are_no_manifest(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ManifestError, match=message) as caught:
        Manifest.load(tmp_path)
    assert "\n" not in str(caught.value)
    assert "manifest.json" in str(caught.value)


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"no manifest\.json in .*: not a bundle"):
        Manifest.load(tmp_path)


def test_a_folder_called_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(ManifestError, match="cannot be read"):
        Manifest.load(tmp_path)


@pytest.mark.parametrize("key", [*REQUIRED, "format_version"])
def test_missing_key(tmp_path: Path, key: str) -> None:
    content = raw()
    del content[key]
    message = "format_version is None" if key == "format_version" else f"missing key '{key}'"
    with pytest.raises(ManifestError, match=message):
        load(tmp_path, content)


@pytest.mark.parametrize("place", [(), ("source",), ("files", "encoder.onnx")])
def test_unknown_key(tmp_path: Path, place: tuple[str, ...]) -> None:
    content = raw()
    target = content
    for key in place:
        target = target[key]
    target["colour"] = "red"
    with pytest.raises(ManifestError, match=r"unknown key 'colour' \(known: "):
        load(tmp_path, content)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", 1, "name: expected str, found int 1"),
        ("name", None, "name: expected str, found NoneType"),
        ("languages", "en", "languages: expected tuple, found str 'en'"),
        ("languages", ["en", 2], "languages: expected str, found int 2"),
        ("graphs", ["encoder.onnx"], "graphs: expected dict, found list"),
        ("graphs", {"encoder": 1}, "graphs.encoder: expected str, found int 1"),
        ("config", None, "config: expected dict, found NoneType"),
        ("source", "here", "source: expected an object, found str"),
        ("format_version", True, "format_version: expected int, found bool"),
        ("files", {"encoder.onnx": {"bytes": 1.0, "sha256": SHA}}, "bytes: expected int"),
        ("files", {"encoder.onnx": {"bytes": True, "sha256": SHA}}, "bytes: expected int"),
    ],
)
def test_wrong_types(tmp_path: Path, key: str, value: object, message: str) -> None:
    with pytest.raises(ManifestError, match=message.replace(".", r"\.")):
        load(tmp_path, {**raw(), key: value})


NOT_PLAIN = [
    "..", ".", "", "../x", "a/b", "/etc/passwd", "a\\b", ".hidden", "a b", "é", "a\n", "a\0",
    "manifest.json", "-o",
]  # fmt: skip


@pytest.mark.parametrize("name", NOT_PLAIN)
@pytest.mark.parametrize("key", ["graphs", "assets", "files"])
def test_names_that_leave_the_folder(tmp_path: Path, key: str, name: str) -> None:
    content = raw()
    content[key] |= {name: content["files"]["encoder.onnx"]} if key == "files" else {"x": name}
    with pytest.raises(ManifestError, match="is not a plain file name in the folder") as caught:
        load(tmp_path, content)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("key", ["graphs", "assets"])
def test_files_in_use_are_listed(tmp_path: Path, key: str) -> None:
    content = raw()
    content[key]["more"] = "more.bin"
    with pytest.raises(ManifestError, match=r"'more\.bin' is used but not listed under 'files'"):
        load(tmp_path, content)


@pytest.mark.parametrize(
    "entry",
    [
        {"bytes": -1, "sha256": SHA},
        {"bytes": 1, "sha256": SHA.upper()},
        {"bytes": 1, "sha256": SHA[1:]},
        {"bytes": 1, "sha256": SHA + "\n"},
        {"bytes": 1, "sha256": ""},
    ],
)
def test_bad_sizes_and_digests(tmp_path: Path, entry: dict[str, Any]) -> None:
    content = raw()
    content["files"]["encoder.onnx"] = entry
    with pytest.raises(ManifestError, match=r"files\.encoder\.onnx: bad size or sha256"):
        load(tmp_path, content)


@pytest.mark.parametrize("model_type", ["", "Whisper", "..", "a.b", "a-b", "1a", "os\n"])
def test_model_type_is_a_folder_name(tmp_path: Path, model_type: str) -> None:
    with pytest.raises(ManifestError, match="is not a folder name"):
        load(tmp_path, {**raw(), "model_type": model_type})


def test_names_of_foreign_graphs(tmp_path: Path) -> None:
    names = {"encoder": {"input_features": "mel"}}
    assert load(tmp_path, {**raw(), "names": names}).names == names
    without = {key: value for key, value in raw().items() if key != "names"}
    assert load(tmp_path, without).names == {}
    with pytest.raises(ManifestError, match=r"names\.encoder\.input_features: expected str"):
        load(tmp_path, {**raw(), "names": {"encoder": {"input_features": 1}}})


def test_format_version_has_not_grown() -> None:
    # Growing it locks old bundles out: only when an old runtime would misread a new bundle.
    assert FORMAT_VERSION == 1


@dataclass(frozen=True, slots=True)
class Inner:
    size: int


@dataclass(frozen=True, slots=True)
class Outer:
    ratio: float
    on: bool
    inner: Inner
    by_name: dict[str, Inner]
    anything: Any
    limit: int | None
    words: tuple[str, ...] = ()
    more: dict[str, int] = field(default_factory=dict)


OUTER = {
    "ratio": 1,
    "on": False,
    "inner": {"size": 3},
    "by_name": {"a": {"size": 4}},
    "anything": [None, {}],
    "limit": None,
}


def test_every_kind_of_field() -> None:
    outer = from_dict(Outer, OUTER, "here")
    assert outer == Outer(1.0, False, Inner(3), {"a": Inner(4)}, [None, {}], None)
    assert type(outer.ratio) is float
    assert from_dict(Outer, {**OUTER, "limit": 5, "words": ["x"]}, "here").words == ("x",)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("ratio", True, "here: ratio: expected float, found bool True"),
        ("ratio", "1", "here: ratio: expected float, found str '1'"),
        ("on", 1, "here: on: expected bool, found int 1"),
        ("limit", "5", "here: limit: expected int, found str '5'"),
        ("inner", {"size": None}, "here: inner: size: expected int, found NoneType None"),
        ("by_name", {"a": {}}, "here: by_name.a: missing key 'size'"),
    ],
)
def test_the_message_names_the_place(key: str, value: object, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        from_dict(Outer, {**OUTER, key: value}, "here")
    assert str(caught.value) == message


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(ManifestError) as caught:
        from_dict(Inner, {"size": "x" * 10_000}, "here")
    assert len(str(caught.value)) < 120
