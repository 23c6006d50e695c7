"""The decoder of Voxtral's codec: frames of codes → samples, chunk by chunk without seams.

Written after vllm_omni 0.30.0 (`voxtral_tts_audio_tokenizer.py`), whose results the golden tests
hold. It is causal, so what a later chunk needs of the earlier ones is little: the last inputs of
each convolution, and keys and values as far back as each attention looks. The reference decodes
with 25 frames of context instead, which costs twice the work and is exact only from 20 frames on.

Every convolution is written as a linear layer over neighbouring steps, which is what the fast
kernels want. A transposed one with stride s computes s steps from each (Dumoulin & Visin 2016):
y[s·t + r] = Σ_m x[t - m] · W[:, :, r + s·m].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ...attention import FLOAT, INT64
from ...builder import CONTRIB, GraphBuilder
from ...weights import Array, ArrayMatrix
from .names import Weights
from .sizes import CodecSizes, Sizes

_PREFIX = "audio_tokenizer"
_MASKED = -1e9


@dataclass(frozen=True, slots=True)
class _Stream:
    """Where in the stream a chunk lies.

    Attributes:
        frames: (1,) frames in this chunk.
        before: () frames decoded before it.
        first: () whether it is the first.
    """

    frames: ir.Value
    before: ir.Value
    first: ir.Value


def build_codec(b: GraphBuilder, w: Weights, sizes: Sizes) -> None:
    """Codes → samples, and the state that the next chunk wants."""
    c = sizes.codec
    codes = b.input("audio_codes", INT64, ["frames", 1 + c.acoustic_codebooks])
    before = b.input("frames_before", INT64, [])
    frames = b.op("Shape", codes, start=0, end=1)
    stream = _Stream(frames, before, b.op("Equal", before, b.constant(0)))
    x, channels = _latents(b, w, c, codes)
    width = c.heads * c.head_size
    steps = 1  # per frame, at this block
    for i, stride in enumerate(c.strides):
        x = _convolution(b, w, c, i, x, channels, stream)
        channels, steps = width, steps * stride
        x = _transformer(b, w, c, i, x, stream, steps)
    patches = _output(b, w, c, x, stream)
    waveform = b.op("Reshape", patches, b.constant([-1]))
    b.output(waveform, "waveform", FLOAT, ["samples"])


def _latents(
    b: GraphBuilder, w: Weights, c: CodecSizes, codes: ir.Value
) -> tuple[ir.Value, int]:
    """(frames, codebooks) codes → (frames, channels); and the number of channels.

    A semantic code is a row of its codebook, an acoustic one a level of -1 … 1 (finite scalar
    quantization, Mentzer et al. 2023).
    """
    parts = b.constant([1, c.acoustic_codebooks])
    semantic, acoustic = b.ops("Split", codes, parts, outputs=2, axis=1)
    codebook = w.semantic_codebook(c.semantic_codes)
    table = b.vector("codec.semantic_codebook", codebook)
    rows = b.op("Gather", table, b.op("Squeeze", semantic, b.constant([1])), axis=0)
    levels = b.op("Cast", acoustic, to=FLOAT)
    spacing = b.constant(2 / (c.acoustic_levels - 1), np.float32)
    values = b.op("Sub", b.op("Mul", levels, spacing), b.constant(1, np.float32))
    return b.op("Concat", rows, values, axis=1), codebook.shape[1] + c.acoustic_codebooks


def _convolution(
    b: GraphBuilder,
    w: Weights,
    c: CodecSizes,
    i: int,
    x: ir.Value,
    channels: int,
    stream: _Stream,
) -> ir.Value:
    """Block i's convolution: (n, channels) → (n · stride, width)."""
    kernel, stride, width = c.kernels[i], c.strides[i], c.heads * c.head_size
    taps, layer = kernel // stride, f"{_PREFIX}.decoder_blocks.{2 * i}"
    past = b.input(f"past_steps.{i}", FLOAT, [taps - 1, channels])
    if stride == 1:
        matrix = _plain_taps(w.convolution(layer, width, channels, kernel))
        # Nothing came before the first chunk: its first step is repeated.
        repeated = b.op("Gather", x, b.constant([0] * (taps - 1)), axis=0)
        past = b.op("Where", stream.first, repeated, past)
    else:
        matrix = _transposed_taps(w.convolution(layer, channels, width, kernel), stride)
    y = _over_taps(b, x, past, taps, f"codec.{i}.conv", matrix, f"present_steps.{i}", channels)
    return b.op("Reshape", y, b.constant([-1, width])) if stride > 1 else y


