"""The contract of a graph: names with and without layers."""

from __future__ import annotations

import pytest

from edge_voice.errors import GraphMismatch
from edge_voice.graph import GraphSpec, expand

PLAIN = GraphSpec(inputs=("x",), outputs=("y", "z"))
LAYERED = GraphSpec(
    inputs=("x", "past.{i}.key", "past.{i}.value"), outputs=("y", "present.{i}.key")
)
ONLY_OUTPUTS = GraphSpec(inputs=("x",), outputs=("state.{i}",))


def past(layers: int) -> list[str]:
    return ["x", *(f"past.{i}.{kind}" for i in range(layers) for kind in ("key", "value"))]


def present(layers: int) -> list[str]:
    return ["y", *(f"present.{i}.key" for i in range(layers))]


def test_expand_keeps_the_order_of_patterns() -> None:
    assert expand(LAYERED.inputs, 2) == [
        "x", "past.0.key", "past.1.key", "past.0.value", "past.1.value",
    ]  # fmt: skip
    assert expand(PLAIN.outputs, 7) == ["y", "z"]


def test_names_without_layers() -> None:
    assert PLAIN.check("a.onnx", ["x"], ["z", "y"]) == 0


def test_an_optional_input_may_be_there() -> None:
    spec = GraphSpec(inputs=("x",), outputs=("y",), optional=("mask",))
    for inputs in (["x"], ["x", "mask"]):
        assert spec.check("a.onnx", inputs, ["y"]) == 0
    with pytest.raises(GraphMismatch, match="unexpected input 'other'"):
        spec.check("a.onnx", ["x", "other"], ["y"])
    with pytest.raises(GraphMismatch, match="input 'x' is missing"):
        spec.check("a.onnx", ["mask"], ["y"])


@pytest.mark.parametrize("layers", [1, 2, 12])
def test_layers_are_counted(layers: int) -> None:
    assert LAYERED.check("a.onnx", reversed(past(layers)), present(layers)) == layers


def test_layers_of_outputs_alone() -> None:
    assert ONLY_OUTPUTS.check("a.onnx", ["x"], ["state.0", "state.1"]) == 2


@pytest.mark.parametrize(
    ("spec", "inputs", "outputs", "message"),
    [
        (PLAIN, [], ["y", "z"], "a.onnx: input 'x' is missing (found: )"),
        (PLAIN, ["w"], ["y", "z"], "a.onnx: input 'x' is missing (found: w)"),
        (PLAIN, ["x"], ["y"], "a.onnx: output 'z' is missing (found: y)"),
        (PLAIN, ["x", "w"], ["y", "z"], "a.onnx: unexpected input 'w' (known: x)"),
        (PLAIN, ["x"], ["y", "z", "w"], "a.onnx: unexpected output 'w' (known: y, z)"),
        (LAYERED, ["x"], ["y"], "a.onnx: input 'past.0.key' is missing (found: x)"),
        (ONLY_OUTPUTS, ["x"], [], "a.onnx: output 'state.0' is missing (found: )"),
        (LAYERED, past(2)[:-1], present(2), "input 'past.1.value' is missing"),
        (LAYERED, past(2), present(1), "output 'present.1.key' is missing"),
        (LAYERED, past(1), present(2), "unexpected output 'present.1.key'"),
        (LAYERED, [*past(1), "past.2.key"], present(1), "unexpected input 'past.2.key'"),
    ],
)
def test_mismatches_name_the_culprit(
    spec: GraphSpec, inputs: list[str], outputs: list[str], message: str
) -> None:
    with pytest.raises(GraphMismatch) as caught:
        spec.check("a.onnx", inputs, outputs)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
