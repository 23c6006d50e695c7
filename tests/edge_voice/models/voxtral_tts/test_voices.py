"""A user's own voice, from a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edge_voice.errors import OptionError
from edge_voice.models.voxtral_tts.voices import checked_rows, read_rows

ROWS = np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32)


def bfloat16(rows: np.ndarray) -> np.ndarray:
    return (rows.view(np.uint32) >> 16).astype(np.uint16)


def widened(rows: np.ndarray) -> np.ndarray:
    return (rows.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2"])
def test_npy(tmp_path, dtype):
    np.save(tmp_path / "a.npy", ROWS.astype(dtype))
    found = read_rows(tmp_path / "a.npy", 8)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, ROWS.astype(dtype).astype(np.float32))


def test_npy_of_bfloat16(tmp_path):
    np.save(tmp_path / "a.npy", bfloat16(ROWS))
    np.testing.assert_array_equal(read_rows(tmp_path / "a.npy", 8), widened(ROWS))


def test_safetensors(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    for values in (ROWS, ROWS.astype(np.float16)):
        safetensors.save_file({"voice": values}, tmp_path / "a.safetensors", {"by": "me"})
        np.testing.assert_array_equal(
            read_rows(tmp_path / "a.safetensors", 8), values.astype(np.float32)
        )


def write(path: Path, header: object, data: bytes) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(dtype: str, shape: list[int], size: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}


def test_safetensors_of_bfloat16(tmp_path):
    path = tmp_path / "a.safetensors"
    write(path, {"v": entry("BF16", [5, 8], 80)}, bfloat16(ROWS).tobytes())
    np.testing.assert_array_equal(read_rows(path, 8), widened(ROWS))


BAD = {
    "two tensors": ({"a": entry("F32", [1, 8], 32), "b": entry("F32", [1, 8], 32)}, bytes(32)),
    "a vector": ({"a": entry("F32", [8], 32)}, bytes(32)),
    "integers": ({"a": entry("I32", [1, 8], 32)}, bytes(32)),
    "cut short": ({"a": entry("F32", [2, 8], 64)}, bytes(32)),
    "another width": ({"a": entry("F32", [1, 9], 36)}, bytes(36)),
    "no rows": ({"a": entry("F32", [0, 8], 0)}, b""),
    "not a number": ({"a": entry("F32", [1, 8], 32)}, np.full(8, np.nan, "f4").tobytes()),
    "no object": ([1], b""),
    "no json": (b"{", b""),
    "not text": (b"\xff\xff", b""),
}


@pytest.mark.parametrize("damage", BAD)
def test_damaged_safetensors(tmp_path, damage):
    path = write(tmp_path / "a.safetensors", *BAD[damage])
    with pytest.raises(OptionError, match=r"voice .*a\.safetensors") as caught:
        read_rows(path, 8)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\xff" * 40])
@pytest.mark.parametrize("suffix", [".npy", ".safetensors"])
def test_files_of_another_kind(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(OptionError, match="cannot be read"):
        read_rows(path, 8)


def test_objects_in_npy_are_not_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(OptionError, match="cannot be read"):
        read_rows(tmp_path / "a.npy", 8)


@pytest.mark.parametrize("values", [np.zeros((2, 8), np.int32), np.zeros((4097, 8), np.float32)])
def test_arrays_that_are_no_voice(values):
    with pytest.raises(OptionError, match="voice mine"):
        checked_rows(values, 8, "mine")
