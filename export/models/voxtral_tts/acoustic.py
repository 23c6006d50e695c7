"""Voxtral's semantic head and its flow-matching transformer, in three graphs.

Written after vllm_omni 0.30.0 (`voxtral_tts_audio_generation.py`), whose results the golden tests
hold. The reference evaluates, at each of its Euler steps, two sequences of three tokens (x, time,
condition): one with the condition, one with zeros in its place, which is classifier-free guidance
(Ho & Salimans 2022). What follows computes the same with fewer multiplications:

* both sequences are rows of one product, so weights are read once;
* tokens of time are made once for all frames, the condition once for all steps of a frame;
* in layer 0 queries, keys and values of these two do not depend on x: they come with the tokens,
  and only x is projected, one row for both sequences;
* the last layer's queries, and all behind them, are computed for the x tokens alone.
"""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from edge_voice.models.voxtral_tts.config import EMPTY_AUDIO, SPECIAL_CODES

from ...attention import FLOAT
from ...builder import CONTRIB, GraphBuilder
from ...weights import Matrix
from .backbone import add_norm, feed_forward, fused_qkv, norm, output_projection
from .names import Weights
from .sizes import Sizes, Transformer

_PREFIX = "acoustic_transformer"
_CANDIDATES = 32
_NEVER = -1e30
_TOKENS = 3  # x, time, condition
_BRANCHES = 2  # with the condition, without
_TIME_BASE = 10000.0  # of the sinusoidal embedding of times; not in the checkpoint's files


def build_head(b: GraphBuilder, w: Weights, sizes: Sizes) -> None:
    """Hidden state → semantic logits, and the condition with its projections in layer 0."""
    hidden = b.input("hidden_states", FLOAT, [1, sizes.width])
    rows = w.rows(f"{_PREFIX}.semantic_codebook_output")
    matrix = w.matrix(f"{_PREFIX}.semantic_codebook_output", rows, sizes.width)
    logits = b.linear(hidden, "semantic_head", matrix)
    if b.scheme("semantic_head").bits < 32:
        logits = _rescored(b, hidden, logits, matrix, sizes.codec.semantic_codes)
    b.output(logits, "semantic_logits", FLOAT, [1, rows])
    _token(b, w, sizes, hidden, "llm_projection", "condition", "condition_qkv")


def build_time(b: GraphBuilder, w: Weights, sizes: Sizes) -> None:
    """Times → tokens: cosines, then sines, of time · 10000^(-j / half), projected."""
    times = b.input("times", FLOAT, ["n", 1])
    half = sizes.width // 2
    rates = np.exp(-math.log(_TIME_BASE) * np.arange(half) / half)
    angles = b.op("Mul", times, b.vector("time_rates", rates[None]))
    features = b.op("Concat", b.op("Cos", angles), b.op("Sin", angles), axis=-1)
    _token(b, w, sizes, features, "time_projection", "time_tokens", "time_qkv")


def build_velocity(b: GraphBuilder, w: Weights, sizes: Sizes) -> None:
    """X and its companions → velocity with the condition and without."""
    stack, codebooks = sizes.acoustic, sizes.codec.acoustic_codebooks
    x = b.input("x", FLOAT, [1, codebooks])
    time, time_qkv = _declare_token(b, sizes, "time_token", "time_qkv")
    condition, condition_qkv = _declare_token(b, sizes, "condition", "condition_qkv")
    projection = w.matrix(f"{_PREFIX}.input_projection", sizes.width, codebooks)
    token = b.linear(x, f"{_PREFIX}.input_projection", projection)
    rows = _sequences(b, token, time, condition, sizes.width)
    qkv = _first_qkv(b, w, sizes, token)
    qkv = _sequences(b, qkv, time_qkv, condition_qkv, qkv_width(stack))
    for i in range(stack.layers - 1):
        layer = f"{_PREFIX}.layers.{i}"
        if i:
            normed = norm(b, w, rows, f"{layer}.attention_norm", sizes.width, stack.epsilon)
            qkv = fused_qkv(b, w, normed, layer, sizes.width, stack)
        query, key, value = _split(b, qkv, stack)
        rows = _rest_of_layer(b, w, sizes, layer, rows, _attend(b, query, key, value, stack))
    rows = _last_layer(b, w, sizes, rows, qkv)
    hidden = norm(b, w, rows, f"{_PREFIX}.norm", sizes.width, stack.epsilon)
    output = w.matrix(f"{_PREFIX}.acoustic_codebook_output", codebooks, sizes.width)
    velocities = b.linear(hidden, f"{_PREFIX}.acoustic_codebook_output", output)
    b.output(velocities, "velocities", FLOAT, [_BRANCHES, codebooks])


