"""From a name to a bundle in the store: fetch the weights, export them, put the bundle in place."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge_voice.errors import (
    AudioError,
    EdgeVoiceError,
    FetchError,
    ModelError,
    OptionError,
    StoreError,
    UnsupportedModel,
)
from edge_voice.hub import store
from edge_voice.hub.catalog import Catalog, CatalogModel, Checkpoint, load_catalog
from edge_voice.hub.fetch import fetch_weights
from edge_voice.hub.packages import run_child
from edge_voice.hub.progress import Progress, silent
from edge_voice.manifest import FILE_NAME

# Generous: room for the bundle beside its temporary copy, not a promise of its size.
_BYTES_PER_PARAMETER = {"fp32": 5, "int8": 2, "int4": 2, "balanced": 2}
_EXPORTER_PACKAGES = ("edge_voice_export", "onnx_ir")
_CHILD_ERRORS = {
    error.exit_code: error
    for error in (OptionError, ModelError, AudioError, StoreError, FetchError)
}
# With or without the name of a program before it.
_ERROR_LINE = re.compile(r"(?:[\w-]+: )?error: (.+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ExportJob:
    """What an exporter is asked to do.

    Attributes:
        source: Folder of a checkpoint, or its only file.
        output: Folder to make; its parent exists and is on the store's file system.
        name: Name of the model.
        precision: Preset.
        licence: SPDX expression of the weights.
        origin: Who published the weights.
        revision: Commit; empty when there is none.
    """

    source: Path
    output: Path
    name: str
    precision: str
    licence: str
    origin: str
    revision: str


class Exporter(Protocol):
    """Turns a checkpoint into a bundle."""

    def __call__(self, job: ExportJob, progress: Progress, /) -> None:
        """Writes the bundle to `job.output`, or raises an `EdgeVoiceError`."""


def pull(
    name: str,
    precision: str | None = None,
    *,
    progress: Progress = silent,
    keep_weights: bool = False,
    catalog: Catalog | None = None,
    exporter: Exporter | None = None,
) -> Path:
    """Returns the folder of a bundle; fetches and exports it first if it is not in the store.

    It can be interrupted at any moment and called again: what has arrived is used, what is in
    the store stays whole. Of several processes that pull one model at once, one works and the
    others wait for it.

    Args:
        name: A model of the catalog.
        precision: Preset to export with; the model's own in the catalog by default.
        progress: Told what is being done, and how many bytes of how many.
        keep_weights: Leave the downloaded checkpoint in the store for further exports.
        catalog: The known models; the shipped catalog by default.
        exporter: What turns the checkpoint into a bundle; the installed `edge_voice_export`, in
            a process of its own, by default.

    Raises:
        ModelNotFound: The catalog has no such model.
        OptionError: There is no such preset.
        UnsupportedModel: The exporter is not installed.
        FetchError: The network is forbidden, or every source failed.
        StoreError: The disk is full, or the store cannot be written.
        ModelError: The export failed.
    """
    catalog = catalog or load_catalog()
    precision = precision or catalog.precision_of(name)
    if folder := store.find(name, precision):
        return folder
    model = catalog.get(name)
    exporter = exporter or _installed_exporter(name)

    def on_wait() -> None:
        progress(0, None, f"waiting for another process that is working on {name}")

    with store.lock(name, on_wait):
        if folder := store.find(name, precision):
            return folder
        store.sweep(name)
        try:
            return _pull_locked(model, precision, exporter, progress, keep_weights)
        finally:
            store.sweep(name)


@contextmanager
def borrow_weights(
    name: str, precision: str, output: Path, *, progress: Progress = silent
) -> Iterator[ExportJob]:
    """A model's weights for an export outside the store; gone again afterwards.

    Args:
        name: A model of the catalog.
        precision: Preset, which tells how much room the bundle needs.
        output: Folder of the bundle.
        progress: Told the bytes of each file.

    Raises:
        ModelNotFound, FetchError, StoreError: As `pull`.
    """
    model = load_catalog().get(name)

    def on_wait() -> None:
        progress(0, None, f"waiting for another process that is working on {name}")

    with store.lock(name, on_wait):
        bundle_bytes = model.parameters * _BYTES_PER_PARAMETER[precision]
        checkpoint, weights = fetch_weights(model, bundle_bytes, progress)
        yield _export_job(model, precision, checkpoint, weights, output)
        shutil.rmtree(store.weights_folder(name), ignore_errors=True)
        store.sweep(name)


def export_in_child(job: ExportJob, progress: Progress, /) -> None:
    """Runs `python -m edge_voice_export`: its memory is gone before the model is first used.

    Raises:
        EdgeVoiceError: The child's own error, as the same class.
    """
    command = [sys.executable, "-P", "-m", "edge_voice_export", "--source", str(job.source)]
    command += ["--name", job.name, "--precision", job.precision, "--licence", job.licence]
    command += ["--origin", job.origin, "--revision", job.revision, "-o", str(job.output)]
    label = f"converting {job.name} to {job.precision}"
    with store.writing(job.name):
        folder = job.output.parent
        code, printed = run_child(command, folder / "log.txt", progress, label, folder)
    if code != 0:
        raise _child_error(code, printed, job.name)


def _pull_locked(
    model: CatalogModel, precision: str, exporter: Exporter, progress: Progress, keep: bool
) -> Path:
    bundle_bytes = model.parameters * _BYTES_PER_PARAMETER[precision]
    checkpoint, weights = fetch_weights(model, bundle_bytes, progress)
    staging = store.staging_folder(model.name)
    with store.writing(model.name):
        staging.mkdir(parents=True, exist_ok=True)
    job = _export_job(model, precision, checkpoint, weights, staging / "bundle")
    exporter(job, progress)
    if not (job.output / FILE_NAME).is_file():
        raise ModelError(f"the export of {model.name} wrote no {FILE_NAME}")
    folder = store.bundle_folder(model.name, precision)
    with store.writing(model.name):
        if folder.exists():
            store.discard(folder, model.name)
        folder.parent.mkdir(parents=True, exist_ok=True)
        job.output.rename(folder)
    if not keep:
        shutil.rmtree(store.weights_folder(model.name), ignore_errors=True)
    return folder


def _export_job(
    model: CatalogModel, precision: str, checkpoint: Checkpoint, weights: Path, output: Path
) -> ExportJob:
    files = checkpoint.files
    return ExportJob(
        source=weights / files[0].name if len(files) == 1 else weights,
        output=output,
        name=model.name,
        precision=precision,
        licence=model.licence,
        origin=checkpoint.origin,
        revision=checkpoint.revision,
    )


def _installed_exporter(name: str) -> Exporter:
    missing = [p for p in _EXPORTER_PACKAGES if importlib.util.find_spec(p) is None]
    if missing:
        raise UnsupportedModel(
            f"{name} is not in the store, and converting it needs packages that are not installed"
            f' ({", ".join(missing)}): pip install "edge-voice[export]"'
        )
    return export_in_child


def _child_error(code: int, printed: str, name: str) -> EdgeVoiceError:
    if code < 0:
        return ModelError(f"the export of {name} was killed by signal {-code} (out of memory?)")
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    errors = [match[1] for line in lines if (match := _ERROR_LINE.match(line))]
    message = (errors or lines or [f"the export of {name} failed with code {code}"])[-1]
    return _CHILD_ERRORS.get(code, EdgeVoiceError)(message)
