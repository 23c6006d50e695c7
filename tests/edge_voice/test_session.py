"""The door to onnxruntime, on graphs of one node."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge_voice.errors import GraphMismatch, ModelError
from edge_voice.graph import GraphSpec
from edge_voice.session import Session

SPEC = GraphSpec(inputs=("x", "past.{i}"), outputs=("y", "present.{i}"))
LAYERS = 2
TASKS = Path("/proc/self/task")


def value(name: str, kind: int, *shape: str | int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def write(path: Path, nodes: list[onnx.NodeProto], inputs: list, outputs: list, *weights) -> Path:
    graph = helper.make_graph(nodes, "test", inputs, outputs, weights)
    opset = [helper.make_opsetid("", 21)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """y = 2 · x, present = past + x for two layers."""
    nodes = [helper.make_node("Add", ["x", "x"], ["y"])]
    inputs = [value("x", TensorProto.FLOAT, "rows", 3)]
    outputs = [value("y", TensorProto.FLOAT, "rows", 3)]
    for i in range(LAYERS):
        nodes.append(helper.make_node("Add", [f"past.{i}", "x"], [f"present.{i}"]))
        inputs.append(value(f"past.{i}", TensorProto.FLOAT, "rows", 3))
        outputs.append(value(f"present.{i}", TensorProto.FLOAT, "rows", 3))
    return write(tmp_path / "sum.onnx", nodes, inputs, outputs)


@pytest.fixture
def external(tmp_path: Path) -> Callable[[str], Path]:
    """Writes bundle/graph.onnx, y = x + w, whose w is in the file of the given name."""
    folder = tmp_path / "bundle"
    folder.mkdir()

    def make(location: str) -> Path:
        weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3])
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value=location)
        weight.external_data.add(key="length", value="12")
        node = helper.make_node("Add", ["x", "w"], ["y"])
        ends = [[value(name, TensorProto.FLOAT, "rows", 3)] for name in "xy"]
        return write(folder / "graph.onnx", [node], *ends, weight)

    return make


def test_run_by_name(path: Path) -> None:
    x, past = np.ones((2, 3), np.float32), np.full((2, 3), 5, np.float32)
    found = Session(path, SPEC).run({"past.1": past, "x": x, "past.0": 2 * past})
    assert set(found) == {"y", "present.0", "present.1"}
    np.testing.assert_array_equal(found["y"], 2 * x)
    np.testing.assert_array_equal(found["present.0"], 2 * past + x)
    np.testing.assert_array_equal(found["present.1"], past + x)


def test_what_the_graph_says_about_itself(path: Path) -> None:
    session = Session(str(path), SPEC)
    assert session.layers == LAYERS
    assert session.path == path
    assert session.shape("x") == ("rows", 3)
    assert session.shape("present.1") == ("rows", 3)
    assert session.dtype("y") is np.float32


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int64, np.int32, np.uint8, np.bool_])
def test_dtypes(tmp_path: Path, kind: type[np.generic]) -> None:
    code = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    node = helper.make_node("Identity", ["x"], ["y"])
    path = write(tmp_path / "a.onnx", [node], [value("x", code, 1)], [value("y", code, 1)])
    session = Session(path, GraphSpec(("x",), ("y",)))
    assert session.dtype("x") is kind
    assert session.run({"x": np.ones(1, kind)})["y"].dtype == kind


def test_a_type_that_nothing_here_uses(tmp_path: Path) -> None:
    ends = [[value(name, TensorProto.DOUBLE, 1)] for name in "xy"]
    path = write(tmp_path / "a.onnx", [helper.make_node("Identity", ["x"], ["y"])], *ends)
    with pytest.raises(GraphMismatch, match=r"a\.onnx: x has type tensor\(double\)"):
        Session(path, GraphSpec(("x",), ("y",))).dtype("x")


@pytest.mark.parametrize("ask", [Session.shape, Session.dtype])
def test_a_name_that_is_not_there(path: Path, ask: Callable[[Session, str], object]) -> None:
    with pytest.raises(GraphMismatch, match=r"sum\.onnx: no input or output is called 'z'"):
        ask(Session(path, SPEC), "z")


def test_the_contract_is_checked_when_opening(path: Path) -> None:
    with pytest.raises(GraphMismatch, match=r"sum\.onnx: output 'z' is missing"):
        Session(path, GraphSpec(SPEC.inputs, (*SPEC.outputs, "z")))


def test_names_that_differ_from_ours(path: Path) -> None:
    spec = GraphSpec(inputs=("values", "past.{i}"), outputs=("total", "present.{i}"))
    names = {"values": "x", "total": "y"}
    with pytest.raises(GraphMismatch, match="'values' is missing"):
        Session(path, spec)
    session = Session(path, spec, names=names)
    feeds = {name: np.ones((1, 3), np.float32) for name in ("values", "past.0", "past.1")}
    assert session.run(feeds)["total"].tolist() == [[2, 2, 2]]
    assert session.shape("total") == ("rows", 3)
    binding, total = session.bind(), np.zeros((1, 3), np.float32)
    for name, array in feeds.items():
        binding.input(name, array)
    others = {name: np.zeros((1, 3), np.float32) for name in ("present.0", "present.1")}
    for name, array in {"total": total, **others}.items():
        binding.output(name, array)
    binding.run()
    assert total.tolist() == [[2, 2, 2]]


def test_bound_arrays_are_read_and_written_in_place(path: Path) -> None:
    session = Session(path, SPEC)
    x, y = np.ones((1, 3), np.float32), np.zeros((1, 3), np.float32)
    caches = [np.zeros((1, 3), np.float32) for _ in range(LAYERS)]
    binding = session.bind()
    binding.input("x", x)
    binding.output("y", y)
    for i, cache in enumerate(caches):
        binding.input(f"past.{i}", cache)
        binding.output(f"present.{i}", cache)
    binding.run()
    x[:] = 4
    binding.run()
    np.testing.assert_array_equal(y, np.full((1, 3), 8))
    for cache in caches:
        np.testing.assert_array_equal(cache, np.full((1, 3), 5))


def test_a_binding_keeps_its_arrays_alive(path: Path) -> None:
    binding = Session(path, SPEC).bind()
    y = np.zeros((1, 3), np.float32)
    for name in ("x", "past.0", "past.1"):
        binding.input(name, np.full((1, 3), 7, np.float32))
    binding.output("y", y)
    for name in ("present.0", "present.1"):
        binding.output(name, np.empty((1, 3), np.float32))
    litter = [np.full((1, 3), -1, np.float32) for _ in range(100)]
    binding.run()
    np.testing.assert_array_equal(y, np.full((1, 3), 14))
    assert len(litter) == 100


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:-20], lambda b: b"\0garbage" * 99])
def test_damaged_files(path: Path, damage: Callable[[bytes], bytes]) -> None:
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match=r"sum\.onnx: onnxruntime cannot load it: .") as caught:
        Session(path, SPEC)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.onnx: onnxruntime cannot load it"):
        Session(tmp_path / "none.onnx", SPEC)


def test_weights_beside_the_graph(external: Callable[[str], Path]) -> None:
    path = external("graph.data")
    np.array([1, 2, 3], np.float32).tofile(path.with_name("graph.data"))
    found = Session(path, GraphSpec(("x",), ("y",))).run({"x": np.zeros((1, 3), np.float32)})
    np.testing.assert_array_equal(found["y"], [[1, 2, 3]])


@pytest.mark.parametrize("location", ["graph.data", "../secret", "/proc/self/environ"])
def test_weights_that_are_missing_or_outside_the_folder(
    external: Callable[[str], Path], tmp_path: Path, location: str
) -> None:
    (tmp_path / "secret").write_bytes(bytes(12))
    with pytest.raises(ModelError, match=r"graph\.onnx: onnxruntime cannot load it"):
        Session(external(location), GraphSpec(("x",), ("y",)))


@pytest.mark.skipif(not TASKS.is_dir(), reason="no /proc")
@pytest.mark.parametrize("threads", [1, 3])
def test_no_more_threads_than_asked_for(path: Path, threads: int) -> None:
    before = len(os.listdir(TASKS))
    session = Session(path, SPEC, threads=threads)
    assert len(os.listdir(TASKS)) - before == threads - 1  # the caller's own works too
    del session
