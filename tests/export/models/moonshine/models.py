"""Tiny Moonshine models with random weights, as a checkpoint and as the graphs that others made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_voice import merged
from edge_voice_export.builder import GraphBuilder
from edge_voice_export.quantize import Recipe
from edge_voice_export.report import Report
from edge_voice_export.storage import WeightStore
from edge_voice_export.weights import DataFile
from tests.export.models.cohere_transcribe.checkpoints import write_safetensors

Array = np.ndarray[Any, np.dtype[Any]]

WIDTH, HEADS, HIDDEN, LAYERS, VOCABULARY = 32, 4, 48, 2, 270
CONFIG = {
    "model_type": "moonshine",
    "encoder_num_attention_heads": HEADS,
    "decoder_num_attention_heads": HEADS,
    "max_position_embeddings": 64,
    "partial_rotary_factor": 0.9,
    "rope_theta": 10000.0,
}
SCRIPT = (262, 263, 264, 2)
"""What the graphs of `write_published` say: three pieces, and the end."""


def table() -> bytes:
    """A vocabulary as `tokenizer.bin` has it."""
    words = ["▁", "a", "b", "▁a", "ab", "▁ab", "▁ab" * 40 + "c", "<<ST_0>>", "", "z", "."]
    single = [bytes([byte]) for byte in range(256)]
    tokens = [b"<unk>", b"<s>", b"</s>", *single, *(word.encode() for word in words)]
    return b"".join(_length(len(token)) + token for token in tokens)


def _length(count: int) -> bytes:
    return bytes([count]) if count < 128 else bytes([128 + count // 128, count % 128])


def tensors(seed: int = 0) -> dict[str, Array]:
    """All weights, by transformers' names."""
    random = np.random.default_rng(seed)

    def matrix(*shape: int) -> Array:
        return random.normal(0, 0.8 / np.prod(shape[1:]) ** 0.5, shape).astype(np.float32)

    def vector(count: int, mean: float = 0.0) -> Array:
        return (mean + 0.2 * random.normal(size=count)).astype(np.float32)

    found = {
        "encoder.conv1.weight": matrix(WIDTH, 1, 127),
        "encoder.conv2.weight": matrix(2 * WIDTH, WIDTH, 7),
        "encoder.conv2.bias": vector(2 * WIDTH),
        "encoder.conv3.weight": matrix(WIDTH, 2 * WIDTH, 3),
        "encoder.conv3.bias": vector(WIDTH),
        "encoder.groupnorm.weight": vector(WIDTH, 1),
        "encoder.groupnorm.bias": vector(WIDTH),
        "encoder.layer_norm.weight": vector(WIDTH, 1),
        "decoder.norm.weight": vector(WIDTH, 1),
        "decoder.embed_tokens.weight": matrix(VOCABULARY, WIDTH) * 2,
    }
    for side, blocks, norms, wide in (
        ("encoder", ("self_attn",), ("input", "post_attention"), 1),
        ("decoder", ("self_attn", "encoder_attn"), ("input", "post_attention", "final"), 2),
    ):
        for layer in (f"{side}.layers.{i}" for i in range(LAYERS)):
            for name in (f"{block}.{part}_proj" for block in blocks for part in "qkvo"):
                found[f"{layer}.{name}.weight"] = matrix(WIDTH, WIDTH)
            found[f"{layer}.mlp.fc1.weight"] = matrix(wide * HIDDEN, WIDTH)
            found[f"{layer}.mlp.fc1.bias"] = vector(wide * HIDDEN)
            found[f"{layer}.mlp.fc2.weight"] = matrix(WIDTH, HIDDEN)
            found[f"{layer}.mlp.fc2.bias"] = vector(WIDTH)
            for norm in norms:
                found[f"{layer}.{norm}_layernorm.weight"] = vector(WIDTH, 1)
    return {f"model.{name}": values for name, values in found.items()}


def write_checkpoint(folder: Path, weights: Mapping[str, Array], **config: Any) -> Path:
    """A folder as Hugging Face has it, with the first-party vocabulary."""
    folder.mkdir(parents=True)
    write_safetensors(folder / "model.safetensors", weights)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config}))
    (folder / "tokenizer.bin").write_bytes(table())
    return folder


