"""Cohere Transcribe, top to bottom: a FastConformer encoder and a Transformer decoder.

Gulati et al. 2020 (arXiv:2005.08100) and Rekesh et al. 2023 (arXiv:2305.05084) describe the
encoder. Written after transformers 5.23.0 (`cohere_asr`, `parakeet`), whose results the golden
tests hold. Layers are named as there, which is also how recipes match them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from ...attention import FLOAT, CrossAttention, DecoderInputs, LayerCache, cross_cache
from ...builder import GraphBuilder
from ...relative import RelativeAttention
from ...weights import Array, Matrix, PaddedHeads, ScaledMatrix, StackedMatrix, pad_heads
from .names import Weights
from .positions import projected, sinusoids
from .sizes import Dimensions

_BATCH_NORM_EPSILON = 1e-5  # torch's default, which no configuration changes


def build_encoder(b: GraphBuilder, w: Weights, d: Dimensions) -> None:
    """Log-mel features → projected hidden states and every decoder layer's cross-attention."""
    features = b.input("input_features", FLOAT, [1, "frames", d.mels])
    x = b.label(_subsampling(b, w, d, features), "encoder.subsampling")
    if d.scaled_input:
        x = b.op("Mul", x, b.constant(d.encoder_width**0.5, np.float32))
    attention = RelativeAttention.emit(b, x, d.encoder_heads, d.encoder_head_size, d.longest_clip)
    table = sinusoids(d.longest_clip, d.encoder_width)
    for i in range(d.encoder_layers):
        x = _block(b, w, x, f"encoder.layers.{i}", attention, table)
    x = _linear(b, w, x, "decoder.proj")
    for i in range(d.decoder_layers):
        block = f"decoder.layers.{i}.encoder_attn"
        key, value = (_linear(b, w, x, f"{block}.{part}_proj") for part in "kv")
        cross_cache(b, i, key, value, d.decoder_heads, d.decoder_head_size)
    b.output(x, "encoder_hidden_states", FLOAT, [1, "positions", d.decoder_width])


def build_decoder(b: GraphBuilder, w: Weights, d: Dimensions) -> None:
    """Token ids → logits, for prefill and for single steps alike."""
    inputs = DecoderInputs.declare(b)
    bias = b.input("encoder_attention_bias", FLOAT, ["clips", 1, 1, "positions"])
    heads, size = d.decoder_heads, d.decoder_head_size
    caches = [LayerCache.declare(b, i, heads, size, d.cache_size) for i in range(d.decoder_layers)]

    embedding = w.matrix("decoder.embed_tokens")
    x = b.embedding(inputs.ids, "decoder.embed_tokens", embedding)
    table = b.vector("decoder.pos_emb", w.tensor("decoder.pos_emb.weight"))
    x = b.op("Add", x, b.op("Gather", table, inputs.positions, axis=0))
    x = _norm(b, w, x, "decoder.embedding_layernorm")
    normed = _norm(b, w, x, "decoder.layers.0.input_layernorm")
    cross = CrossAttention.emit(b, inputs.ids, caches[0].cross_key, heads, size, bias)
    for i, cache in enumerate(caches):
        layer = f"decoder.layers.{i}"
        qkv = _padded_qkv(b, w, d, normed, f"{layer}.self_attn")
        mixed = cache.self_attention(b, qkv, inputs, heads, d.cache_size, scale=size**-0.5)
        attended = _padded_output(b, w, d, mixed, f"{layer}.self_attn")
        normed, x = _add_norm(b, w, attended, x, f"{layer}.post_attention_layernorm")
        query = _linear(b, w, normed, f"{layer}.encoder_attn.q_proj")
        attended = _linear(b, w, cross.attend(b, query, cache), f"{layer}.encoder_attn.o_proj")
        normed, x = _add_norm(b, w, attended, x, f"{layer}.final_layernorm")
        hidden = b.op("Relu", _linear(b, w, normed, f"{layer}.mlp.fc1"))
        following = (
            f"decoder.layers.{i + 1}.input_layernorm"
            if i + 1 < d.decoder_layers
            else "decoder.norm"
        )
        normed, x = _add_norm(b, w, _linear(b, w, hidden, f"{layer}.mlp.fc2"), x, following)
    last = b.op("Gather", normed, inputs.wanted, axis=1)
    logits = b.tied_head(last, "decoder.head", w.head(embedding), w.tensor("proj_out.bias"))
    b.output(logits, "logits", FLOAT, ["rows", "k", d.vocabulary])
    cross.outputs(b, inputs, heads)


