"""The detector's emitter, on a convolutional graph with random weights like the published one.

The published graph itself is not in the repository; EDGE_VOICE_SILERO may name a copy of
silero_vad_16k_sequence.onnx for the test that the shipped file comes from it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from click.testing import CliRunner

import edge_voice
from edge_voice.errors import ChecksumMismatch, GraphMismatch, ModelNotFound, StoreError
from edge_voice.hub.verify import sha256_file
from edge_voice.session import Session
from edge_voice.silero import GRAPH
from edge_voice_export import silero
from edge_voice_export.silero_check import compare

SHIPPED = Path(edge_voice.__file__).with_name("data") / "silero_vad.onnx"
# Shape and standard deviation of the random weights: matrices that amplify what they get, and
# biases that do not drown it, so that probabilities follow the input.
TENSORS = {
    "stft.forward_basis_buffer": ((258, 1, 256), 0.05),
    "encoder.0.weight": ((128, 129, 3), 0.2),
    "encoder.0.bias": ((128,), 0.1),
    "encoder.1.weight": ((64, 128, 3), 0.2),
    "encoder.1.bias": ((64,), 0.1),
    "encoder.2.weight": ((64, 64, 3), 0.3),
    "encoder.2.bias": ((64,), 0.1),
    "encoder.3.weight": ((128, 64, 3), 0.3),
    "encoder.3.bias": ((128,), 0.1),
    "output.weight": ((1, 128, 1), 0.35),
    "output.bias": ((1,), 0.1),
    "onnx::LSTM_209": ((1, 512, 128), 0.35),
    "onnx::LSTM_210": ((1, 512, 128), 0.35),
    "onnx::LSTM_211": ((1, 1024), 0.1),
}


@pytest.fixture(scope="module")
def weights():
    random = np.random.default_rng(0)
    return {
        name: (deviation * random.standard_normal(shape)).astype(np.float32)
        for name, (shape, deviation) in TENSORS.items()
    }


def value(name, shape):
    return ir.val(name, dtype=ir.DataType.FLOAT, shape=shape)


def convolutions(weights):
    """The architecture as it was published: one convolution a layer."""
    tape = ir.tape.Tape()
    inputs = [value("input", ["rows", 576]), value("h", [1, 1, 128]), value("c", [1, 1, 128])]
    table = {n: tape.initializer(ir.tensor(array, name=n)) for n, array in weights.items()}

    def op(op_type, *operands, **attributes):
        return tape.op(op_type, operands, attributes)

    def integers(*values):
        array = np.array(values, np.int64)
        return tape.initializer(ir.tensor(array, name=f"i{len(tape.initializers)}"))

    x = op("Unsqueeze", inputs[0], integers(1))
    x = op("Pad", x, integers(0, 0, 0, 0, 0, 64), mode="reflect")
    x = op("Conv", x, table["stft.forward_basis_buffer"], strides=[128])
    parts = tape.op_multi_out("Split", [x], {"axis": 1, "num_outputs": 2}, num_outputs=2)
    x = op("Sqrt", op("Add", *(op("Mul", part, part) for part in parts)))
    for layer, stride in enumerate((1, 2, 2, 1)):
        tables = table[f"encoder.{layer}.weight"], table[f"encoder.{layer}.bias"]
        x = op("Relu", op("Conv", x, *tables, pads=[1, 1], strides=[stride]))
    x = op("Transpose", x, perm=[0, 2, 1])
    tables = [table[f"onnx::LSTM_{number}"] for number in (209, 210, 211)]
    outputs = [value("y", None), value("hn", [1, 1, 128]), value("cn", [1, 1, 128])]
    operands = [x, *tables, None, *inputs[1:]]
    tape.op_multi_out("LSTM", operands, {"hidden_size": 128}, outputs=outputs)
    x = op("Transpose", op("Relu", op("Squeeze", outputs[0], integers(1))), perm=[1, 2, 0])
    x = op("Sigmoid", op("Conv", x, table["output.weight"], table["output.bias"]))
    outputs[0] = value("speech_probs", ["rows"])
    tape.op("Reshape", [x, integers(-1)], output=outputs[0])
    graph = ir.Graph(
        inputs,
        outputs,
        nodes=tape.nodes,
        initializers=tape.initializers,
        opset_imports={"": 21},
        name="published",
    )
    return ir.Model(graph, ir_version=10)


@pytest.fixture(scope="module")
def source(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("published") / "source.onnx"
    ir.save(convolutions(weights), path)
    return path


@pytest.fixture
def accepted(source, monkeypatch):
    """The random graph, taken for the published one."""
    monkeypatch.setattr(silero, "SOURCE_SHA256", sha256_file(source))
    return source


def test_matrix_products_equal_convolutions(accepted, tmp_path):
    output = tmp_path / "out.onnx"
    difference = silero.export_detector(accepted, output)
    assert difference == compare(Session(accepted, GRAPH), Session(output, GRAPH)) < 1e-5
    assert os.listdir(tmp_path) == ["out.onnx"]


def test_probabilities_of_random_weights_follow_the_input(source):
    random = np.random.default_rng(1)
    rows = random.uniform(-1, 1, (50, 576)) * np.geomspace(0.001, 1, 50)[:, None]
    state = np.zeros((1, 1, 128), np.float32)
    feeds = {"input": rows.astype(np.float32), "h": state, "c": state}
    assert Session(source, GRAPH).run(feeds)["speech_probs"].std() > 0.05


@pytest.mark.parametrize("changed", TENSORS)
def test_every_weight_counts(source, weights, changed, tmp_path):
    other = {**weights, changed: np.roll(weights[changed], 1) + np.float32(0.01)}
    ir.save(silero.build(other), tmp_path / "other.onnx")
    with pytest.raises(GraphMismatch, match=r"other\.onnx: .* from those of source\.onnx"):
        compare(Session(source, GRAPH), Session(tmp_path / "other.onnx", GRAPH))


def test_compare_refuses_what_is_not_a_number(source):
    class Broken:
        path = Path("broken.onnx")

        def run(self, feeds):
            rows = np.full(len(feeds["input"]), np.nan, np.float32)
            return {"speech_probs": rows, "hn": feeds["h"], "cn": feeds["c"]}

    with pytest.raises(GraphMismatch, match=r"broken\.onnx: probabilities differ by nan"):
        compare(Session(source, GRAPH), Broken())


def test_a_graph_that_fails_the_comparison_replaces_nothing(
    accepted, weights, tmp_path, monkeypatch
):
    output = tmp_path / "out.onnx"
    output.write_bytes(b"older")
    wrong = silero.build({**weights, "output.bias": weights["output.bias"] + np.float32(1)})
    monkeypatch.setattr(silero, "build", lambda weights: wrong)
    with pytest.raises(GraphMismatch):
        silero.export_detector(accepted, output)
    assert output.read_bytes() == b"older"
    assert os.listdir(tmp_path) == ["out.onnx"]


def test_another_file_is_refused(source, tmp_path):
    expected = rf"source\.onnx: sha256 is {sha256_file(source)} \(allowed: 9ccdacc4719d"
    with pytest.raises(ChecksumMismatch, match=expected):
        silero.export_detector(source, tmp_path / "out.onnx")
    assert os.listdir(tmp_path) == []


def test_no_file_is_refused(tmp_path):
    with pytest.raises(ModelNotFound, match="no such file"):
        silero.export_detector(tmp_path / "absent.onnx", tmp_path / "out.onnx")


@pytest.mark.parametrize("output", ["absent/out.onnx", "taken"])
def test_an_output_that_cannot_be_written_is_refused(accepted, tmp_path, output):
    (tmp_path / "taken").mkdir()
    with pytest.raises(StoreError, match="cannot write"):
        silero.export_detector(accepted, tmp_path / output)
    assert os.listdir(tmp_path) == ["taken"]


def test_command_says_how_much_differs(accepted, tmp_path):
    output = tmp_path / "out.onnx"
    result = CliRunner().invoke(silero.main, [str(accepted), "-o", str(output)])
    assert result.exit_code == 0
    assert "out.onnx: probabilities differ by at most" in result.stderr
    assert output.exists()


def test_command_turns_an_error_into_a_line_and_an_exit_code(source, tmp_path):
    command = [sys.executable, "-m", "edge_voice_export.silero", source, "-o", tmp_path / "out"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == ChecksumMismatch.exit_code
    assert result.stderr.startswith("error: source.onnx: sha256 is ")
    assert len(result.stderr.splitlines()) == 1


def test_the_shipped_graph_comes_from_the_published_one(tmp_path):
    if "EDGE_VOICE_SILERO" not in os.environ:
        pytest.skip("EDGE_VOICE_SILERO does not name the published graph")
    output = tmp_path / "out.onnx"
    silero.export_detector(Path(os.environ["EDGE_VOICE_SILERO"]), output)
    assert output.read_bytes() == SHIPPED.read_bytes()
