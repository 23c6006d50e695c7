"""From a name or a folder to a model that runs."""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from edge_voice import models
from edge_voice.cpu import allowed_cores
from edge_voice.errors import ModelNotFound, OptionError, UnsupportedModel
from edge_voice.hub import store
from edge_voice.hub.catalog import load_catalog
from edge_voice.hub.progress import Progress, silent
from edge_voice.hub.verify import check_files
from edge_voice.manifest import FILE_NAME, Manifest
from edge_voice.transcriber import Transcriber

if TYPE_CHECKING:
    from types import ModuleType

    from edge_voice.synthesizer import Synthesizer, VoiceList

_TASKS = {"transcribe": "turns speech into text", "speak": "turns text into speech"}


@overload
def load(
    name_or_folder: str | os.PathLike[str],
    *,
    task: None = None,
    precision: str | None = None,
    threads: int | None = None,
    progress: Progress = silent,
) -> Any: ...  # a Transcriber or a Synthesizer, as the bundle's manifest says


@overload
def load(
    name_or_folder: str | os.PathLike[str],
    *,
    task: Literal["transcribe"],
    precision: str | None = None,
    threads: int | None = None,
    progress: Progress = silent,
) -> Transcriber: ...


@overload
def load(
    name_or_folder: str | os.PathLike[str],
    *,
    task: Literal["speak"],
    precision: str | None = None,
    threads: int | None = None,
    progress: Progress = silent,
) -> Synthesizer: ...


def load(
    name_or_folder: str | os.PathLike[str],
    *,
    task: Literal["transcribe", "speak"] | None = None,
    precision: str | None = None,
    threads: int | None = None,
    progress: Progress = silent,
) -> Transcriber | Synthesizer:
    """Loads a model.

    Args:
        name_or_folder: A bundle's folder, or a name from the catalog. A model that is not in the
            store is fetched and exported first, unless the network is forbidden.
        task: What the model must be for: `transcribe` (speech to text) or `speak` (text to
            speech); by default whatever it is for.
        precision: Which of a model's bundles; by default the one that is installed, and of
            several the one that is pulled by default.
        threads: Cores to use; by default all that this process may use.
        progress: Told what is fetched and converted, if anything must be.

    Raises:
        ModelNotFound: No such folder, no such name.
        ManifestError, GraphMismatch, ChecksumMismatch: The bundle is damaged.
        FetchError: The model is not installed and could not be fetched.
        OptionError: `threads` is less than 1, or the model is for the other task.
    """
    if threads is not None and threads < 1:
        raise OptionError(f"{threads} threads (allowed: 1 or more)")
    if task is not None and task not in _TASKS:
        raise OptionError(f"unknown task {task!r} (allowed: {', '.join(_TASKS)})")
    folder = _folder(os.fspath(name_or_folder), task, precision, progress)
    manifest = Manifest.load(folder)
    _check_task(manifest.name, manifest.task, task)
    check_files(folder, manifest)
    module = _module(folder, manifest, "model")
    model = module.load(folder, manifest, threads=threads or allowed_cores())
    return cast("Transcriber | Synthesizer", model)


def listed_voices(folder: Path) -> VoiceList | None:
    """Who a text-to-speech bundle can speak as, without opening it; None if it must be opened.

    Raises:
        ManifestError: The bundle is damaged.
        OptionError: The model is not for speaking.
    """
    manifest = Manifest.load(folder)
    _check_task(manifest.name, manifest.task, "speak")
    config = _module(folder, manifest, "config")
    return cast("VoiceList", config.voice_list(manifest)) if hasattr(config, "voice_list") else None


def _module(folder: Path, manifest: Manifest, name: str) -> ModuleType:
    known = [info.name for info in pkgutil.iter_modules(models.__path__)]
    if manifest.model_type not in known:
        raise UnsupportedModel(
            f"{folder}: model type {manifest.model_type!r} (known: {', '.join(known)})"
        )
    return importlib.import_module(f"{models.__name__}.{manifest.model_type}.{name}")


def _check_task(name: str, found: str, task: str | None) -> None:
    if task is not None and found != task:
        raise OptionError(
            f"{name} cannot {task}: it is a model that {_TASKS.get(found, found)}"
            f" (allowed: models whose task is {task!r}; edge-voice models lists them)"
        )


def installed_folder(name_or_folder: str, precision: str | None = None) -> Path | None:
    """The folder of a bundle that is there already, or None for a name that is not in the store.

    A path is anything with a separator or a manifest in it; everything else is a name.

    Raises:
        ModelNotFound: A path without a bundle, or no plain name.
    """
    path = Path(name_or_folder)
    if (path / FILE_NAME).is_file():
        return path
    if os.sep in name_or_folder or path.is_dir():
        raise ModelNotFound(f"no {FILE_NAME} in {path}: not a bundle")
    prefer = load_catalog().precision_of(name_or_folder)
    return store.find(name_or_folder, precision, prefer=prefer)


def _folder(
    name_or_folder: str, task: str | None, precision: str | None, progress: Progress
) -> Path:
    if installed := installed_folder(name_or_folder, precision):
        return installed
    from edge_voice.hub.pull import pull  # 50 ms that an installed model need not pay

    known = load_catalog().get(name_or_folder)
    _check_task(known.name, known.task, task)  # before anything is fetched
    return pull(name_or_folder, precision, progress=progress)
