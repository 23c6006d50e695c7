"""Bytes over http: plain addresses, and files of Hugging Face repositories."""

from __future__ import annotations

import http.client
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from edge_voice.errors import EdgeVoiceError, FetchError
from edge_voice.hub.download import BLOCK_BYTES, Download
from edge_voice.hub.sources import HubFile

_TIMEOUT_SECONDS = 30.0
_MAX_BARREN_ATTEMPTS = 2
_TOKEN_PAGE = "https://huggingface.co/settings/tokens"


@dataclass(frozen=True, slots=True)
class HubEntry:
    """What the hub says of a file; `digest` is a sha256 or git's 40-digit blob name."""

    url: str
    bytes: int
    digest: str
    token: str | None


def receive(url: str, download: Download, *, token: str | None = None) -> None:
    """Appends the bytes of an address to a download, from where the download stands.

    A connection that breaks is taken up again as long as the attempts bring something.

    Args:
        url: http or https address.
        download: Entered.
        token: Bearer token; it is not passed on to other hosts.

    Raises:
        FetchError: Says why, in a few words.
        StoreError: The store cannot be written.
    """
    barren = 0
    while not download.complete:
        before = download.done_bytes
        reason = _attempt(url, download, token)
        barren = barren + 1 if download.done_bytes <= before else 0
        if barren >= _MAX_BARREN_ATTEMPTS:
            raise FetchError(reason or f"sent {before} of {download.total_bytes} bytes")


def look_up(file: HubFile) -> HubEntry:
    """Asks the Hugging Face hub where a file is, how long, and what its hash is.

    The bytes themselves go through `receive`: huggingface_hub 2 throws a partial file away when
    it is interrupted, and ours are resumed and checked on the way.

    Raises:
        FetchError: Says what to do about it where something can be done.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url
    except ImportError:
        raise FetchError(
            'huggingface_hub is not installed (pip install "edge-voice[export]")'
        ) from None
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
    url = hf_hub_url(file.repository, file.path, revision=file.revision, endpoint=endpoint)
    token = None
    try:
        token = get_token()
        metadata = get_hf_file_metadata(url, token=token)
    except Exception as error:  # its http library, and so its errors, changes between versions
        raise FetchError(_explain_hub_error(error, file, token)) from None
    if not metadata.etag or len(metadata.etag) not in (40, 64) or not metadata.size:
        raise FetchError(f"the hub names no size or hash for {file.path}")
    return HubEntry(url, metadata.size, metadata.etag, token)


def _attempt(url: str, download: Download, token: str | None) -> str:
    """Makes one request; returns why it ended early, or nothing."""
    try:
        with urllib.request.urlopen(_request(url, download, token), timeout=_TIMEOUT_SECONDS) as r:
            if download.done_bytes and r.status != http.client.PARTIAL_CONTENT:
                download.restart()
            while block := r.read(BLOCK_BYTES):
                download.write(block)
    except EdgeVoiceError:
        raise
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and download.done_bytes:
            download.restart()
            return ""
        raise FetchError(f"HTTP {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        return _explain_os_error(error.reason)
    except (OSError, http.client.HTTPException) as error:
        return _explain_os_error(error)
    return ""


def _request(url: str, download: Download, token: str | None) -> urllib.request.Request:
    from edge_voice import __version__

    request = urllib.request.Request(url, headers={"User-Agent": f"edge-voice/{__version__}"})
    if download.done_bytes:
        request.add_header("Range", f"bytes={download.done_bytes}-")
    if token:
        # Unredirected: the hub sends large files to another host, which must not see the token.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    return request


def _explain_os_error(error: Any) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return re.sub(r"\[Errno -?\d+\] ", "", " ".join(text.split()))


def _explain_hub_error(error: Exception, file: HubFile, token: str | None) -> str:
    from huggingface_hub import errors

    page = f"https://huggingface.co/{file.repository}"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError):
        if token:
            return f"gated, and {_name_of_token()} has no access: {_accept(page)}"
        return f"gated: {_log_in(page)}"
    if status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
        return _explain_refusal(page, status, token)
    if isinstance(error, errors.RevisionNotFoundError):
        return f"has no revision {file.revision[:12]}"
    if isinstance(error, errors.EntryNotFoundError):
        return f"has no file {file.path}"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"no such repository, or a private one ({page}): log in with `hf auth login`"
    return _explain_os_error(error)


def _explain_refusal(page: str, status: int, token: str | None) -> str:
    """Says what to do where the hub does not say whether the repository is gated."""
    if not token:
        return f"gated, private or gone: {_log_in(page)}"
    if status == http.client.FORBIDDEN:
        return f"{_name_of_token()} has no access: {_accept(page)}"
    return (
        f"the hub does not accept {_name_of_token()} (expired, or mistyped?): make another at"
        f" {_TOKEN_PAGE}, run `hf auth login` with it or set HF_TOKEN"
    )


def _log_in(page: str) -> str:
    return (
        f"accept the terms at {page} with an account, make a token for reading at {_TOKEN_PAGE},"
        " run `hf auth login` with it or set HF_TOKEN, then pull again"
    )


def _accept(page: str) -> str:
    return (
        f"accept the terms at {page} with the account that it belongs to, then pull again; a"
        " fine-grained token must also be allowed to read public gated repositories"
    )


def _name_of_token() -> str:
    """Which token is sent: the variable goes before what was stored, as in huggingface_hub."""
    return "the token in HF_TOKEN" if os.environ.get("HF_TOKEN") else "the token of `hf auth login`"