# Encoder


def _subsampling(b: GraphBuilder, w: Weights, d: Dimensions, features: ir.Value) -> ir.Value:
    """(1, frames, mels) → (1, ⌈frames / 8⌉, width): three strided convolutions over both axes."""
    x = b.op("Unsqueeze", features, b.constant([1]))
    x = b.op("Relu", _conv(b, w, x, "encoder.subsampling.layers.0", strides=[2, 2]))
    for depthwise in range(2, d.subsampling_layers, 3):
        name = "encoder.subsampling.layers.{}"
        channels = d.subsampling_channels
        x = _conv(b, w, x, name.format(depthwise), strides=[2, 2], group=channels)
        x = b.op("Relu", _conv(b, w, x, name.format(depthwise + 1)))
    x = b.op("Transpose", x, perm=[0, 2, 1, 3])
    x = b.op("Reshape", x, b.constant([1, -1, w.shape("encoder.subsampling.linear.weight")[1]]))
    return _linear(b, w, x, "encoder.subsampling.linear")


def _conv(b: GraphBuilder, w: Weights, x: ir.Value, name: str, **attributes: Any) -> ir.Value:
    kernel = w.tensor(f"{name}.weight")
    pad = kernel.shape[-1] // 2
    weight, bias = b.vector(f"{name}.weight", kernel), b.vector(f"{name}.bias", w.bias(name))
    shape = {"kernel_shape": kernel.shape[2:], "pads": [pad] * 4}
    return b.op("Conv", x, weight, bias, **shape, **attributes)


def _block(
    b: GraphBuilder,
    w: Weights,
    x: ir.Value,
    layer: str,
    attention: RelativeAttention,
    table: Array,
) -> ir.Value:
    """One Conformer block: half a feed-forward, attention, convolution, half a feed-forward."""
    normed = _norm(b, w, x, f"{layer}.norm_feed_forward1")
    fed = _feed_forward(b, w, normed, f"{layer}.feed_forward1")
    normed, x = _add_norm(b, w, fed, x, f"{layer}.norm_self_att")
    attended = _relative_attention(b, w, normed, f"{layer}.self_attn", attention, table)
    normed, x = _add_norm(b, w, attended, x, f"{layer}.norm_conv")
    convolved = _convolution(b, w, normed, f"{layer}.conv")
    normed, x = _add_norm(b, w, convolved, x, f"{layer}.norm_feed_forward2")
    fed = _feed_forward(b, w, normed, f"{layer}.feed_forward2")
    normed, _ = _add_norm(b, w, fed, x, f"{layer}.norm_out")
    return b.label(normed, layer)


def _feed_forward(b: GraphBuilder, w: Weights, x: ir.Value, name: str) -> ir.Value:
    hidden = b.silu(_linear(b, w, x, f"{name}.linear1"))
    # The module counts half: that is exact in floats, and so is folded into its second layer.
    second = f"{name}.linear2"
    weight, bias = ScaledMatrix(w.matrix(second), 0.5), w.bias(second) * np.float32(0.5)
    return b.linear(hidden, second, weight, bias)


def _relative_attention(
    b: GraphBuilder,
    w: Weights,
    x: ir.Value,
    name: str,
    attention: RelativeAttention,
    table: Array,
) -> ir.Value:
    weight, bias = _stacked(w, name, "qkv")
    # One product, then a split: the activations are quantized once instead of three times.
    qkv = b.linear(x, f"{name}.qkv_proj", weight, bias)
    query, key, value = b.ops("Split", qkv, outputs=3, axis=-1, num_outputs=3)
    mixed = attention.attend(
        b,
        (query, key, value),
        (w.tensor(f"{name}.bias_u"), w.tensor(f"{name}.bias_v")),
        f"{name}.relative_k_proj",
        projected(table, w.matrix(f"{name}.relative_k_proj")),
    )
    return _linear(b, w, mixed, f"{name}.o_proj")


