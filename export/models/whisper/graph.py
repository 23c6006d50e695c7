"""Whisper's architecture, top to bottom (Radford et al. 2022, arXiv:2212.04356, section 2.2).

Written after openai-whisper 20250625 (`whisper/model.py`), whose results the golden tests hold.
Layers are named as in transformers, which is also how recipes match them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ...builder import CONTRIB, GraphBuilder, Shape
from ...weights import Array, Matrix, StackedMatrix
from .names import Weights

FLOAT = ir.DataType.FLOAT
INT64 = ir.DataType.INT64
INT32 = ir.DataType.INT32


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Sizes, all read from the checkpoint.

    Attributes:
        mels: Mel bands of the input.
        width: Channels of the residual stream, of encoder and decoder alike.
        encoder_heads: Attention heads of an encoder layer.
        decoder_heads: Attention heads of a decoder layer.
        encoder_layers: Blocks of the encoder.
        decoder_layers: Blocks of the decoder.
        audio_positions: Encoder positions, 20 ms each.
        text_positions: Decoder positions.
        vocabulary: Token ids.
    """

    mels: int
    width: int
    encoder_heads: int
    decoder_heads: int
    encoder_layers: int
    decoder_layers: int
    audio_positions: int
    text_positions: int
    vocabulary: int


def build_encoder(b: GraphBuilder, w: Weights, d: Dimensions) -> None:
    """Log-mel features → hidden states and every decoder layer's cross-attention K and V."""
    features = b.input("input_features", FLOAT, ["batch", d.mels, "frames"])
    x = _convolutions(b, w, features)
    x = b.op("Add", x, _positions(b, w, x))
    normed = _norm(b, w, x, "encoder.layers.0.self_attn_layer_norm")
    for i in range(d.encoder_layers):
        layer = f"encoder.layers.{i}"
        # Three products, not one fused: splitting its result costs more than quantizing thrice.
        projected = [
            _linear(b, w, normed, f"{layer}.self_attn", part)
            for part in ("q_proj", "k_proj", "v_proj")
        ]
        mixed = b.op("MultiHeadAttention", *projected, domain=CONTRIB, num_heads=d.encoder_heads)
        attended = _linear(b, w, mixed, f"{layer}.self_attn", "out_proj")
        normed, x = _add_norm(b, w, attended, x, f"{layer}.final_layer_norm")
        following = (
            f"encoder.layers.{i + 1}.self_attn_layer_norm"
            if i + 1 < d.encoder_layers
            else "encoder.layer_norm"
        )
        normed, x = _add_norm(b, w, _feed_forward(b, w, normed, layer), x, following)
    size = d.width // d.decoder_heads
    for i in range(d.decoder_layers):
        _cross_cache(b, w, normed, i, d.decoder_heads, size)
    b.output(normed, "encoder_hidden_states", FLOAT, ["batch", "positions", d.width])