def qkv_width(stack: Transformer) -> int:
    """Channels of queries, keys and values together."""
    return (stack.heads + 2 * stack.kv_heads) * stack.head_size


def _declare_token(
    b: GraphBuilder, sizes: Sizes, token: str, qkv: str
) -> tuple[ir.Value, ir.Value]:
    return (
        b.input(token, FLOAT, [1, sizes.width]),
        b.input(qkv, FLOAT, [1, qkv_width(sizes.acoustic)]),
    )


def _token(
    b: GraphBuilder, w: Weights, sizes: Sizes, x: ir.Value, layer: str, name: str, qkv_name: str
) -> None:
    """A projected token and what layer 0 makes of it, as outputs of the graph."""
    matrix = w.matrix(f"{_PREFIX}.{layer}", sizes.width, sizes.width)
    token = b.linear(x, f"{_PREFIX}.{layer}", matrix)
    b.output(token, name, FLOAT, ["n", sizes.width])
    qkv = _first_qkv(b, w, sizes, token)
    b.output(qkv, qkv_name, FLOAT, ["n", qkv_width(sizes.acoustic)])


def _rescored(
    b: GraphBuilder, hidden: ir.Value, logits: ir.Value, matrix: Matrix, codes: int
) -> ir.Value:
    """Rounded logits, of which the largest ones are replaced by exact ones.

    The code is the largest logit, and a wrong one is a wrong sound: at 16 bits the reference
    picks another code for one state in 16. Rounding cannot move the largest logit below all the
    candidates, and multiplying by a few rows in float32 costs next to nothing.
    """
    rows = matrix.shape[0]
    special = np.zeros((1, rows), np.float32)
    special[:, EMPTY_AUDIO] = special[:, codes + SPECIAL_CODES :] = _NEVER
    allowed = b.op("Add", logits, b.vector("semantic_head.mask", special))
    count = b.constant([min(_CANDIDATES, codes)])
    _, places = b.ops("TopK", allowed, count, outputs=2, axis=-1)
    table = b.table("semantic_head.exact", matrix)
    candidates = b.op("Gather", table, b.op("Squeeze", places, b.constant([0])), axis=0)
    exact = b.op("FusedMatMul", hidden, candidates, domain=CONTRIB, transB=1)
    return b.op("ScatterElements", logits, places, exact, axis=-1)


def _first_qkv(b: GraphBuilder, w: Weights, sizes: Sizes, token: ir.Value) -> ir.Value:
    layer = f"{_PREFIX}.layers.0"
    normed = norm(
        b, w, token, f"{layer}.attention_norm", sizes.width, sizes.acoustic.epsilon
    )
    return fused_qkv(b, w, normed, layer, sizes.width, sizes.acoustic)


def _sequences(
    b: GraphBuilder, x: ir.Value, time: ir.Value, condition: ir.Value, width: int
) -> ir.Value:
    """Three rows (1, width) → (6, width): the sequence with the condition, then the one without.

    The projections of a token of zeros are zeros: there are no biases, and its norm is zero.
    """
    nothing = b.vector(f"nothing_{width}", np.zeros((1, width)))
    return b.op("Concat", x, time, condition, x, time, nothing, axis=0)


def _split(b: GraphBuilder, qkv: ir.Value, stack: Transformer) -> list[ir.Value]:
    kv = stack.kv_heads * stack.head_size
    sizes = b.constant([stack.heads * stack.head_size, kv, kv])
    return list(b.ops("Split", qkv, sizes, outputs=3, axis=-1))


