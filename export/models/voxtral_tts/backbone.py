"""Voxtral's backbone, a Mistral decoder whose input is embeddings and whose output is its state.

Written after the published tensors and checked against transformers 5.23.0 `MistralModel`: RMS
norms before attention and feed-forward (Zhang & Sennrich 2019), grouped-query attention (Ainslie
et al. 2023), rotary positions (Su et al. 2021) over neighbouring pairs of channels as the
checkpoint lays them out, SwiGLU (Shazeer 2020). There is no head: nobody reads its words.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ...attention import FLOAT, INT32, INT64
from ...builder import CONTRIB, GraphBuilder, Shape
from .names import Weights
from .sizes import Sizes, Transformer

# Sentences are spoken one by one; 8192 positions are ten minutes, and more only costs memory for
# the tables.
MOST_POSITIONS = 8192
_NEVER = -1e30


def positions_of(sizes: Sizes) -> int:
    """Positions that the exported graph can tell apart."""
    return min(sizes.max_positions, MOST_POSITIONS)


def build_backbone(b: GraphBuilder, w: Weights, sizes: Sizes) -> None:
    """Embeddings → hidden states at the places that are asked for."""
    stack = sizes.backbone
    x = b.input("inputs_embeds", FLOAT, [1, "n", sizes.width])
    wanted = b.input("hidden_positions", INT64, ["k"])
    place = (
        b.input("seqlens_k", INT32, [1]),
        b.input("total_sequence_length", INT32, []),
        *_rotary_tables(b, sizes),
        None,  # positions and
        None,  # bias: as they are without these inputs
        _sink(b, stack),
    )
    past = [_declare_past(b, i, stack) for i in range(stack.layers)]
    normed = norm(b, w, x, "backbone.layers.0.attention_norm", sizes.width, stack.epsilon)
    for i in range(stack.layers):
        layer = f"layers.{i}"
        qkv = fused_qkv(b, w, normed, f"backbone.{layer}", sizes.width, stack)
        mixed = _attend(b, qkv, i, past[i], place, stack)
        attended = output_projection(b, w, mixed, f"backbone.{layer}", sizes.width, stack)
        normed, x = add_norm(
            b, w, attended, x, f"backbone.{layer}.ffn_norm", sizes.width, stack.epsilon
        )
        fed = feed_forward(b, w, normed, f"backbone.{layer}", sizes.width)
        if i + 1 == stack.layers:
            break
        following = f"backbone.layers.{i + 1}.attention_norm"
        normed, x = add_norm(b, w, fed, x, following, sizes.width, stack.epsilon)
    last = b.op("Gather", b.op("Add", fed, x), wanted, axis=1)
    hidden = norm(b, w, last, "backbone.norm", sizes.width, stack.epsilon)
    b.output(hidden, "hidden_states", FLOAT, [1, "k", sizes.width])


def published(name: str) -> str:
    """The checkpoint's name of a layer: the backbone's have no prefix there."""
    return name.removeprefix("backbone.")


def norm(
    b: GraphBuilder, w: Weights, x: ir.Value, name: str, width: int, epsilon: float
) -> ir.Value:
    """One RMS norm."""
    return b.rms_norm(x, name, w.tensor(f"{published(name)}.weight", width), epsilon)


def add_norm(
    b: GraphBuilder,
    w: Weights,
    x: ir.Value,
    residual: ir.Value,
    name: str,
    width: int,
    epsilon: float,
) -> tuple[ir.Value, ir.Value]:
    """(norm of x + residual, x + residual)."""
    gamma = w.tensor(f"{published(name)}.weight", width)
    return b.add_rms_norm(x, residual, name, gamma, epsilon)


def fused_qkv(
    b: GraphBuilder, w: Weights, x: ir.Value, layer: str, width: int, stack: Transformer
) -> ir.Value:
    """Queries, keys and values behind one another, in one product."""
    kv = stack.kv_heads * stack.head_size
    rows = {"wq": stack.heads * stack.head_size, "wk": kv, "wv": kv}
    matrix = w.projection(f"{published(layer)}.attention", width, **rows)
    return b.linear(x, f"{layer}.attention.wqkv", matrix)


def output_projection(
    b: GraphBuilder, w: Weights, x: ir.Value, layer: str, width: int, stack: Transformer
) -> ir.Value:
    """What follows attention."""
    matrix = w.matrix(f"{published(layer)}.attention.wo", width, stack.heads * stack.head_size)
    return b.linear(x, f"{layer}.attention.wo", matrix)


def feed_forward(b: GraphBuilder, w: Weights, x: ir.Value, layer: str, width: int) -> ir.Value:
    """w2 · (silu(w1 · x) ⊙ w3 · x)."""
    block = f"{published(layer)}.feed_forward"
    inner = w.rows(f"{block}.w1")
    gate, up = (
        b.linear(x, f"{layer}.feed_forward.{part}", w.matrix(f"{block}.{part}", inner, width))
        for part in ("w1", "w3")
    )
    product = b.op("Mul", b.silu(gate), up)
    return b.linear(
        product, f"{layer}.feed_forward.w2", w.matrix(f"{block}.w2", width, inner)
    )


def _rotary_tables(b: GraphBuilder, sizes: Sizes) -> tuple[ir.Value, ir.Value]:
    """Cosine and sine of position · theta^(-2i / head size), i < head size / 2.

    Both are divided by the fourth root of the head size: queries and keys are, then, and their
    products by its square root, so that attention needs no factor (see `_sink`).
    """
    size = sizes.backbone.head_size
    angles = np.arange(positions_of(sizes))[:, None] * sizes.rope_theta ** (
        -np.arange(0, size, 2) / size
    )
    root = size**0.25
    return (
        b.vector("rotary_cos", np.cos(angles) / root),
        b.vector("rotary_sin", np.sin(angles) / root),
    )


def _sink(b: GraphBuilder, stack: Transformer) -> ir.Value:
    """A sink of each head, so low that its share of attention is exactly 0.

    onnxruntime 1.31 has several kernels for GroupQueryAttention. The quickest one for a single
    row, by a quarter, is the plain one with a scale of 1, which multiplies by the keys as they
    lie. Heads with a sink are given to that one.
    """
    return b.vector("attention_sink", np.full(stack.heads, _NEVER))


def _declare_past(b: GraphBuilder, index: int, stack: Transformer) -> tuple[ir.Value, ir.Value]:
    shape = _cache_shape(stack)
    key = b.input(f"past_key_values.{index}.key", FLOAT, shape)
    return key, b.input(f"past_key_values.{index}.value", FLOAT, shape)


def _attend(
    b: GraphBuilder,
    qkv: ir.Value,
    index: int,
    past: tuple[ir.Value, ir.Value],
    place: tuple[ir.Value | None, ...],
    stack: Transformer,
) -> ir.Value:
    """Causal attention to itself and to the past; the present is an output of the graph."""
    mixed, key, value = b.ops(
        "GroupQueryAttention",
        *(qkv, None, None, *past, *place),
        outputs=3,
        domain=CONTRIB,
        num_heads=stack.heads,
        kv_num_heads=stack.kv_heads,
        scale=1.0,
        do_rotary=1,
        rotary_interleaved=1,
    )
    b.output(key, f"present.{index}.key", FLOAT, _cache_shape(stack))
    b.output(value, f"present.{index}.value", FLOAT, _cache_shape(stack))
    return mixed


def _cache_shape(stack: Transformer) -> Shape:
    return [1, stack.kv_heads, "capacity", stack.head_size]
