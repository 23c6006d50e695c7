"""Moonshine, top to bottom: an encoder of raw audio and a Transformer decoder.

Jeffries et al. 2024 (arXiv:2410.15608) describe it. Written after transformers 5.23.0
(`moonshine`), whose results the parity tests hold. Layers are named as there, which is also how
recipes match them.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ...attention import FLOAT, CrossAttention, DecoderInputs, LayerCache, cross_cache
from ...builder import CONTRIB, GraphBuilder
from ...weights import Array, Matrix, PaddedHeads, StackedMatrix, pad_heads
from .names import Weights
from .sizes import Dimensions

_GROUP_NORM_EPSILON = 1e-5
_ROTARY_STEP = 8  # GroupQueryAttention wants tables of a multiple of 8 columns


def build_encoder(b: GraphBuilder, w: Weights, d: Dimensions) -> None:
    """Waveform → hidden states and every decoder layer's cross-attention keys and values."""
    waveform = b.input("input_features", FLOAT, [1, "samples"])
    x = b.label(_stem(b, w, waveform), "encoder.stem")
    rotary = _Rotary.over(b, x, d)
    normed = _norm(b, w, x, "encoder.layers.0.input_layernorm")
    for i in range(d.encoder_layers):
        layer = f"encoder.layers.{i}"
        attended = _self_attention(b, w, d, normed, f"{layer}.self_attn", rotary)
        normed, x = _add_norm(b, w, attended, x, f"{layer}.post_attention_layernorm")
        hidden = b.gelu(_linear(b, w, normed, f"{layer}.mlp.fc1"))
        following = (
            f"encoder.layers.{i + 1}.input_layernorm"
            if i + 1 < d.encoder_layers
            else "encoder.layer_norm"
        )
        normed, x = _add_norm(b, w, _linear(b, w, hidden, f"{layer}.mlp.fc2"), x, following)
    for i in range(d.decoder_layers):
        block = f"decoder.layers.{i}.encoder_attn"
        key, value = (_linear(b, w, normed, f"{block}.{part}_proj") for part in "kv")
        cross_cache(b, i, key, value, d.decoder_heads, d.decoder_head_size)
    b.output(normed, "encoder_hidden_states", FLOAT, [1, "positions", d.width])


def build_decoder(b: GraphBuilder, w: Weights, d: Dimensions) -> None:
    """Token ids → logits, for prefill and for single steps alike."""
    inputs = DecoderInputs.declare(b)
    bias = b.input("encoder_attention_bias", FLOAT, ["clips", 1, 1, "positions"])
    heads, size = d.decoder_heads, d.decoder_head_size
    caches = [LayerCache.declare(b, i, heads, size, d.cache_size) for i in range(d.decoder_layers)]
    tables = _rotary_tables(b, d)

    embedding = w.matrix("decoder.embed_tokens")
    x = b.embedding(inputs.ids, "decoder.embed_tokens", embedding)
    normed = _norm(b, w, x, "decoder.layers.0.input_layernorm")
    cross = CrossAttention.emit(b, inputs.ids, caches[0].cross_key, heads, size, bias)
    for i, cache in enumerate(caches):
        layer = f"decoder.layers.{i}"
        qkv = _padded_qkv(b, w, d, normed, f"{layer}.self_attn")
        mixed = cache.self_attention(
            b, qkv, inputs, heads, d.cache_size, scale=size**-0.5, rotary=tables
        )
        attended = _padded_output(b, w, d, mixed, f"{layer}.self_attn")
        normed, x = _add_norm(b, w, attended, x, f"{layer}.post_attention_layernorm")
        query = _linear(b, w, normed, f"{layer}.encoder_attn.q_proj")
        attended = _linear(b, w, cross.attend(b, query, cache), f"{layer}.encoder_attn.o_proj")
        normed, x = _add_norm(b, w, attended, x, f"{layer}.final_layernorm")
        following = (
            f"decoder.layers.{i + 1}.input_layernorm"
            if i + 1 < d.decoder_layers
            else "decoder.norm"
        )
        normed, x = _add_norm(b, w, _gated_mlp(b, w, normed, f"{layer}.mlp"), x, following)
    last = b.op("Gather", normed, inputs.wanted, axis=1)
    logits = b.tied_head(last, "decoder.head", w.head(embedding))
    b.output(logits, "logits", FLOAT, ["rows", "k", d.vocabulary])
    cross.outputs(b, inputs, heads)


# Encoder


def _stem(b: GraphBuilder, w: Weights, waveform: ir.Value) -> ir.Value:
    """(1, samples) → (1, positions, width): three strided convolutions without padding."""
    x = b.op("Unsqueeze", waveform, b.constant([1]))
    x = b.op("Tanh", _conv(b, w, x, "encoder.conv1", stride=64))
    x = _group_norm(b, w, x, "encoder.groupnorm")
    x = b.gelu(_conv(b, w, x, "encoder.conv2", stride=3))
    x = b.gelu(_conv(b, w, x, "encoder.conv3", stride=2))
    return b.op("Transpose", x, perm=[0, 2, 1])


def _conv(b: GraphBuilder, w: Weights, x: ir.Value, name: str, stride: int) -> ir.Value:
    kernel = w.tensor(f"{name}.weight")
    bias = w.bias(name)
    weight = b.vector(f"{name}.weight", kernel)
    offset = None if bias is None else b.vector(f"{name}.bias", bias)
    return b.op("Conv", x, weight, offset, kernel_shape=kernel.shape[2:], strides=[stride])