def build_decoder(b: GraphBuilder, w: Weights, d: Dimensions) -> None:
    """Token ids → logits, for prefill and for single steps alike."""
    ids = b.input("input_ids", INT64, ["rows", "n"])
    positions = b.input("position_ids", INT64, ["rows", "n"])
    wanted = b.input("logits_positions", INT64, ["k"])
    lengths = b.input("seqlens_k", INT32, ["rows"])
    longest = b.input("total_sequence_length", INT32, [])
    caches = [_cache_inputs(b, i, d) for i in range(d.decoder_layers)]

    embedding = w.matrix("decoder.embed_tokens")
    x = b.embedding(ids, "decoder.embed_tokens", embedding)
    table = b.vector("decoder.embed_positions", w.tensor("decoder.embed_positions.weight"))
    x = b.op("Add", x, b.op("Gather", table, positions, axis=0))
    normed = _norm(b, w, x, "decoder.layers.0.self_attn_layer_norm")
    shapes = _CrossShapes.emit(b, ids, caches[0][2], d)
    presents = []
    for i, (past_key, past_value, cross_key, cross_value) in enumerate(caches):
        layer = f"decoder.layers.{i}"
        qkv = _linear(b, w, normed, f"{layer}.self_attn", "q_proj", "k_proj", "v_proj")
        mixed, *present = b.ops(
            "GroupQueryAttention",
            *(qkv, None, None, past_key, past_value, lengths, longest),
            outputs=3,
            domain=CONTRIB,
            num_heads=d.decoder_heads,
            kv_num_heads=d.decoder_heads,
        )
        presents.append(present)
        attended = _linear(b, w, mixed, f"{layer}.self_attn", "out_proj")
        normed, x = _add_norm(b, w, attended, x, f"{layer}.encoder_attn_layer_norm")
        query = _linear(b, w, normed, f"{layer}.encoder_attn", "q_proj")
        mixed = shapes.attend(b, query, cross_key, cross_value)
        attended = _linear(b, w, mixed, f"{layer}.encoder_attn", "out_proj")
        normed, x = _add_norm(b, w, attended, x, f"{layer}.final_layer_norm")
        following = (
            f"decoder.layers.{i + 1}.self_attn_layer_norm"
            if i + 1 < d.decoder_layers
            else "decoder.layer_norm"
        )
        normed, x = _add_norm(b, w, _feed_forward(b, w, normed, layer), x, following)
    last = b.op("Gather", normed, wanted, axis=1)
    logits = b.tied_head(last, "decoder.head", w.head(embedding))
    b.output(logits, "logits", FLOAT, ["rows", "k", d.vocabulary])
    for i, (key, value) in enumerate(presents):
        shape: Shape = ["rows", d.decoder_heads, "capacity", d.width // d.decoder_heads]
        b.output(key, f"present.{i}.key", FLOAT, shape)
        b.output(value, f"present.{i}.value", FLOAT, shape)


@dataclass(frozen=True, slots=True)
class _CrossShapes:
    """Cross-attention over keys and values that are computed once per clip.

    Written out instead of MultiHeadAttention: at one row, with the keys stored transposed, two
    plain products take 0.11 ms over 600 positions where the fused kernel takes 0.17 ms, most of
    it for transposing the keys again at each token.

    Rows of one clip (beams, samples) attend to the same keys and values. Nothing is causal here,
    so they are laid behind one another as if they were one longer query: no copy per row.
    """

    folded: ir.Value  # (clips, rows / clips · n, heads, head size)
    unfolded: ir.Value  # (rows, n, width)
    scale: ir.Value  # 1 / √head size

    @classmethod
    def emit(
        cls, b: GraphBuilder, ids: ir.Value, cross_key: ir.Value, d: Dimensions
    ) -> _CrossShapes:
        size = d.width // d.decoder_heads
        clips = b.op("Shape", cross_key, start=0, end=1)
        tail = b.constant([-1, d.decoder_heads, size])
        return cls(
            b.op("Concat", clips, tail, axis=0),
            b.op("Concat", b.op("Shape", ids), b.constant([d.width]), axis=0),
            b.constant(size**-0.5, np.float32),
        )

    def attend(
        self, b: GraphBuilder, query: ir.Value, key: ir.Value, value: ir.Value
    ) -> ir.Value:
        """(rows, n, width) queries against (clips, heads, size, positions) keys."""
        query = b.op("Reshape", b.op("Mul", query, self.scale), self.folded)
        scores = b.op("MatMul", b.op("Transpose", query, perm=[0, 2, 1, 3]), key)
        return b.merge_heads(b.op("MatMul", b.op("Softmax", scores, axis=-1), value), self.unfolded)


def _convolutions(b: GraphBuilder, w: Weights, features: ir.Value) -> ir.Value:
    """(batch, mels, frames) → (batch, frames / 2, width)."""
    x = features
    for name, stride in (("encoder.conv1", 1), ("encoder.conv2", 2)):
        kernel = b.vector(f"{name}.weight", w.tensor(f"{name}.weight"))
        bias = b.vector(f"{name}.bias", w.tensor(f"{name}.bias"))
        x = b.gelu(
            b.op("Conv", x, kernel, bias, kernel_shape=[3], strides=[stride], pads=[1, 1])
        )
    return b.op("Transpose", x, perm=[0, 2, 1])


def _positions(b: GraphBuilder, w: Weights, x: ir.Value) -> ir.Value:
    """The first rows of the position table, as many as the audio has."""
    table = b.vector("encoder.embed_positions", w.tensor("encoder.embed_positions.weight"))
    length = b.op("Shape", x, start=1, end=2)
    return b.op("Slice", table, b.constant([0]), length, b.constant([0]))


def _feed_forward(b: GraphBuilder, w: Weights, x: ir.Value, layer: str) -> ir.Value:
    return _linear(b, w, b.gelu(_linear(b, w, x, layer, "fc1")), layer, "fc2")


def _cross_cache(
    b: GraphBuilder, w: Weights, hidden: ir.Value, i: int, heads: int, size: int
) -> None:
    """Keys (transposed) and values of decoder layer i: once per clip, not once per token."""
    block = f"decoder.layers.{i}.encoder_attn"
    key = b.split_heads(_linear(b, w, hidden, block, "k_proj"), heads, size, transposed=True)
    value = b.split_heads(_linear(b, w, hidden, block, "v_proj"), heads, size)
    b.output(key, f"encoder.{i}.key", FLOAT, ["batch", heads, size, "positions"])
    b.output(value, f"encoder.{i}.value", FLOAT, ["batch", heads, "positions", size])


def _cache_inputs(b: GraphBuilder, i: int, d: Dimensions) -> tuple[ir.Value, ...]:
    size = d.width // d.decoder_heads
    past: Shape = ["rows", d.decoder_heads, "capacity", size]
    return (
        b.input(f"past_key_values.{i}.key", FLOAT, past),
        b.input(f"past_key_values.{i}.value", FLOAT, past),
        b.input(f"encoder.{i}.key", FLOAT, ["clips", d.decoder_heads, size, "positions"]),
        b.input(f"encoder.{i}.value", FLOAT, ["clips", d.decoder_heads, "positions", size]),
    )


def _linear(b: GraphBuilder, w: Weights, x: ir.Value, block: str, *parts: str) -> ir.Value:
    """One projection, or several of the same input fused into one."""
    matrices: list[Matrix] = [w.matrix(f"{block}.{part}") for part in parts]
    weight = matrices[0] if len(matrices) == 1 else StackedMatrix(tuple(matrices))
    biases = [w.bias(f"{block}.{part}") for part in parts]
    name = f"{block}.{parts[0]}" if len(parts) == 1 else f"{block}.{_fused_name(parts)}"
    return b.linear(x, name, weight, np.concatenate(biases))


def _fused_name(parts: tuple[str, ...]) -> str:
    return "".join(part[0] for part in parts) + "_proj"


def _norm(b: GraphBuilder, w: Weights, x: ir.Value, name: str) -> ir.Value:
    return b.layer_norm(x, name, *_affine(w, name))


def _add_norm(
    b: GraphBuilder, w: Weights, x: ir.Value, residual: ir.Value, name: str
) -> tuple[ir.Value, ir.Value]:
    return b.add_norm(x, residual, name, *_affine(w, name))


def _affine(w: Weights, name: str) -> tuple[Array, Array]:
    return w.tensor(f"{name}.weight"), w.tensor(f"{name}.bias")
