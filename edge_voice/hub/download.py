"""One file on its way into the store: a `.part` that grows, is checked, and gets its name."""

from __future__ import annotations

import hashlib
import os
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from edge_voice.errors import ChecksumMismatch, FetchError, StoreError
from edge_voice.hub.progress import Progress, silent
from edge_voice.hub.store import writing

if TYPE_CHECKING:
    from hashlib import _Hash

BLOCK_BYTES = 1 << 20


class Download:
    """A growing file. Use it as a context manager; leaving early keeps the bytes for later.

    Attributes:
        target: Where the file goes once it is complete and checked.
        path: The part; its name holds the hash, so that a part of other contents is never used.
        total_bytes: Size of the complete file.
        done_bytes: Bytes in the part.
        resumed: Whether the part held something when it was opened.
    """

    def __init__(
        self, target: Path, total_bytes: int, digest: str, progress: Progress = silent
    ) -> None:
        """Prepares; nothing is touched yet.

        Args:
            target: Final path; its folder is made.
            total_bytes: Size of the complete file.
            digest: Hex sha256 of the contents, or git's 40-digit blob name.
            progress: Called after every write.
        """
        self.target = target
        self.path = target.with_name(f"{target.name}.{digest[:16]}.part")
        self.total_bytes = total_bytes
        self.done_bytes = 0
        self.resumed = False
        self._digest = digest
        self._progress = progress
        self._stream: FileIO
        self._hash: _Hash

    def __enter__(self) -> Download:
        with writing(self.target.name):
            self.target.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: a full disk shows at the write, not when the file is closed.
            self._stream = self.path.open("r+b" if self.path.exists() else "w+b", buffering=0)
            self._hash = self._new_hash()
            while block := self._stream.read(BLOCK_BYTES):
                self._hash.update(block)
                self.done_bytes += len(block)
        self.resumed = self.done_bytes > 0
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        if not self.done_bytes:
            self.path.unlink(missing_ok=True)

    @property
    def complete(self) -> bool:
        """Whether all bytes are there, right or wrong."""
        return self.done_bytes >= self.total_bytes

    def write(self, block: bytes) -> None:
        """Appends bytes.

        Raises:
            FetchError: More bytes than the file has.
            StoreError: The disk is full or cannot be written; the part is then removed.
        """
        if self.done_bytes + len(block) > self.total_bytes:
            self.restart()
            raise FetchError(f"sends more than the expected {self.total_bytes} bytes")
        try:
            with writing(self.target.name):
                _write_all(self._stream, block)
        except StoreError:
            self.path.unlink(missing_ok=True)
            raise
        self._hash.update(block)
        self.done_bytes += len(block)
        self._progress(self.done_bytes, self.total_bytes, self.target.name)

    def restart(self) -> None:
        """Drops what the part holds."""
        with writing(self.target.name):
            self._stream.seek(0)
            self._stream.truncate()
        self._hash = self._new_hash()
        self.done_bytes = 0
        self.resumed = False

    def finish(self) -> None:
        """Checks size and hash and gives the file its name.

        Raises:
            ChecksumMismatch: The bytes are not the expected ones; the part is emptied.
            FetchError: Bytes are missing; the part is kept.
            StoreError: The file cannot be written.
        """
        if not self.complete:
            raise FetchError(f"sent {self.done_bytes} of {self.total_bytes} bytes")
        found = self._hash.hexdigest()
        if found != self._digest:
            self.restart()
            raise ChecksumMismatch(f"hash is {found[:16]}…, expected {self._digest[:16]}…")
        with writing(self.target.name):
            os.fsync(self._stream.fileno())
            self.path.replace(self.target)

    def _new_hash(self) -> _Hash:
        if len(self._digest) == 64:
            return hashlib.sha256()
        # Git names a blob by the sha1 of this header and the contents; a checksum, not a secret.
        header = b"blob %d\0" % self.total_bytes
        return hashlib.sha1(header, usedforsecurity=False)


def _write_all(stream: FileIO, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[stream.write(rest) :]