def _attend(
    b: GraphBuilder, query: ir.Value, key: ir.Value, value: ir.Value, stack: Transformer
) -> ir.Value:
    """Every token attends to all three of its sequence; no positions, nothing masked.

    Query heads that share keys and values are laid behind one another as one longer query.
    """
    groups, shared, size = stack.kv_heads, stack.heads // stack.kv_heads, stack.head_size
    tokens = [_BRANCHES, -1, groups, shared, size]
    folded = b.op("Reshape", query, b.constant(tokens))
    folded = b.op("Transpose", folded, perm=[0, 2, 3, 1, 4])
    folded = b.op("Reshape", folded, b.constant([_BRANCHES, groups, -1, size]))
    key, value = (_heads(b, part, groups, size) for part in (key, value))
    scores = b.op(
        "FusedMatMul", folded, key, domain=CONTRIB, transB=1, alpha=1 / math.sqrt(size)
    )
    mixed = b.op("MatMul", b.op("Softmax", scores, axis=-1), value)
    mixed = b.op("Reshape", mixed, b.constant([_BRANCHES, groups, shared, -1, size]))
    mixed = b.op("Transpose", mixed, perm=[0, 3, 1, 2, 4])
    return b.op("Reshape", mixed, b.constant([-1, stack.heads * size]))


def _heads(b: GraphBuilder, x: ir.Value, heads: int, size: int) -> ir.Value:
    """(6, heads · size) → (branches, heads, tokens, size)."""
    shaped = b.op("Reshape", x, b.constant([_BRANCHES, _TOKENS, heads, size]))
    return b.op("Transpose", shaped, perm=[0, 2, 1, 3])


def _rest_of_layer(
    b: GraphBuilder, w: Weights, sizes: Sizes, layer: str, rows: ir.Value, mixed: ir.Value
) -> ir.Value:
    """What follows attention: its projection and the feed-forward half, each added."""
    stack = sizes.acoustic
    attended = output_projection(b, w, mixed, layer, sizes.width, stack)
    name = f"{layer}.ffn_norm"
    normed, rows = add_norm(b, w, attended, rows, name, sizes.width, stack.epsilon)
    return b.op("Add", feed_forward(b, w, normed, layer, sizes.width), rows)


def _last_layer(
    b: GraphBuilder, w: Weights, sizes: Sizes, rows: ir.Value, first_qkv: ir.Value
) -> ir.Value:
    """Keys and values of all tokens, everything else of the two x tokens only: (2, width)."""
    stack = sizes.acoustic
    layer = f"{_PREFIX}.layers.{stack.layers - 1}"
    read = b.constant([branch * _TOKENS for branch in range(_BRANCHES)])
    kept = b.op("Gather", rows, read, axis=0)
    if stack.layers == 1:
        query, key, value = _split(b, first_qkv, stack)
        query = b.op("Gather", query, read, axis=0)
    else:
        name = f"{layer}.attention_norm"
        normed = norm(b, w, rows, name, sizes.width, stack.epsilon)
        query = _last_query(b, w, sizes, layer, b.op("Gather", normed, read, axis=0))
        key, value = _last_keys_and_values(b, w, sizes, layer, normed)
    return _rest_of_layer(b, w, sizes, layer, kept, _attend(b, query, key, value, stack))


def _last_query(
    b: GraphBuilder, w: Weights, sizes: Sizes, layer: str, x: ir.Value
) -> ir.Value:
    rows = sizes.acoustic.heads * sizes.acoustic.head_size
    matrix = w.matrix(f"{layer}.attention.wq", rows, sizes.width)
    return b.linear(x, f"{layer}.attention.wq", matrix)


def _last_keys_and_values(
    b: GraphBuilder, w: Weights, sizes: Sizes, layer: str, x: ir.Value
) -> list[ir.Value]:
    kv = sizes.acoustic.kv_heads * sizes.acoustic.head_size
    matrix = w.projection(f"{layer}.attention", sizes.width, wk=kv, wv=kv)
    both = b.linear(x, f"{layer}.attention.wkv", matrix)
    return list(b.ops("Split", both, b.constant([kv, kv]), outputs=2, axis=-1))
