"""The known models: `catalog.toml`, read and checked. This module is its only reader."""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_voice.errors import ManifestError, ModelNotFound
from edge_voice.hub.sources import HubFile, Location, PackageMember, parse_source
from edge_voice.hub.store import DEFAULT_PRECISION, PRECISIONS
from edge_voice.manifest import from_dict

CATALOG_PATH = Path(__file__).with_name("catalog.toml")
_HUB_ORIGIN = "huggingface:"
_BY_THE_HUB = "hub"
_PERMISSIVE = ("MIT", "Apache-2.0")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """One file of a checkpoint.

    Attributes:
        name: Plain file name, as the exporter expects it.
        bytes: Size; an estimate where the sha256 is the hub's; 0 when only the hub knows it.
        sha256: Hex digest; `hub` where the sha256 that the hub names for the commit decides; empty
            where any hash that it names does.
        sources: In order of preference; empty: the checkpoint's repository (see `Checkpoint`).
    """

    name: str
    bytes: int = 0
    sha256: str = ""
    sources: tuple[str, ...] = ()

    @property
    def known_sha256(self) -> str:
        """The hex digest that the catalog itself knows; empty where only the hub does."""
        return "" if self.sha256 == _BY_THE_HUB else self.sha256

    @property
    def needs_hub_sha256(self) -> bool:
        """Whether these are weights of which only the hub knows the sha256."""
        return self.sha256 == _BY_THE_HUB


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One published form of a model's weights.

    Attributes:
        origin: Who published it; `huggingface:OWNER/REPOSITORY` is also where files without
            sources come from.
        files: All files that the exporter needs.
        revision: Commit of the repository; empty when there is none.
    """

    origin: str
    files: tuple[CheckpointFile, ...]
    revision: str = ""

    @property
    def bytes(self) -> int:
        """Size of the files whose size is known, if only about: the weights."""
        return sum(file.bytes for file in self.files)

    @property
    def key(self) -> str:
        """A folder name that changes when the weights do."""
        known = (file.known_sha256 for file in self.files)
        return next((digest for digest in known if digest), self.revision)[:16]

    def locations(self, file: CheckpointFile) -> list[tuple[Location, ...]]:
        """The sources of one file, in order; the locations of one source are joined."""
        if file.sources:
            return [parse_source(source) for source in file.sources]
        repository = self.origin.removeprefix(_HUB_ORIGIN)
        return [parse_source(f"{_HUB_ORIGIN}{repository}@{self.revision}/{file.name}")]


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """One row of the catalog.

    Attributes:
        name: What people type.
        model_type: Folder under `edge_voice/models` that runs it.
        task: `transcribe` or `speak`.
        languages: ISO 639 codes.
        licence: SPDX expression of the weights.
        terms: What the licence forbids or asks for, where it is not one that allows every use.
        parameters: Number of weights.
        checkpoints: Alternatives, in order of preference.
        precision: Preset that is pulled where nobody asks for another.
    """

    name: str
    model_type: str
    task: str
    languages: tuple[str, ...]
    licence: str
    parameters: int
    checkpoints: tuple[Checkpoint, ...]
    precision: str = DEFAULT_PRECISION
    terms: str = ""

    @property
    def licence_notice(self) -> str:
        """One line that people should see before the weights are fetched."""
        return f"{self.name}: licence {self.licence}" + (f", {self.terms}" if self.terms else "")

    @property
    def download_bytes(self) -> int:
        """Size of the weights of the preferred checkpoint."""
        return self.checkpoints[0].bytes


@dataclass(frozen=True, slots=True)
class Catalog:
    """All rows, by name and in the order of the file."""

    models: Mapping[str, CatalogModel]

    def get(self, name: str) -> CatalogModel:
        """Looks a model up by its exact name.

        Raises:
            ModelNotFound: Names the closest match and all known names.
        """
        if name in self.models:
            return self.models[name]
        close = difflib.get_close_matches(name, self.models, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ModelNotFound(f"unknown model {name!r} ({hint}known: {', '.join(self.models)})")

    def precision_of(self, name: str) -> str:
        """The preset to take where nobody asks for another, also of models not listed here."""
        return self.models[name].precision if name in self.models else DEFAULT_PRECISION


@functools.cache
def load_catalog(path: Path = CATALOG_PATH) -> Catalog:
    """Reads a catalog file.

    Raises:
        ManifestError: The file is missing, is not TOML, or a row is inconsistent.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(f"{path}: cannot be read: {error}") from None
    if unknown := sorted(set(raw) - {"languages", "models"}):
        raise ManifestError(f"{path}: unknown key {unknown[0]!r} (known: languages, models)")
    models: dict[str, CatalogModel] = {}
    for row in raw.get("models", []):
        model = _read_model(row, raw.get("languages", {}), str(path))
        if model.name in models:
            raise ManifestError(f"{path}: {model.name!r} is listed twice")
        models[model.name] = model
    return Catalog(models)


def _read_model(row: dict[str, Any], sets: dict[str, list[str]], where: str) -> CatalogModel:
    where = f"{where}: models.{row.get('name', '?')}"
    languages = row.get("languages")
    if isinstance(languages, str):
        if languages not in sets:
            raise ManifestError(
                f"{where}: no language set {languages!r} (known: {', '.join(sets)})"
            )
        row = {**row, "languages": _expand(languages, sets)}
    model = from_dict(CatalogModel, row, where)
    _check_plain(model.name, where)
    if model.precision not in PRECISIONS:
        raise ManifestError(
            f"{where}: unknown precision {model.precision!r} (known: {', '.join(PRECISIONS)})"
        )
    if model.licence not in _PERMISSIVE and not model.terms:
        raise ManifestError(f"{where}: licence {model.licence!r} needs its 'terms' in a few words")
    if not model.checkpoints:
        raise ManifestError(f"{where}: no checkpoints")
    for checkpoint in model.checkpoints:
        _check_checkpoint(checkpoint, f"{where}: {checkpoint.origin}")
    return model


def _expand(name: str, sets: dict[str, list[str]]) -> list[str]:
    codes: list[str] = []
    for item in sets[name]:
        codes += _expand(item, sets) if item in sets and item != name else [item]
    return codes


def _check_checkpoint(checkpoint: Checkpoint, where: str) -> None:
    if not any(file.sha256 for file in checkpoint.files):
        raise ManifestError(f"{where}: no file has a sha256")
    for file in checkpoint.files:
        _check_plain(file.name, where)
        sources = checkpoint.locations(file)
        if not all(_can_join(source) for source in sources):
            raise ManifestError(f"{where}: {file.name}: only files of packages can be joined")
        digest = file.known_sha256
        if file.sha256 and (file.bytes <= 0 or (digest and not _SHA256.match(digest))):
            raise ManifestError(f"{where}: {file.name}: bad sha256 or size")
        if not digest and not all(isinstance(source[0], HubFile) for source in sources):
            raise ManifestError(f"{where}: {file.name}: without sha256 only huggingface: may serve")


def _can_join(source: tuple[Location, ...]) -> bool:
    return len(source) == 1 or all(isinstance(part, PackageMember) for part in source)


def _check_plain(name: str, where: str) -> None:
    if not _PLAIN_NAME.match(name):
        raise ManifestError(f"{where}: {name!r} is not a plain name")
