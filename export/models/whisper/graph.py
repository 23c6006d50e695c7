"""Whisper's architecture, top to bottom (Radford et al. 2022, arXiv:2212.04356, section 2.2).

Written after openai-whisper 20250625 (`whisper/model.py`), whose results the golden tests hold.
Layers are named as in transformers, which is also how recipes match them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ...attention import FLOAT, CrossAttention, DecoderInputs, LayerCache, cross_cache
from ...builder import CONTRIB, GraphBuilder
from ...weights import Array, Matrix, StackedMatrix
from .names import Weights


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
        block = f"decoder.layers.{i}.encoder_attn"
        key, value = (_linear(b, w, normed, block, part) for part in ("k_proj", "v_proj"))
        cross_cache(b, i, key, value, d.decoder_heads, size)
    b.output(normed, "encoder_hidden_states", FLOAT, ["batch", "positions", d.width])


def build_decoder(b: GraphBuilder, w: Weights, d: Dimensions) -> None:
    """Token ids → logits, for prefill and for single steps alike."""
    size = d.width // d.decoder_heads
    inputs = DecoderInputs.declare(b)
    caches = [LayerCache.declare(b, i, d.decoder_heads, size) for i in range(d.decoder_layers)]

    embedding = w.matrix("decoder.embed_tokens")
    x = b.embedding(inputs.ids, "decoder.embed_tokens", embedding)
    table = b.vector("decoder.embed_positions", w.tensor("decoder.embed_positions.weight"))
    x = b.op("Add", x, b.op("Gather", table, inputs.positions, axis=0))
    normed = _norm(b, w, x, "decoder.layers.0.self_attn_layer_norm")
    cross = CrossAttention.emit(b, inputs.ids, caches[0].cross_key, d.decoder_heads, size)
    for i, cache in enumerate(caches):
        layer = f"decoder.layers.{i}"
        qkv = _linear(b, w, normed, f"{layer}.self_attn", "q_proj", "k_proj", "v_proj")
        mixed = cache.self_attention(b, qkv, inputs, d.decoder_heads, size)
        attended = _linear(b, w, mixed, f"{layer}.self_attn", "out_proj")
        normed, x = _add_norm(b, w, attended, x, f"{layer}.encoder_attn_layer_norm")
        query = _linear(b, w, normed, f"{layer}.encoder_attn", "q_proj")
        mixed = cross.attend(b, query, cache)
        attended = _linear(b, w, mixed, f"{layer}.encoder_attn", "out_proj")
        normed, x = _add_norm(b, w, attended, x, f"{layer}.final_layer_norm")
        following = (
            f"decoder.layers.{i + 1}.self_attn_layer_norm"
            if i + 1 < d.decoder_layers
            else "decoder.layer_norm"
        )
        normed, x = _add_norm(b, w, _feed_forward(b, w, normed, layer), x, following)
    last = b.op("Gather", normed, inputs.wanted, axis=1)
    logits = b.tied_head(last, "decoder.head", w.head(embedding))
    b.output(logits, "logits", FLOAT, ["rows", "k", d.vocabulary])
    cross.outputs(b, inputs, d.decoder_heads)


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
