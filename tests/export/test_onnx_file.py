"""Graphs are opened without their weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from edge_voice.errors import UnsupportedModel
from edge_voice_export.onnx_file import open_graph
from edge_voice_export.onnx_folder import graph_names
from tests import ready_files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ir.save(ready_files.ctc_graph(), tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def test_weights_are_the_same_and_stay_on_the_disk(path: Path) -> None:
    found, expected = open_graph(path), ir.load(path)
    assert [node.op_type for node in found.graph] == [node.op_type for node in expected.graph]
    assert found.opset_imports == expected.opset_imports
    for name, value in expected.graph.initializers.items():
        tensor = found.graph.initializers[name].const_value
        np.testing.assert_array_equal(tensor.numpy(), value.const_value.numpy())
        assert isinstance(tensor, ir.ExternalTensor) == (value.const_value.nbytes > 1024)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.999])
def test_files_that_are_cut_short(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UnsupportedModel, match=r"model\.onnx: not an ONNX graph") as caught:
        open_graph(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"no graph", b"\xff\xff", b"\x00" * 20, b"{}", b"\x08\x07"])
def test_files_that_are_something_else(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(UnsupportedModel, match=r"model\.onnx: not an ONNX graph"):
        open_graph(path)


def test_weights_beside_the_graph(path: Path) -> None:
    ir.save(ir.load(path), path, external_data="weights.bin", size_threshold_bytes=0)
    kernel = open_graph(path).graph.initializers["kernel"].const_value
    assert isinstance(kernel, ir.ExternalTensor)
    np.testing.assert_array_equal(kernel.numpy(), np.eye(1, 320, dtype=np.float32)[None])


def test_weights_somewhere_else(path: Path) -> None:
    (path.parent / "other").mkdir()
    ir.save(ir.load(path), path, external_data="other/weights.bin", size_threshold_bytes=0)
    with pytest.raises(UnsupportedModel, match=r"keeps weights in 'other/weights\.bin'"):
        open_graph(path)


def test_a_link_as_in_the_cache_of_the_hub(path: Path, tmp_path: Path) -> None:
    (tmp_path / "snapshot").mkdir()
    link = tmp_path / "snapshot" / "model.onnx"
    link.symlink_to(path.rename(tmp_path / "f00d"))
    found = open_graph(link).graph.initializers["kernel"].const_value
    assert found is not None
    assert found.numpy().shape == (1, 1, 320)
    assert graph_names(link) == (["input_values"], ["logits"])
