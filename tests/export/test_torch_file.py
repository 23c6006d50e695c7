"""Zip files of torch: what torch itself writes, and what nobody should."""

from __future__ import annotations

import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_voice.errors import UnsupportedModel
from edge_voice_export.tensor import LazyTensor, WeightFile
from edge_voice_export.torch_file import read_torch_file

from .torch_files import TorchTensor, pickled, write_torch_file, write_zip

VALUES = np.arange(12, dtype="<f4").reshape(3, 4)
WHOLE = TorchTensor("float32", (3, 4), "0", 12)


def refusal(path: Path) -> str:
    with WeightFile(path) as file, pytest.raises(UnsupportedModel) as caught:
        read_torch_file(file)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def write(path: Path, tensor: TorchTensor = WHOLE, **options: Any) -> Path:
    return write_torch_file(path, {"w": tensor}, {"0": VALUES.tobytes()}, **options)


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (WHOLE, VALUES),
        (TorchTensor("float32", (2, 4), "0", 12, offset=4), VALUES[1:]),
        (TorchTensor("float32", (4, 3), "0", 12, strides=(1, 4)), VALUES.T),
        (TorchTensor("float32", (3, 2), "0", 12, offset=1, strides=(4, 2)), VALUES[:, 1::2]),
        (TorchTensor("float32", (3, 1), "0", 12, strides=(4, 1)), VALUES[:, :1]),
        (TorchTensor("float32", (1, 12), "0", 12, strides=(999, 1)), VALUES.reshape(1, 12)),
        (TorchTensor("float32", (), "0", 12, offset=7), VALUES[1, 3]),
        (TorchTensor("float32", (0, 5), "0", 12, offset=12), VALUES[:0, :0].reshape(0, 5)),
    ],
)
def test_views_of_a_storage(tmp_path, tensor, expected):
    with WeightFile(write(tmp_path / "a.pt", tensor)) as file:
        content = read_torch_file(file)

        assert isinstance(content, dict)
        np.testing.assert_array_equal(content["w"].read(), expected)


def test_row_major_views_are_not_read_by_strides(tmp_path):
    with WeightFile(write(tmp_path / "a.pt")) as file:
        assert read_torch_file(file)["w"].strides is None


def test_files_without_byte_order_come_from_little_endian_machines(tmp_path):
    members = {"old/data.pkl": pickled(WHOLE), "old/data/0": VALUES.tobytes(), "old/version": b"3"}

    with WeightFile(write_zip(tmp_path / "a.pt", members)) as file:
        tensor = read_torch_file(file)

        assert isinstance(tensor, LazyTensor)
        np.testing.assert_array_equal(tensor.read(), VALUES)


@pytest.mark.parametrize(
    ("tensor", "found"),
    [
        (TorchTensor("float32", (3, 4), "1", 12), "no data in the file"),
        (TorchTensor("float32", (3, 4), "../0", 12), "no data in the file"),
        (TorchTensor("float32", (3, 4), "0", 13), "should have 52 bytes, has 48"),
        (TorchTensor("float16", (3, 4), "0", 12), "should have 24 bytes, has 48"),
        (TorchTensor("float32", (3, 5), "0", 12), "reaches beyond its storage"),
        (TorchTensor("float32", (3, 4), "0", 12, offset=1), "reaches beyond its storage"),
        (TorchTensor("float32", (3, 4), "0", 12, strides=(5, 1)), "reaches beyond its storage"),
        (TorchTensor("float32", (2**40,), "0", 12, strides=(0,)), "reaches beyond its storage"),
        (TorchTensor("float32", (13,), "0", 12, strides=(0,)), "reaches beyond its storage"),
    ],
)
def test_tensors_that_are_not_in_their_storage(tmp_path, tensor, found):
    assert found in refusal(write(tmp_path / "a.pt", tensor))


def test_compressed_members(tmp_path):
    path = write(tmp_path / "a.pt", compression=zipfile.ZIP_DEFLATED)

    assert "compressed or encrypted" in refusal(path)


