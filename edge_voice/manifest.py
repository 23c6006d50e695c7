"""`manifest.json`: the numbers of a bundle. This module is its only reader and writer."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from edge_voice.errors import ManifestError

FILE_NAME = "manifest.json"
FORMAT_VERSION = 1
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """Size in bytes and sha256 (hex) of one file of the bundle."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """Where the weights came from.

    Attributes:
        file: Name of the weight file.
        sha256: Hex digest of that file; of shards, the digest of their digests in hex.
        origin: Repository, package or local folder, as text for people.
        revision: Commit or version; empty when unknown.
    """

    file: str
    sha256: str = ""
    origin: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about a bundle that is neither code nor graph.

    Attributes:
        model_type: Folder under `edge_voice/models` that runs it.
        name: Name for people, such as `whisper-tiny.en`.
        task: `transcribe` or `speak`.
        precision: Preset it was exported with.
        languages: ISO 639 codes.
        licence: SPDX expression of the weights.
        source: Where the weights came from.
        exporter: Name and version of the program that wrote it.
        graphs: Role → file name of each graph.
        assets: Role → file name of each further file the runtime opens.
        config: Model-specific numbers; the model's frozen config dataclass reads them.
        files: File name → size and sha256, for every file but the manifest itself.
        names: Role of a graph → our names of inputs and outputs → what that graph calls them; only
            those that differ, of graphs that others have exported.
        format_version: Grows only when an old runtime would misread.
    """

    model_type: str
    name: str
    task: str
    precision: str
    languages: tuple[str, ...]
    licence: str
    source: SourceEntry
    exporter: str
    graphs: dict[str, str]
    assets: dict[str, str]
    config: dict[str, Any]
    files: dict[str, FileEntry] = field(default_factory=dict)
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Manifest:
        """Reads and checks `folder/manifest.json`.

        Raises:
            ManifestError: The file is missing, not JSON, has missing or unknown keys, wrong
                types, an unknown version, or names a file outside the folder.
        """
        path = Path(folder) / FILE_NAME
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ManifestError(f"no {FILE_NAME} in {folder}: not a bundle") from None
        except (OSError, ValueError, RecursionError) as error:
            raise ManifestError(f"{path}: cannot be read: {error}") from None
        if not isinstance(raw, dict):
            raise ManifestError(f"{path}: expected an object, found {type(raw).__name__}")
        version = raw.get("format_version")
        if version != FORMAT_VERSION:
            raise ManifestError(
                f"{path}: format_version is {version!r}, this edge_voice reads {FORMAT_VERSION}"
            )
        manifest = from_dict(cls, raw, str(path))
        manifest._check(str(path))
        return manifest

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes `folder/manifest.json` through a temporary name."""
        self._check(FILE_NAME)
        path = Path(folder) / FILE_NAME
        temporary = path.with_name(FILE_NAME + ".part")
        content = dataclasses.asdict(self)
        if not self.names:  # unknown to earlier versions, which can run the bundle
            del content["names"]
        text = json.dumps(content, indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)

    def graph(self, role: str) -> str:
        """File name of the graph with a role.

        Raises:
            ManifestError: There is none.
        """
        return _by_role(self.graphs, role, "graphs")

    def asset(self, role: str) -> str:
        """File name of the asset with a role.

        Raises:
            ManifestError: There is none.
        """
        return _by_role(self.assets, role, "assets")

    def _check(self, where: str) -> None:
        for name in (*self.graphs.values(), *self.assets.values(), *self.files):
            if not _PLAIN_NAME.match(name) or name == FILE_NAME:
                raise ManifestError(f"{where}: {name!r} is not a plain file name in the folder")
        for name in (*self.graphs.values(), *self.assets.values()):
            if name not in self.files:
                raise ManifestError(f"{where}: {name!r} is used but not listed under 'files'")
        for name, entry in self.files.items():
            if entry.bytes < 0 or not _SHA256.match(entry.sha256):
                raise ManifestError(f"{where}: files.{name}: bad size or sha256")
        if not re.match(r"[a-z][a-z0-9_]*\Z", self.model_type):
            raise ManifestError(f"{where}: model_type {self.model_type!r} is not a folder name")


def _by_role(files: dict[str, str], role: str, key: str) -> str:
    if role not in files:
        raise ManifestError(f"{FILE_NAME}: {key} has no {role!r} (found: {', '.join(files)})")
    return files[role]


def from_dict(cls: type[T], raw: dict[str, Any], where: str) -> T:
    """Builds a frozen dataclass from JSON; missing, unknown or wrongly typed keys are errors.

    Understands str, int, float, bool, `X | None`, `tuple[X, ...]`, `dict[str, X]`, nested
    dataclasses and Any. `where` opens the message.

    Raises:
        ManifestError: Names the key, what was found and what is allowed.
    """
    if not isinstance(raw, dict):
        raise ManifestError(f"{where}: expected an object, found {type(raw).__name__}")
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(raw) - set(fields))
    if unknown:
        raise ManifestError(f"{where}: unknown key {unknown[0]!r} (known: {', '.join(fields)})")
    required = {
        name
        for name, f in fields.items()
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    missing = sorted(required - set(raw))
    if missing:
        raise ManifestError(f"{where}: missing key {missing[0]!r}")
    hints = typing.get_type_hints(cls)
    values = {key: _convert(hints[key], value, f"{where}: {key}") for key, value in raw.items()}
    return cls(**values)


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is types.UnionType:
        if value is None and type(None) in arguments:
            return None
        return _convert(arguments[0], value, where)
    if dataclasses.is_dataclass(hint):
        return from_dict(typing.cast(type, hint), value, where)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_convert(arguments[0], item, where) for item in value)
    if origin is dict and isinstance(value, dict):
        return {key: _convert(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if hint is float and type(value) in (int, float):
        return float(value)
    if type(value) is hint:
        return value
    expected = getattr(hint, "__name__", str(hint))
    raise ManifestError(f"{where}: expected {expected}, found {type(value).__name__} {value!r:.60}")