def _plain_taps(kernel: Array) -> ArrayMatrix:
    """(out, in, taps) → (out, taps · in)."""
    return ArrayMatrix(kernel.transpose(0, 2, 1).reshape(len(kernel), -1))


def _transposed_taps(kernel: Array, stride: int) -> ArrayMatrix:
    """(in, out, m · stride + r) → (r · out, taps · in); the oldest step comes first."""
    inputs, outputs, size = kernel.shape
    split = kernel.reshape(inputs, outputs, size // stride, stride)[:, :, ::-1]
    return ArrayMatrix(split.transpose(3, 1, 2, 0).reshape(stride * outputs, -1))


def _over_taps(
    b: GraphBuilder,
    x: ir.Value,
    past: ir.Value,
    taps: int,
    name: str,
    matrix: ArrayMatrix,
    present: str,
    channels: int,
) -> ir.Value:
    """A linear layer over each step and the `taps - 1` before it; keeps the last ones."""
    whole = b.op("Concat", past, x, axis=0)
    kept = _rows(b, whole, 1 - taps, None)
    b.output(kept, present, FLOAT, [taps - 1, channels])
    shifted = [_rows(b, whole, q, q + 1 - taps or None) for q in range(taps)]
    return b.linear(b.op("Concat", *shifted, axis=1), name, matrix)


def _rows(b: GraphBuilder, x: ir.Value, start: int, stop: int | None) -> ir.Value:
    end = np.iinfo(np.int64).max if stop is None else stop
    return b.op("Slice", x, b.constant([start]), b.constant([end]), b.constant([0]))


def _transformer(
    b: GraphBuilder,
    w: Weights,
    c: CodecSizes,
    i: int,
    x: ir.Value,
    stream: _Stream,
    steps: int,
) -> ir.Value:
    """Block i's transformer layers over (n, width)."""
    window, count, width = c.windows[i], c.layers[i], c.heads * c.head_size
    shape = [count, window, width]
    past = [b.input(f"past_{kind}.{i}", FLOAT, shape) for kind in ("keys", "values")]
    bias = _attention_bias(b, c, window, stream, steps)
    kept: tuple[list[ir.Value], list[ir.Value]] = ([], [])
    for j in range(count):
        name = f"decoder_blocks.{2 * i + 1}.layers.{j}"
        older = [b.op("Gather", value, b.constant(j), axis=0) for value in past]
        x, *newer = _layer(b, w, c, name, x, older, bias)
        for values, new in zip(kept, newer, strict=True):
            values.append(b.op("Unsqueeze", _rows(b, new, -window, None), b.constant([0])))
    for kind, values in zip(("keys", "values"), kept, strict=True):
        b.output(b.op("Concat", *values, axis=0), f"present_{kind}.{i}", FLOAT, shape)
    return x


def _attention_bias(
    b: GraphBuilder, c: CodecSizes, window: int, stream: _Stream, steps: int
) -> ir.Value:
    """(1, heads, n, window + n): linear in the distance, very low where nothing may be seen.

    Slopes 2^(-8h / heads) from h = 0 on: the series of the reference, which starts at 1, not at
    the 1/2 of Press et al. 2021. A step sees itself and `window` steps before it.
    """
    count = b.op("Mul", stream.frames, b.constant([steps]))
    count = b.op("Squeeze", count, b.constant([0]))
    zero, one = b.constant(0), b.constant(1)
    query = b.op("Unsqueeze", b.op("Range", zero, count, one), b.constant([1]))
    length = b.op("Add", count, b.constant(window))
    key = b.op("Unsqueeze", b.op("Range", zero, length, one), b.constant([0]))
    distance = b.op("Sub", b.op("Sub", key, query), b.constant(window))
    missing = b.op("Sub", b.constant(window), b.op("Mul", stream.before, b.constant(steps)))
    seen = b.op("And", b.op("LessOrEqual", distance, zero), _at_least(b, distance, -window))
    seen = b.op("And", seen, b.op("GreaterOrEqual", key, missing))
    slopes = 2.0 ** (-8 * np.arange(c.heads) / c.heads)
    slope = b.constant(slopes[None, :, None, None], np.float32)
    falling = b.op("Mul", b.op("Cast", distance, to=FLOAT), slope)
    return b.op("Where", seen, falling, b.constant(_MASKED, np.float32))


def _at_least(b: GraphBuilder, x: ir.Value, least: int) -> ir.Value:
    return b.op("GreaterOrEqual", x, b.constant(least))


def _layer(
    b: GraphBuilder,
    w: Weights,
    c: CodecSizes,
    name: str,
    x: ir.Value,
    past: list[ir.Value],
    bias: ir.Value,
) -> tuple[ir.Value, ir.Value, ir.Value]:
    """One layer: (n, width), and the (window + n, width) keys and values it attended to."""
    width = c.heads * c.head_size
    normed = _norm(b, w, x, f"{name}.attention_norm", width, c.epsilon)
    query, key, value = (_linear(b, w, normed, f"{name}.attention.{p}") for p in _QKV)
    # The norm runs over all heads together, before they are told apart.
    query = _norm(b, w, query, f"{name}.attention.q_norm", width, c.qk_epsilon)
    key = _norm(b, w, key, f"{name}.attention.k_norm", width, c.qk_epsilon)
    key, value = (
        b.op("Concat", old, new, axis=0) for old, new in zip(past, (key, value), strict=True)
    )
    batched = [b.op("Unsqueeze", part, b.constant([0])) for part in (query, key, value)]
    mixed = b.op(
        "MultiHeadAttention", *(*batched, None, None, bias), domain=CONTRIB, num_heads=c.heads
    )
    mixed = b.op("Squeeze", mixed, b.constant([0]))
    x = b.op("Add", x, _scaled(b, w, mixed, f"{name}.attention.wo", f"{name}.attention_scale"))
    normed = _norm(b, w, x, f"{name}.ffn_norm", width, c.epsilon)
    gate, up = (_linear(b, w, normed, f"{name}.feed_forward.{part}") for part in ("w1", "w3"))
    fed = b.op("Mul", b.silu(gate), up)
    scaled = _scaled(b, w, fed, f"{name}.feed_forward.w2", f"{name}.ffn_scale")
    return b.op("Add", x, scaled), key, value


_QKV = ("wq", "wk", "wv")


def _norm(
    b: GraphBuilder, w: Weights, x: ir.Value, name: str, width: int, epsilon: float
) -> ir.Value:
    return b.rms_norm(
        x, f"codec.{name}", w.tensor(f"{_PREFIX}.{name}.weight", width), epsilon
    )


def _linear(b: GraphBuilder, w: Weights, x: ir.Value, name: str) -> ir.Value:
    shape = w.checkpoint.shape(f"{_PREFIX}.{name}.weight")
    return b.linear(x, f"codec.{name}", w.matrix(f"{_PREFIX}.{name}", *shape))


def _scaled(b: GraphBuilder, w: Weights, x: ir.Value, name: str, scale: str) -> ir.Value:
    """A linear layer whose learned output scale is folded into its rows."""
    matrix = w.tensor(f"{_PREFIX}.{name}.weight")
    factors = w.tensor(f"{_PREFIX}.{scale}", len(matrix))
    return b.linear(x, f"codec.{name}", ArrayMatrix(matrix * factors[:, None]))


def _output(
    b: GraphBuilder, w: Weights, c: CodecSizes, x: ir.Value, stream: _Stream
) -> ir.Value:
    """The last convolution: (n, width) → (n, patch), one row of samples for each step."""
    width, kernel = c.heads * c.head_size, c.output_kernel
    past = b.input("past_output_steps", FLOAT, [kernel - 1, width])
    # Nothing came before the first chunk: it is mirrored about its first step.
    mirrored = b.op("Gather", x, b.constant(range(kernel - 1, 0, -1)), axis=0)
    past = b.op("Where", stream.first, mirrored, past)
    matrix = _plain_taps(w.convolution(f"{_PREFIX}.output_proj", c.patch, width, kernel))
    return _over_taps(
        b, x, past, kernel, "codec.output_proj", matrix, "present_output_steps", width
    )
