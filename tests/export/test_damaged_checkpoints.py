"""Damage to a checkpoint in one file and in shards: one line that names the file, or the tensor."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_voice.errors import ModelError, ModelNotFound, UnsupportedModel
from edge_voice_export.checkpoint import open_checkpoint

from .checkpoints import write_tiny_whisper

SMALL = {"layers": 1, "width": 8, "heads": 2, "mels": 4, "audio_ctx": 6, "text_ctx": 5}


def write(folder: Path, sharded: bool) -> Path:
    return write_tiny_whisper(folder, sharded=sharded, vocab=1700, **SMALL)


def refusal(source: Path, kind: type[ModelError]) -> str:
    with pytest.raises(kind) as caught:
        open_checkpoint(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_an_index_that_cannot_be_read(tmp_path, content):
    path = tmp_path / "model.safetensors.index.json"
    path.write_bytes(content)

    assert str(path) in refusal(tmp_path, UnsupportedModel)


@pytest.mark.parametrize(
    ("content", "kind"), [(None, ModelNotFound), (b"{", UnsupportedModel)], ids=["missing", "cut"]
)
def test_shards_without_a_config(tmp_path, content, kind):
    path = write(tmp_path, True) / "config.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)

    assert "config.json" in refusal(tmp_path, kind)


Header = dict[str, Any]


def spoil(path: Path, change: Callable[[Header, list[str]], Header | str | None]) -> None:
    """Writes a file again with another header: what `change` makes of it and of its names."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    names = sorted(header.keys() - {"__metadata__"}, key=lambda n: header[n]["data_offsets"])
    changed = change(header, names) or header
    text = (changed if isinstance(changed, str) else json.dumps(changed)).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


def longer(header: Header, names: list[str]) -> None:
    header[names[-1]]["data_offsets"][1] += 4


def larger(header: Header, names: list[str]) -> None:
    header[names[-1]]["shape"] = [2, *header[names[-1]]["shape"]]


def overlapping(header: Header, names: list[str]) -> None:
    offsets = header[names[1]]["data_offsets"]
    offsets[:] = [offset - 4 for offset in offsets]


def beyond(header: Header, names: list[str]) -> None:
    offsets = header[names[-1]]["data_offsets"]
    offsets[:] = [offset + (1 << 40) for offset in offsets]


def unknown(header: Header, names: list[str]) -> None:
    header[names[0]]["dtype"] = "F8_E5M2"


def twice(header: Header, names: list[str]) -> str:
    again = json.dumps({names[0]: header[names[0]]})
    return f"{json.dumps(header)[:-1]}, {again[1:]}"


@pytest.mark.parametrize("sharded", [False, True], ids=["single", "sharded"])
@pytest.mark.parametrize(
    ("change", "place", "found"),
    [
        (longer, -1, "(its shape and dtype make"),
        (larger, -1, "(its shape and dtype make"),
        (overlapping, 1, "(the one before it ends at"),
        (beyond, -1, "(the one before it ends at"),
        (unknown, 0, "has dtype 'F8_E5M2' (known: F64"),
        (twice, 0, "names a key twice"),
    ],
)
def test_headers_that_lie_name_file_and_tensor(tmp_path, sharded, change, place, found):
    path = sorted(write(tmp_path, sharded).glob("*.safetensors"))[-1]
    names: list[str] = []
    spoil(path, lambda header, known: names.extend(known) or change(header, known))

    message = refusal(tmp_path, UnsupportedModel)

    assert found in message
    assert str(path) in message
    assert repr(names[place]) in message


@pytest.mark.parametrize("sharded", [False, True], ids=["single", "sharded"])
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda data: data[:-1], "truncated or overwritten"),
        (lambda data: data[:300], "its header claims"),
        (lambda data: b"", "0 bytes long"),
        (lambda data: (len(data) - 7).to_bytes(8, "little") + data[8:], "its header claims"),
        (lambda data: data + b"\0", "truncated or overwritten"),
        (lambda data: b"version 1\noid sha256:0\nsize 9\n", "a Git LFS pointer of 30 bytes"),
    ],
    ids=["cut", "cut in the header", "empty", "header too long", "grown", "pointer"],
)
def test_damaged_files_are_named(tmp_path, sharded, change, found):
    path = sorted(write(tmp_path, sharded).glob("*.safetensors"))[-1]
    path.write_bytes(change(path.read_bytes()))

    message = refusal(tmp_path, UnsupportedModel)

    assert found in message
    assert str(path) in message
