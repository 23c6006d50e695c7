"""Paths, bytes, file objects and pipes become a seekable file, or one clear error."""

from __future__ import annotations

import io
import os
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge_voice import binary_input
from edge_voice.binary_input import open_binary
from edge_voice.errors import AudioError

WAV = b"RIFF\x24\0\0\0WAVEfmt " + bytes(100)


class Pipe(io.RawIOBase):
    """Gives `pieces` one by one and cannot seek."""

    name = "<pipe>"

    def __init__(self, pieces: list[bytes], *, endless: bytes = b"") -> None:
        self.pieces, self.endless = list(pieces), endless
        self.reads = 0

    def read(self, size: int = -1) -> bytes:
        self.reads += 1
        return self.pieces.pop(0) if self.pieces else self.endless


def contents(audio: object) -> bytes:
    with ExitStack() as resources:
        file, _, container = open_binary(audio, resources)
        assert container == "WAV"
        return file.read()


def test_every_kind_of_input_gives_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(WAV)
    half_read = io.BytesIO(b"junk" + WAV)
    half_read.seek(4)
    inputs = (str(path), path, WAV, bytearray(WAV), io.BytesIO(WAV), half_read)
    assert [contents(audio) for audio in inputs] == [WAV] * len(inputs)


def test_pipe_in_small_pieces() -> None:
    assert contents(Pipe([WAV[:5], WAV[5:70], WAV[70:]])) == WAV


def test_named_pipe(tmp_path: Path) -> None:
    path = tmp_path / "fifo.wav"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(WAV,))
    writer.start()
    assert contents(path) == WAV
    writer.join()


def test_endless_pipe_of_no_sound_is_left_at_once() -> None:
    pipe = Pipe([], endless=bytes(1000))
    with pytest.raises(AudioError, match="<pipe>: not audio"):
        contents(pipe)
    assert pipe.reads == 1


def test_endless_pipe_of_sound_hits_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary_input, "_MAX_BYTES", 10_000)
    pipe = Pipe([WAV], endless=bytes(1000))
    with pytest.raises(AudioError, match=r"more than .* through a pipe"):
        contents(pipe)
    assert pipe.reads < 20


def test_large_pipe_goes_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary_input, "_MEMORY_BYTES", 10)
    assert contents(Pipe([WAV])) == WAV


def test_own_files_are_closed_and_the_callers_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(WAV)
    with ExitStack() as resources:
        own, _, _ = open_binary(path, resources)
    callers = io.BytesIO(WAV)
    with ExitStack() as resources:
        open_binary(callers, resources)
    assert own.closed
    assert not callers.closed


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.wav", "missing.wav: no such file"),
        ("folder", "folder: is a folder, not an audio file"),
        ("plain/below.wav", "below.wav: no such file"),
        ("nul\0.wav", "no such file"),
        ("x" * 300, "cannot be read: File name too long"),
    ],
)
def test_unreadable_paths(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain").write_bytes(WAV)
    with pytest.raises(AudioError, match=says):
        contents(os.path.join(tmp_path, name))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(WAV)
    path.chmod(0)
    with pytest.raises(AudioError, match="cannot be read: Permission denied"):
        contents(path)


@pytest.mark.parametrize("wrong", [None, 7, [0.0, 1.0]])
def test_wrong_type(wrong: object) -> None:
    with pytest.raises(AudioError, match=f"of type {type(wrong).__name__} .allowed: path"):
        contents(wrong)


@pytest.mark.parametrize("position", [0, 1])
def test_text_file_object(position: int) -> None:
    text = io.StringIO("RIFF")
    text.seek(position)
    with pytest.raises(AudioError, match="gives text"):
        contents(text)
