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


VITS_LETTERS = "_ abcdefghijklmnopqrstuvwxyzţ"
VITS_HOP = 100


def write_vits(folder: Path, *, voices: int = 1) -> Path:
    """A voice of transformers' `VitsModel`: a tone whose length the letters decide."""
    folder.mkdir(parents=True)
    names = ["input_ids", "attention_mask", *(["speaker_id"] if voices > 1 else [])]
    ir.save(vits_graph(names, "waveform"), folder / "model.onnx")
    config = {"model_type": "vits", "sampling_rate": 16000, "num_speakers": voices,
              "vocab_size": len(VITS_LETTERS), "flow_size": 4}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    letters = {letter: i for i, letter in enumerate(VITS_LETTERS)}
    (folder / "vocab.json").write_text(json.dumps(letters))
    (folder / "tokenizer_config.json").write_text('{"language": "ron", "phonemize": false}')
    return folder


def write_piper(folder: Path, *, kind: str = "text") -> Path:
    """A voice of Piper's with two speakers."""
    folder.mkdir(parents=True)
    names = ["input", "input_lengths", "scales", "sid"]
    ir.save(vits_graph(names, "output"), folder / "voice.onnx")
    symbols = {symbol: [i] for i, symbol in enumerate("_^$ abcdefghijklmnopqrstuvwxyzɹəʊˈ\u0301")}
    settings = {
        "audio": {"sample_rate": 22050},
        "espeak": {"voice": "en-us"},
        "phoneme_type": kind,
        "phoneme_id_map": symbols,
        "inference": {"noise_scale": 0.5, "length_scale": 1.5, "noise_w": 0.25},
        "num_speakers": 2,
        "speaker_id_map": {"ann": 0, "bob": 1},
        "language": {"code": "en_GB"},
    }
    (folder / "voice.onnx.json").write_text(json.dumps(settings))
    return folder


def vits_graph(names: list[str], output_name: str) -> ir.Model:
    """A hum of 100 samples a frame; ids are added up, in frames, with noise on both."""
    b = Tape()
    kinds = {"scales": (ir.DataType.FLOAT, [3]), "input_lengths": (ir.DataType.INT64, ["b"])}
    kinds |= {name: (ir.DataType.INT64, ["b"]) for name in ("sid", "speaker_id")}
    whole = (ir.DataType.INT64, ["b", "n"])
    inputs = {name: ir.val(name, *kinds.get(name, whole)) for name in names}

    def number(value: Any, kind: Any = np.float32) -> ir.Value:
        return b.op("Constant", [], {"value": ir.tensor(np.array(value, kind))})

    def scale(place: int, otherwise: float) -> ir.Value:
        if "scales" not in inputs:
            return number(otherwise)
        return b.op("Gather", [inputs["scales"], number(place, np.int64)])

    ids = b.op("Cast", [inputs[names[0]]], {"to": ir.DataType.FLOAT})
    for name in set(names) & {"attention_mask", "input_lengths"}:
        once = b.op("Cast", [inputs[name]], {"to": ir.DataType.FLOAT})
        ids = b.op("Add", [ids, b.op("Mul", [once, number(0.0)])])
    noise = b.op("Mul", [b.op("RandomNormalLike", [ids]), scale(2, 0.8)])
    longer = b.op("Add", [b.op("Mul", [ids, number(0.3)]), b.op("Abs", [noise])])
    frames = b.op("Ceil", [b.op("Mul", [longer, scale(1, 1.0)])])
    total = b.op("Cast", [b.op("ReduceSum", [frames], {"keepdims": 0})], {"to": ir.DataType.INT64})
    size = b.op("Reshape", [total, number([1], np.int64)])
    shape = b.op("Concat", [number([1, 4], np.int64), size], {"axis": 0})
    latent = b.op("RandomNormalLike", [b.op("ConstantOfShape", [shape])])
    loud = b.op("Mul", [b.op("ReduceMean", [latent], {"keepdims": 0}), scale(0, 0.667)])
    if speaker := inputs.get("sid") or inputs.get("speaker_id"):
        loud = b.op("Add", [loud, b.op("Cast", [speaker], {"to": ir.DataType.FLOAT})])
    count = b.op("Mul", [total, number(VITS_HOP, np.int64)])
    places = b.op("Range", [number(0, np.int64), count, number(1, np.int64)])
    tone = b.op(
        "Sin", [b.op("Mul", [b.op("Cast", [places], {"to": ir.DataType.FLOAT}), number(0.2)])]
    )
    sound = b.op("Mul", [tone, b.op("Mul", [b.op("Add", [loud, number(2.0)]), number(0.1)])])
    sound = b.op("Unsqueeze", [sound, number([0], np.int64)])
    sound.name, sound.type = output_name, ir.TensorType(ir.DataType.FLOAT)
    sound.shape = ir.Shape(["b", "samples"])
    graph = ir.Graph(
        list(inputs.values()), [sound], nodes=b.nodes, opset_imports={"": 17}, name="hum"
    )
    return ir.Model(graph, ir_version=8)
