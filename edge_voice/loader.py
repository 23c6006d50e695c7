"""From a name or a folder to a model that runs."""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path
from typing import cast

from edge_voice import models
from edge_voice.cpu import allowed_cores
from edge_voice.errors import ModelNotFound, OptionError, UnsupportedModel
from edge_voice.hub import store
from edge_voice.hub.catalog import load_catalog
from edge_voice.hub.progress import Progress, silent
from edge_voice.hub.verify import check_files
from edge_voice.manifest import FILE_NAME, Manifest
from edge_voice.transcriber import Transcriber


def load(
    name_or_folder: str | os.PathLike[str],
    *,
    precision: str | None = None,
    threads: int | None = None,
    progress: Progress = silent,
) -> Transcriber:
    """Loads a model.

    Args:
        name_or_folder: A bundle's folder, or a name from the catalog. A model that is not in the
            store is fetched and exported first, unless the network is forbidden.
        precision: Which of a model's bundles; by default the one that is installed, and of
            several the one that is pulled by default.
        threads: Cores to use; by default all that this process may use.
        progress: Told what is fetched and converted, if anything must be.

    Raises:
        ModelNotFound: No such folder, no such name.
        ManifestError, GraphMismatch, ChecksumMismatch: The bundle is damaged.
        FetchError: The model is not installed and could not be fetched.
        OptionError: `threads` is less than 1.
    """
    if threads is not None and threads < 1:
        raise OptionError(f"{threads} threads (allowed: 1 or more)")
    folder = _folder(os.fspath(name_or_folder), precision, progress)
    manifest = Manifest.load(folder)
    check_files(folder, manifest)
    known = [info.name for info in pkgutil.iter_modules(models.__path__)]
    if manifest.model_type not in known:
        raise UnsupportedModel(
            f"{folder}: model type {manifest.model_type!r} (known: {', '.join(known)})"
        )
    module = importlib.import_module(f"{models.__name__}.{manifest.model_type}.model")
    return cast(Transcriber, module.load(folder, manifest, threads=threads or allowed_cores()))


def _folder(name_or_folder: str, precision: str | None, progress: Progress) -> Path:
    """A path is anything with a separator or a manifest in it; everything else is a name."""
    path = Path(name_or_folder)
    if (path / FILE_NAME).is_file():
        return path
    if os.sep in name_or_folder or path.is_dir():
        raise ModelNotFound(f"no {FILE_NAME} in {path}: not a bundle")
    prefer = load_catalog().precision_of(name_or_folder)
    if installed := store.find(name_or_folder, precision, prefer=prefer):
        return installed
    from edge_voice.hub.pull import pull  # 50 ms that an installed model need not pay

    return pull(name_or_folder, precision, progress=progress)
