"""Any kind of binary input as a seekable file: paths, bytes, file objects, pipes."""

from __future__ import annotations

import io
import os
import stat
import tempfile
from contextlib import ExitStack
from typing import IO, Any, cast

from edge_voice import sniff
from edge_voice.errors import AudioError

_MEMORY_BYTES = 64 << 20
_MAX_BYTES = 8 << 30


def open_binary(audio: Any, resources: ExitStack) -> tuple[IO[bytes], str, str]:
    """Opens a path, bytes or a binary file object for a decoder that must seek.

    Args:
        audio: Path, file contents or binary file object; the object is not closed here.
        resources: Gets what this opens, to be closed by the caller.

    Returns:
        A seekable file at its beginning, a name for messages, and the container's name.

    Raises:
        AudioError: No such file, not readable, not audio, or more than a pipe may bring.
    """
    file, name = _seekable(audio, resources)
    container = sniff.check(_read(file, sniff.HEAD_BYTES, name), name)
    file.seek(0)
    return file, name, container


def _seekable(audio: Any, resources: ExitStack) -> tuple[IO[bytes], str]:
    if isinstance(audio, bytes | bytearray | memoryview):
        return io.BytesIO(audio), "bytes"
    if isinstance(audio, str | os.PathLike):
        name = os.fspath(audio)
        file = resources.enter_context(_open_path(name))
        is_plain = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        return (file if is_plain else _spool(file, name, resources)), name
    if not hasattr(audio, "read"):
        raise AudioError(
            f"audio is of type {type(audio).__name__} "
            "(allowed: path, bytes, binary file object, numpy array)"
        )
    name = str(getattr(audio, "name", "file object"))
    if _starts_seekable(audio):
        return audio, name
    return _spool(audio, name, resources), name


def _open_path(name: str) -> IO[bytes]:
    try:
        return open(name, "rb", buffering=0)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise AudioError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise AudioError(f"{name}: is a folder, not an audio file") from None
    except OSError as error:
        raise AudioError(f"{name}: cannot be read: {error.strerror}") from None


def _starts_seekable(file: Any) -> bool:
    try:
        return bool(file.seekable()) and file.tell() == 0
    except (AttributeError, OSError):
        return False


def _spool(file: Any, name: str, resources: ExitStack) -> IO[bytes]:
    """Copies what is left of a pipe or the like, because decoders must seek."""
    copy = resources.enter_context(tempfile.SpooledTemporaryFile(_MEMORY_BYTES))  # noqa: SIM115
    total = 0
    while chunk := _read(file, 1 << 20, name):
        copy.write(chunk)
        if total < sniff.HEAD_BYTES <= total + len(chunk):  # an endless non-sound ends here
            copy.seek(0)
            sniff.check(copy.read(sniff.HEAD_BYTES), name)
            copy.seek(0, io.SEEK_END)
        total += len(chunk)
        if total > _MAX_BYTES:
            raise AudioError(f"{name}: more than {_MAX_BYTES >> 30} GiB through a pipe")
    copy.seek(0)
    return cast("IO[bytes]", copy)


def _read(file: Any, size: int, name: str) -> bytes:
    chunk = file.read(size)
    if not isinstance(chunk, bytes):
        raise AudioError(f"{name}: gives text (allowed: a file opened in binary mode)")
    return chunk