def _group_norm(b: GraphBuilder, w: Weights, x: ir.Value, name: str) -> ir.Value:
    """One group: normalised over all channels and all of the clip, then scaled by channel."""
    whole = b.op("Reshape", x, b.constant([1, 1, -1]))
    one, none = b.constant([1.0], np.float32), b.constant([0.0], np.float32)
    normed = b.op("InstanceNormalization", whole, one, none, epsilon=_GROUP_NORM_EPSILON)
    shaped = b.op("Reshape", normed, b.op("Shape", x))
    scale, shift = (w.tensor(f"{name}.{kind}")[:, None] for kind in ("weight", "bias"))
    scaled = b.op("Mul", shaped, b.vector(f"{name}.weight", scale))
    return b.op("Add", scaled, b.vector(f"{name}.bias", shift))


class _Rotary:
    """Turns neighbouring channels of queries and keys by their position (Su et al. 2021).

    The tables are computed in the graph: a clip may have any length.
    """

    def __init__(self, places: ir.Value, cosines: ir.Value, sines: ir.Value, d: Dimensions) -> None:
        self._tables = places, cosines, sines
        self._attributes = {
            "num_heads": d.encoder_heads,
            "rotary_embedding_dim": 2 * len(d.frequencies),
            "interleaved": 1,
        }

    @classmethod
    def over(cls, b: GraphBuilder, x: ir.Value, d: Dimensions) -> _Rotary:
        """Tables for all positions of (1, positions, width)."""
        count = b.op("Squeeze", b.op("Shape", x, start=1, end=2))
        places = b.op("Range", b.constant(0), count, b.constant(1))
        column = b.op("Unsqueeze", b.op("Cast", places, to=FLOAT), b.constant([1]))
        angles = b.op("Mul", column, b.vector("encoder.rotary", d.frequencies[None]))
        rows = b.op("Unsqueeze", places, b.constant([0]))
        return cls(rows, b.op("Cos", angles), b.op("Sin", angles), d)

    def turn(self, b: GraphBuilder, x: ir.Value) -> ir.Value:
        """(1, positions, heads · size) → the same, turned."""
        return b.op("RotaryEmbedding", x, *self._tables, domain=CONTRIB, **self._attributes)


def _self_attention(
    b: GraphBuilder, w: Weights, d: Dimensions, x: ir.Value, name: str, rotary: _Rotary
) -> ir.Value:
    # Three products, not one fused: splitting its result costs more than quantizing thrice.
    query, key, value = (_linear(b, w, x, f"{name}.{part}_proj") for part in "qkv")
    turned = rotary.turn(b, query), rotary.turn(b, key)
    mixed = b.op(
        "MultiHeadAttention", *turned, value, domain=CONTRIB, num_heads=d.encoder_heads
    )
    return _linear(b, w, mixed, f"{name}.o_proj")


# Decoder


def _rotary_tables(b: GraphBuilder, d: Dimensions) -> tuple[ir.Value, ir.Value]:
    """(text positions, pairs) cosines and sines; pairs that are not turned have the angle 0."""
    missing = -len(d.frequencies) % _ROTARY_STEP
    frequencies = np.pad(d.frequencies, (0, missing))
    angles = np.arange(d.text_positions, dtype=np.float32)[:, None] * frequencies[None]
    return (
        b.vector("decoder.rotary.cos", np.cos(angles)),
        b.vector("decoder.rotary.sin", np.sin(angles)),
    )


def _padded_qkv(b: GraphBuilder, w: Weights, d: Dimensions, x: ir.Value, name: str) -> ir.Value:
    """Fused queries, keys and values in heads as wide as the cache's."""
    names = [f"{name}.{part}_proj" for part in "qkv"]
    heads, wide = d.decoder_heads, d.cache_size
    parts: tuple[Matrix, ...] = tuple(PaddedHeads(w.matrix(part), heads, wide) for part in names)
    biases = [w.bias(part) for part in names]
    known = [pad_heads(bias, heads, wide) for bias in biases if bias is not None]
    whole: Array | None = np.concatenate(known) if len(known) == len(names) else None
    return b.linear(x, f"{name}.qkv_proj", StackedMatrix(parts), whole)


def _padded_output(b: GraphBuilder, w: Weights, d: Dimensions, x: ir.Value, name: str) -> ir.Value:
    part = f"{name}.o_proj"
    weight = PaddedHeads(w.matrix(part), d.decoder_heads, d.cache_size, inwards=True)
    return b.linear(x, part, weight, w.bias(part))


def _gated_mlp(b: GraphBuilder, w: Weights, x: ir.Value, name: str) -> ir.Value:
    """Values times silu(gates), projected back (Shazeer 2020, SwiGLU)."""
    both = _linear(b, w, x, f"{name}.fc1")
    values, gates = b.ops("Split", both, outputs=2, axis=-1, num_outputs=2)
    return _linear(b, w, b.op("Mul", values, b.silu(gates)), f"{name}.fc2")


# Both


def _linear(b: GraphBuilder, w: Weights, x: ir.Value, name: str) -> ir.Value:
    return b.linear(x, name, w.matrix(name), w.bias(name))


def _norm(b: GraphBuilder, w: Weights, x: ir.Value, name: str) -> ir.Value:
    return b.layer_norm(x, name, w.tensor(f"{name}.weight"), None)


def _add_norm(
    b: GraphBuilder, w: Weights, x: ir.Value, residual: ir.Value, name: str
) -> tuple[ir.Value, ir.Value]:
    return b.add_norm(x, residual, name, w.tensor(f"{name}.weight"), None)