def test_big_endian_files(tmp_path):
    assert "byte order b'big'" in refusal(write(tmp_path / "a.pt", byte_order="big"))


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({"archive/weights": b""}, "0 data.pkl"),
        ({"data.pkl": pickled({})}, "0 data.pkl"),
        ({"a/b/data.pkl": pickled({})}, "0 data.pkl"),
        ({"a/data.pkl": pickled({}), "b/data.pkl": pickled({})}, "2 data.pkl"),
        ({"a/data.pkl": bytes(2 << 20)}, "its pickle has 2097152 bytes"),
        ({"a/data.pkl": b""}, "its pickle is damaged"),
    ],
)
def test_zips_that_are_not_from_torch(tmp_path, members, found):
    assert found in refusal(write_zip(tmp_path / "a.pt", members))


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", b"PK\x03\x04"]
)
def test_files_that_are_not_zips(tmp_path, content):
    path = tmp_path / "legacy.pt"
    path.write_bytes(content)

    assert "not a zip file as torch 1.6 and later write it" in refusal(path)


def test_two_members_of_one_name(tmp_path):
    path = tmp_path / "a.pt"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore", UserWarning)
        archive.writestr("a/data.pkl", pickled({}))
        archive.writestr("a/data.pkl", pickled({"other": 1}))

    assert "two zip members of the same name" in refusal(path)


@pytest.mark.parametrize(("field", "value"), [(24, 0xFFFFFFF0), (42, 0x7FFFFFFF)])
def test_directories_that_point_outside_the_file(tmp_path, field, value):
    path = write(tmp_path / "a.pt")
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + field, value)
    path.write_bytes(data)

    refusal(path)


def test_truncations_and_changed_bytes_give_data_or_one_error(tmp_path):
    whole = write(tmp_path / "whole.pt").read_bytes()
    path = tmp_path / "changed.pt"
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        refusal(path)
    for position in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[position] ^= 0xFF
        path.write_bytes(changed)
        refusal_or_unused(path)


def refusal_or_unused(path: Path) -> None:
    """Not every byte of a zip matters; those that do must end in one kind of error."""
    with WeightFile(path) as file:
        try:
            content = read_torch_file(file)
        except UnsupportedModel as error:
            assert "\n" not in str(error)  # noqa: PT017 - see above
            return
        if isinstance(content, dict):
            for tensor in content.values():
                tensor.read()


@pytest.mark.parametrize("protocol", [2, 4])
def test_files_of_torch_itself(tmp_path, protocol):
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    shared = torch.randn(6, 8)
    tensors = {
        "half": torch.randn(3, 5).half(),
        "brain": torch.randn(4, 4).bfloat16(),
        "double": torch.randn(2).double(),
        "long": torch.arange(5),
        "bool": torch.tensor([True, False]),
        "slice": shared[2:4, 1:6],
        "transposed": shared.t(),
        "scalar": torch.tensor(2.5),
        "parameters": torch.nn.Linear(3, 2).state_dict()["weight"],
    }
    torch.save({"n": 1, "state": tensors}, tmp_path / "a.pt", pickle_protocol=protocol)
    module = torch.nn.Linear(3, 2)
    torch.save(module.state_dict(), tmp_path / "module.pt", pickle_protocol=protocol)

    with WeightFile(tmp_path / "a.pt") as file:
        content = read_torch_file(file)
        assert content["n"] == 1
        assert content["state"].keys() == tensors.keys()
        for name, tensor in tensors.items():
            expected = tensor.float() if tensor.is_floating_point() else tensor
            np.testing.assert_array_equal(content["state"][name].read(), expected.numpy())
    with WeightFile(tmp_path / "module.pt") as file:
        weight = read_torch_file(file)["weight"].read()
        np.testing.assert_array_equal(weight, module.weight.detach().numpy())


def test_the_files_of_these_tests_are_such_as_torch_reads(tmp_path):
    torch = pytest.importorskip("torch")

    loaded = torch.load(write(tmp_path / "a.pt"), weights_only=True)

    np.testing.assert_array_equal(loaded["w"].numpy(), VALUES)


@pytest.mark.parametrize("kind", ["module", "parameter", "legacy"])
def test_what_torch_can_save_and_this_refuses(tmp_path, kind):
    torch = pytest.importorskip("torch")
    path = tmp_path / "a.pt"
    linear = torch.nn.Linear(2, 2)
    value = {"module": linear, "parameter": linear.weight, "legacy": torch.ones(2)}[kind]
    torch.save(value, path, _use_new_zipfile_serialization=kind != "legacy")

    found = {"module": "torch.nn.modules.linear.Linear", "parameter": "_rebuild_parameter",
             "legacy": "not a zip file"}[kind]  # fmt: skip
    assert found in refusal(path)
