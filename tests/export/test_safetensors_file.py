"""Headers of safetensors files: the reference library's, and hostile ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_voice.errors import UnsupportedModel
from edge_voice_export.safetensors_file import read_contents
from edge_voice_export.tensor import WeightFile


def write(path: Path, header: Any, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(begin: int, end: int, shape: Any = (2,), dtype: str = "F16") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def refusal(path: Path) -> str:
    with WeightFile(path) as file, pytest.raises(UnsupportedModel) as caught:
        read_contents(file)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_files_of_the_reference_library(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    random = np.random.default_rng(1)
    tensors = {
        "half": random.standard_normal((3, 4)).astype(np.float16),
        "single": random.standard_normal((2, 3, 5)).astype(np.float32),
        "double": random.standard_normal(7),
        "long": random.integers(-(2**60), 2**60, (2, 2)),
        "byte": random.integers(0, 255, 3).astype(np.uint8),
        "flag": np.array([True, False]),
        "scalar": np.array(2.5, np.float32),
        "empty": np.zeros((0, 4), np.float32),
    }
    safetensors.save_file(tensors, tmp_path / "a.safetensors", metadata={"format": "np"})

    with WeightFile(tmp_path / "a.safetensors") as file:
        contents = read_contents(file)

        assert contents.keys() == tensors.keys()
        for name, expected in tensors.items():
            values = contents[name].read()
            np.testing.assert_array_equal(
                values,
                expected.astype(np.float32 if expected.dtype.kind == "f" else expected.dtype),
            )


@pytest.mark.parametrize(
    ("header", "data", "found"),
    [
        (b"", b"", "not valid JSON"),
        (b"{", b"", "not valid JSON"),
        (b"[" * 100_000, b"", "not valid JSON"),
        (b'{"a":' + b"9" * 5000 + b"}", b"", "not valid JSON"),
        (b"\xff\xfe{}", b"", "not valid JSON"),
        ([1], b"", "expected an object"),
        (b'{"a": {}, "a": {}}', b"", "names a key twice: 'a'"),
        ({"a": 5}, b"", "not described by a JSON object"),
        ({"a": {}}, b"", "dtype None"),
        ({"a": entry(0, 2, dtype="F8_E4M3")}, bytes(2), "dtype 'F8_E4M3' (known: F64"),
        ({"a": {**entry(0, 4), "dtype": []}}, bytes(4), "dtype []"),
        ({"a": entry(0, 4, shape=[-2])}, bytes(4), "integers >= 0"),
        ({"a": entry(0, 4, shape=[2.0])}, bytes(4), "integers >= 0"),
        ({"a": entry(0, 4, shape=[True, 2])}, bytes(4), "integers >= 0"),
        ({"a": entry(0, 4, shape="2")}, bytes(4), "integers >= 0"),
        ({"a": entry(0, 4, shape=[2**64])}, bytes(4), "integers >= 0"),
        ({"a": entry(0, 4, shape=[1] * 40)}, bytes(4), "40 dimensions"),
        ({"a": entry(0, 4, shape=[2**40, 2**40])}, bytes(4), "its shape and dtype make"),
        ({"a": {"dtype": "F16", "shape": [2]}}, bytes(4), "no pair of data_offsets"),
        ({"a": {**entry(0, 4), "data_offsets": [4]}}, bytes(4), "no pair of data_offsets"),
        ({"a": {**entry(0, 4), "data_offsets": [-4, 0]}}, bytes(4), "integers >= 0"),
        ({"a": entry(4, 0)}, bytes(4), "has -4 bytes"),
        ({"a": entry(0, 6)}, bytes(6), "has 6 bytes (its shape and dtype make 4)"),
        ({"a": entry(0, 4), "b": entry(2, 6)}, bytes(6), "'b' begins at byte"),
        ({"a": entry(0, 4), "b": entry(0, 4)}, bytes(4), "'b' begins at byte"),
        ({"a": entry(2, 6)}, bytes(6), "'a' begins at byte"),
        ({"a": entry(0, 4)}, bytes(3), "truncated"),
        ({"a": entry(0, 4)}, bytes(5), "truncated or overwritten"),
        ({"a": entry(2**40, 2**40 + 4)}, bytes(4), "'a' begins at byte"),
    ],
)
def test_hostile_headers(tmp_path, header, data, found):
    assert found in refusal(write(tmp_path / "a.safetensors", header, data))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "0 bytes long"),
        (b"1234567", "7 bytes long"),
        (b"\xff" * 8 + b"{}", "its header claims 18446744073709551615 bytes (at most 2 possible)"),
        (b"\x03" + bytes(7) + b"{}", "its header claims 3 bytes"),
    ],
)
def test_files_without_a_whole_header(tmp_path, content, found):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)

    assert found in refusal(path)


def test_a_header_larger_than_any_model_needs_is_not_read(tmp_path):
    path = tmp_path / "a.safetensors"
    with path.open("wb") as file:
        file.write((1 << 30).to_bytes(8, "little"))
        file.truncate(2 << 30)

    assert "at most 16777216 possible" in refusal(path)


def test_every_truncation_is_noticed(tmp_path):
    header = {"__metadata__": {"format": "pt"}, "a": entry(0, 4), "b": entry(4, 8)}
    whole = write(tmp_path / "whole", header, bytes(range(8))).read_bytes()
    cut = tmp_path / "cut"
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        refusal(cut)


def test_tensors_come_in_the_order_of_the_file(tmp_path):
    header = {"late": entry(4, 8), "empty": entry(4, 4, shape=[0]), "early": entry(0, 4)}
    path = write(tmp_path / "a.safetensors", header, np.arange(4, dtype="<f2").tobytes())

    with WeightFile(path) as file:
        contents = read_contents(file)

        assert list(contents) == ["early", "empty", "late"]
        np.testing.assert_array_equal(contents["late"].read(), [2, 3])
