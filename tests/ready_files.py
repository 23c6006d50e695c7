"""Ready exports in miniature: folders as optimum and transformers.js lay them out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
from onnx_ir.tape import Tape

Array = np.ndarray[Any, np.dtype[Any]]

# A toy that reads: 20 ms of samples at level i / 64 are token i.
SAMPLES = 320
TOKENS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ABCDEFGHIKLNORSTUW'", "."]
STEP = 1 / 64
_HIGHEST = 12.0  # logit of the token that is meant; all others have 0


def spoken(text: str, *, repeats: int = 2, pause: int = 1) -> Array:
    """Samples that the toy hears as a text: each letter some rows long, and blanks between."""
    rows = []
    for letter in text:
        rows += [TOKENS.index("|" if letter == " " else letter)] * repeats + [0] * pause
    return np.repeat(np.array(rows, np.float32) * np.float32(STEP), SAMPLES)


def write_ctc(folder: Path, *, names: tuple[str, str] = ("input_values", "logits")) -> Path:
    """A CTC model that spells what `spoken` says."""
    (folder / "onnx").mkdir(parents=True)
    ir.save(ctc_graph(*names), folder / "onnx" / "model.onnx")
    config = {
        "architectures": ["Wav2Vec2ForCTC"],
        "model_type": "wav2vec2",
        "conv_kernel": [SAMPLES],
        "conv_stride": [SAMPLES],
    }
    (folder / "config.json").write_text(json.dumps(config))
    vocabulary = {token: i for i, token in enumerate(TOKENS)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "tokenizer_config.json").write_text('{"pad_token": "<pad>", "do_lower_case": false}')
    settings = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "do_normalize": False}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    (folder / "README.md").write_text("---\nlicense: mit\nlanguage:\n- en\n---\nA toy.\n")
    return folder


def ctc_graph(input_name: str = "input_values", output_name: str = "logits") -> ir.Model:
    """(1, n) samples → (1, n // 320, tokens) logits, through a matrix that changes nothing."""
    b = Tape()
    samples = ir.val(input_name, ir.DataType.FLOAT, ["batch", "n"])
    weights = []

    def weight(name: str, values: Any) -> ir.Value:
        tensor = ir.tensor(np.asarray(values), name=name)
        value = ir.Value(name=name, type=ir.TensorType(tensor.dtype), const_value=tensor)
        value.shape = ir.Shape(tensor.shape.numpy())
        weights.append(value)
        return value

    wide = b.op("Unsqueeze", [samples, weight("axes", np.array([1]))])
    kernel = np.zeros((1, 1, SAMPLES), np.float32)
    kernel[..., 0] = 1  # one sample of each row: how rows lie in a recording does not matter
    rows = b.op("Conv", [wide, weight("kernel", kernel)], {"strides": [SAMPLES]})
    levels = np.arange(len(TOKENS), dtype=np.float32) * np.float32(STEP)
    off = b.op("Sub", [b.op("Transpose", [rows], {"perm": [0, 2, 1]}), weight("levels", levels)])
    near = b.op("Sub", [weight("width", np.float32(STEP)), b.op("Abs", [off])])
    scores = b.op("Mul", [b.op("Relu", [near]), weight("scale", np.float32(_HIGHEST / STEP))])
    identity = weight("onnx::MatMul_1", np.eye(len(TOKENS), dtype=np.float32))
    logits = b.op("MatMul", [scores, identity])
    logits.producer().name = "/lm_head/MatMul"  # type: ignore[union-attr]
    logits.name, logits.type = output_name, ir.TensorType(ir.DataType.FLOAT)
    logits.shape = ir.Shape(["batch", "rows", len(TOKENS)])
    graph = ir.Graph(
        [samples], [logits], nodes=b.nodes, initializers=weights, opset_imports={"": 17}, name="toy"
    )
    return ir.Model(graph, ir_version=8)