def _convolution(b: GraphBuilder, w: Weights, x: ir.Value, name: str) -> ir.Value:
    """Pointwise, gated linear unit, depthwise over time, batch norm, SiLU, pointwise."""
    both = _linear(b, w, x, f"{name}.pointwise_conv1")
    values, gates = b.ops("Split", both, outputs=2, axis=-1, num_outputs=2)
    gated = b.op("Mul", values, b.op("Sigmoid", gates))
    kernel, bias = _folded_batch_norm(w, name)
    channels, _, width = kernel.shape
    # As an image of one row: only convolutions over two axes have a fast depthwise kernel.
    image = b.op("Transpose", b.op("Unsqueeze", gated, b.constant([1])), perm=[0, 3, 1, 2])
    image = b.op(
        "Conv",
        image,
        b.vector(f"{name}.depthwise_conv.weight", kernel.reshape(channels, 1, 1, width)),
        b.vector(f"{name}.depthwise_conv.bias", bias),
        kernel_shape=[1, width],
        pads=[0, width // 2, 0, width // 2],
        group=channels,
    )
    x = b.op("Squeeze", b.op("Transpose", image, perm=[0, 2, 3, 1]), b.constant([1]))
    return _linear(b, w, b.silu(x), f"{name}.pointwise_conv2")


def _folded_batch_norm(w: Weights, name: str) -> tuple[Array, Array]:
    """Kernel (channels, 1, width) and bias of the depthwise convolution with the norm in them."""
    gamma, beta = w.affine(f"{name}.norm")
    mean, variance = (w.tensor(f"{name}.norm.running_{kind}") for kind in ("mean", "var"))
    factor = gamma / np.sqrt(variance + np.float32(_BATCH_NORM_EPSILON))
    kernel, bias = w.tensor(f"{name}.depthwise_conv.weight"), w.bias(f"{name}.depthwise_conv")
    return kernel * factor[:, None, None], (bias - mean) * factor + beta


# Decoder


def _padded_qkv(b: GraphBuilder, w: Weights, d: Dimensions, x: ir.Value, name: str) -> ir.Value:
    """Fused queries, keys and values in heads as wide as the cache's."""
    parts: list[Matrix] = [w.matrix(f"{name}.{part}_proj") for part in "qkv"]
    biases = [w.bias(f"{name}.{part}_proj") for part in "qkv"]
    if d.cache_size != d.decoder_head_size:
        parts = [PaddedHeads(part, d.decoder_heads, d.cache_size) for part in parts]
        biases = [pad_heads(bias, d.decoder_heads, d.cache_size) for bias in biases]
    return b.linear(x, f"{name}.qkv_proj", StackedMatrix(tuple(parts)), np.concatenate(biases))


def _padded_output(b: GraphBuilder, w: Weights, d: Dimensions, x: ir.Value, name: str) -> ir.Value:
    weight: Matrix = w.matrix(f"{name}.o_proj")
    if d.cache_size != d.decoder_head_size:
        weight = PaddedHeads(weight, d.decoder_heads, d.cache_size, inwards=True)
    return b.linear(x, f"{name}.o_proj", weight, w.bias(f"{name}.o_proj"))


# Both


def _stacked(w: Weights, name: str, parts: str) -> tuple[StackedMatrix, Array]:
    weight = StackedMatrix(tuple(w.matrix(f"{name}.{part}_proj") for part in parts))
    return weight, np.concatenate([w.bias(f"{name}.{part}_proj") for part in parts])


def _linear(b: GraphBuilder, w: Weights, x: ir.Value, name: str) -> ir.Value:
    return b.linear(x, name, w.matrix(name), w.bias(name))


def _norm(b: GraphBuilder, w: Weights, x: ir.Value, name: str) -> ir.Value:
    return b.layer_norm(x, name, *w.affine(name))


def _add_norm(
    b: GraphBuilder, w: Weights, x: ir.Value, residual: ir.Value, name: str
) -> tuple[ir.Value, ir.Value]:
    return b.add_norm(x, residual, name, *w.affine(name))