def write_traced(folder: Path, weights: Mapping[str, Array], old: bool = True) -> Path:
    """Float graphs as optimum traces them: names of nodes and constants, but no computation.

    `old`: as the first-party packages call the modules.
    """
    folder.mkdir(parents=True)
    sides: dict[str, list[ir.Node]] = {"encoder": [], "decoder": []}
    for name, values in weights.items():
        side, module, kind = _module(name, old)
        sides[side].append(_node(f"{module}/", kind, values))
    past = ir.Value(
        name="past_key_values.0.decoder.key",
        shape=ir.Shape(["batch", HEADS, "past", WIDTH // HEADS]),
        type=ir.TensorType(ir.DataType.FLOAT),
    )
    features = ir.Value(
        name="input_values", shape=ir.Shape(["b", "n"]), type=ir.TensorType(ir.DataType.FLOAT)
    )
    for side, stem, value in (
        ("encoder", merged.ENCODER_ROLE, features),
        ("decoder", merged.DECODER_ROLE, past),
    ):
        nodes = sides[side]
        last = nodes[-1].outputs[0]
        last.name = "last"
        graph = ir.Graph([value], [last], nodes=nodes, opset_imports={"": 14}, name=side)
        for node in nodes:
            for constant in node.inputs:
                if constant is not None and constant.const_value is not None:
                    graph.register_initializer(constant)
        ir.save(ir.Model(graph, ir_version=10), folder / f"{stem}.onnx")
    (folder / "tokenizer.bin").write_bytes(table())
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


def _module(name: str, old: bool) -> tuple[str, str, str]:
    """Side, path and kind; the encoder is traced alone, the decoder inside the whole model."""
    path, _, kind = name.removeprefix("model.").rpartition(".")
    if old:
        path = path.replace("o_proj", "dense")
    side = path.partition(".")[0]
    if old and side == "decoder":
        path = path.replace("fc1", "up_proj").replace("fc2", "down_proj")
    module = path.removeprefix("encoder.") if side == "encoder" else f"model.{path}"
    return side, module.replace(".", "/").replace("layers/", "layers."), kind


def _node(path: str, kind: str, values: Array) -> ir.Node:
    if kind == "bias":
        operator = "Add"
    elif values.ndim == 3:
        operator = "Conv"
    elif values.ndim == 1:
        operator = "Mul"
    else:
        operator = "Gather" if "embed_tokens" in path else "MatMul"
    held = np.ascontiguousarray(values.T) if operator == "MatMul" else values
    held = held[:, None] if "groupnorm" in path else held
    known = f"{path.replace('/', '.')}{kind}"
    name = known if operator != "MatMul" and "groupnorm" not in path else f"onnx::{operator}_{path}"
    constant = ir.Value(name=name, const_value=ir.tensor(held, name=name))
    given = ir.Value(name=f"x{path}{kind}")
    return ir.Node("", operator, [given, constant], name=f"/{path}{operator}")


def write_published(folder: Path, *, masked: bool, rows: int = VOCABULARY) -> Path:
    """Two graphs as optimum merges them, that can be run: the decoder reads from `SCRIPT`."""
    folder.mkdir(parents=True)
    _save(folder, merged.ENCODER_ROLE, lambda b: _emit_encoder(b, masked))
    _save(folder, merged.DECODER_ROLE, lambda b: _emit_decoder(b, masked, rows))
    (folder / "tokenizer.bin").write_bytes(table())
    return folder


def _save(folder: Path, stem: str, emit: Any) -> None:
    with DataFile(folder / "data") as data:
        builder = GraphBuilder(stem, WeightStore(data, Report("", "")), Recipe("", ()))
        emit(builder)
        builder.save(folder / f"{stem}.onnx")
    (folder / "data").unlink()


def _emit_encoder(b: GraphBuilder, masked: bool) -> None:
    samples = b.input("input_values", ir.DataType.FLOAT, ["rows", "samples"])
    if masked:
        b.input("attention_mask", ir.DataType.INT64, ["rows", "samples"])
    loudest = b.op("ReduceMax", b.op("Abs", samples), b.constant([1]), keepdims=1)
    hidden = b.op("Unsqueeze", loudest, b.constant([1]))
    b.output(hidden, "last_hidden_state", ir.DataType.FLOAT, ["rows", "positions", 1])


def _emit_decoder(b: GraphBuilder, masked: bool, rows: int) -> None:
    """Tokens are counted by the cache: it grows by one for each, and its length picks the next."""
    kind = ir.DataType.FLOAT
    ids = b.input("input_ids", ir.DataType.INT64, ["rows", "n"])
    hidden = b.input("encoder_hidden_states", kind, ["rows", "positions", 1])
    b.input("use_cache_branch", ir.DataType.BOOL, [1])
    if masked:
        b.input("encoder_attention_mask", ir.DataType.INT64, ["rows", "samples"])
    shaped = b.op("Unsqueeze", b.op("Cast", ids, to=kind), b.constant([1, 3]))
    for name in ("decoder.key", "decoder.value", "encoder.key", "encoder.value"):
        past = b.input(f"past_key_values.0.{name}", kind, ["rows", 1, "past", 1])
        if name.startswith("decoder"):
            present = b.op("Concat", past, shaped, axis=2)
        else:
            present = b.op("Unsqueeze", hidden, b.constant([1]))
        b.output(present, f"present.0.{name}", kind, ["rows", 1, "present", 1])
        if name == "decoder.key":
            said = _said(b, past, ids)
    depth, values = b.constant(rows), b.constant([0.0, 30.0], np.float32)
    logits = b.op("OneHot", said, depth, values, axis=-1)
    b.output(logits, "logits", kind, ["rows", "n", rows])


def _said(b: GraphBuilder, past: ir.Value, ids: ir.Value) -> ir.Value:
    """(rows, n) what follows each token: the script at its place."""
    length = b.op("Squeeze", b.op("Shape", past, start=2, end=3))
    count = b.op("Squeeze", b.op("Shape", ids, start=1, end=2))
    places = b.op("Range", length, b.op("Add", length, count), b.constant(1))
    last = b.op("Min", places, b.constant(len(SCRIPT) - 1))
    following = b.op("Gather", b.constant(SCRIPT), last)
    return b.op("Add", b.op("Mul", ids, b.constant(0)), following)


