"""Attention of encoder-decoder models, and the cache that their decoders share with the runtime."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from .builder import CONTRIB, GraphBuilder, Shape

FLOAT = ir.DataType.FLOAT
INT64 = ir.DataType.INT64
INT32 = ir.DataType.INT32


@dataclass(frozen=True, slots=True)
class DecoderInputs:
    """What a decoder graph is fed (see `edge_voice.seq2seq.Decoder`).

    Attributes:
        ids: (rows, n) tokens.
        positions: (rows, n) their positions.
        wanted: (k,) places among n whose logits are wanted.
        attended: (m,) places among n whose cross-attention is wanted.
        lengths: (rows,) tokens in the cache after this call, minus one.
        longest: () the longest row after this call.
    """

    ids: ir.Value
    positions: ir.Value
    wanted: ir.Value
    attended: ir.Value
    lengths: ir.Value
    longest: ir.Value

    @classmethod
    def declare(cls, b: GraphBuilder) -> DecoderInputs:
        """Declares them as inputs of the graph."""
        return cls(
            ids=b.input("input_ids", INT64, ["rows", "n"]),
            positions=b.input("position_ids", INT64, ["rows", "n"]),
            wanted=b.input("logits_positions", INT64, ["k"]),
            attended=b.input("attention_positions", INT64, ["m"]),
            lengths=b.input("seqlens_k", INT32, ["rows"]),
            longest=b.input("total_sequence_length", INT32, []),
        )


@dataclass(frozen=True, slots=True)
class LayerCache:
    """Keys and values that one decoder layer is given.

    Attributes:
        index: Number of the layer.
        past_key: (rows, heads, capacity, head size) of self-attention; the present is written
            into the same memory.
        past_value: Likewise.
        cross_key: (clips, heads, head size, positions) of cross-attention.
        cross_value: (clips, heads, positions, head size).
    """

    index: int
    past_key: ir.Value
    past_value: ir.Value
    cross_key: ir.Value
    cross_value: ir.Value

    @classmethod
    def declare(
        cls, b: GraphBuilder, index: int, heads: int, size: int, cache_size: int = 0
    ) -> LayerCache:
        """Declares them as inputs; heads of self-attention are `cache_size` wide if that is given.

        GroupQueryAttention wants heads of a multiple of 8 channels: `PaddedHeads` makes them so.
        """
        past: Shape = ["rows", heads, "capacity", cache_size or size]
        return cls(
            index,
            b.input(f"past_key_values.{index}.key", FLOAT, past),
            b.input(f"past_key_values.{index}.value", FLOAT, past),
            b.input(f"encoder.{index}.key", FLOAT, ["clips", heads, size, "positions"]),
            b.input(f"encoder.{index}.value", FLOAT, ["clips", heads, "positions", size]),
        )

    def self_attention(
        self,
        b: GraphBuilder,
        qkv: ir.Value,
        inputs: DecoderInputs,
        heads: int,
        size: int,
        scale: float = 0.0,
        rotary: tuple[ir.Value, ir.Value] | None = None,
    ) -> ir.Value:
        """Causal attention of (rows, n, 3 · heads · size) to itself and to the past.

        The present is an output of the graph. A scale of 0 stands for 1 / √size. `rotary` are
        tables (positions, pairs) of cosines and sines by which neighbouring channels are turned;
        heads must then be a multiple of 16 wide.
        """
        mixed, key, value = b.ops(
            "GroupQueryAttention",
            *(qkv, None, None, self.past_key, self.past_value, inputs.lengths, inputs.longest),
            *(rotary or ()),
            outputs=3,
            domain=CONTRIB,
            num_heads=heads,
            kv_num_heads=heads,
            scale=scale,
            do_rotary=int(rotary is not None),
            rotary_interleaved=int(rotary is not None),
        )
        shape: Shape = ["rows", heads, "capacity", size]
        b.output(key, f"present.{self.index}.key", FLOAT, shape)
        b.output(value, f"present.{self.index}.value", FLOAT, shape)
        return mixed


@dataclass(frozen=True, slots=True)
class CrossAttention:
    """Attention to keys and values that are computed once per clip.

    Written out instead of MultiHeadAttention: at one row, with the keys stored transposed, two
    plain products take 0.11 ms over 600 positions where the fused kernel takes 0.17 ms, most of
    it for transposing the keys again at each token.

    Rows of one clip (beams, samples) attend to the same keys and values. Nothing is causal here,
    so they are laid behind one another as if they were one longer query: no copy per row.

    Attributes:
        folded: Shape (clips, rows / clips · n, heads, head size).
        unfolded: Shape (rows, n, heads · head size).
        scale: 1 / √head size.
        bias: (clips, 1, 1, positions), added to the scores; None adds nothing.
        weights: (clips, heads, rows / clips · n, positions) of each layer attended to so far.
    """

    folded: ir.Value
    unfolded: ir.Value
    scale: ir.Value
    bias: ir.Value | None
    weights: list[ir.Value] = field(default_factory=list)

    @classmethod
    def emit(
        cls,
        b: GraphBuilder,
        ids: ir.Value,
        cross_key: ir.Value,
        heads: int,
        size: int,
        bias: ir.Value | None = None,
    ) -> CrossAttention:
        """Computes the shapes that all layers share."""
        clips = b.op("Shape", cross_key, start=0, end=1)
        return cls(
            b.op("Concat", clips, b.constant([-1, heads, size]), axis=0),
            b.op("Concat", b.op("Shape", ids), b.constant([heads * size]), axis=0),
            b.constant(size**-0.5, np.float32),
            bias,
        )

    def attend(self, b: GraphBuilder, query: ir.Value, layer: LayerCache) -> ir.Value:
        """(rows, n, heads · head size) queries against a layer's cross-attention."""
        query = b.op("Reshape", b.op("Mul", query, self.scale), self.folded)
        scores = b.op("MatMul", b.op("Transpose", query, perm=[0, 2, 1, 3]), layer.cross_key)
        if self.bias is not None:
            scores = b.op("Add", scores, self.bias)
        self.weights.append(b.op("Softmax", scores, axis=-1))
        mixed = b.op("MatMul", self.weights[-1], layer.cross_value)
        return b.merge_heads(mixed, self.unfolded)

    def outputs(self, b: GraphBuilder, inputs: DecoderInputs, heads: int) -> None:
        """Makes the wanted rows of each layer's weights outputs, of each clip's first row.

        To be called last, when all other outputs are declared. onnxruntime keeps outputs that
        nobody asked for until a run ends: of all rows of a prompt of 224 tokens, four clips wide,
        that would be 58 MB in tiny.en. And it computes the output that was declared last first:
        in this order the weights of a layer are free again before those of the next are computed.
        """
        chosen = [b.op("Gather", rows, inputs.attended, axis=2) for rows in self.weights[::-1]]
        for index, rows in enumerate(reversed(chosen)):
            shape: Shape = ["clips", heads, "m", "positions"]
            b.output(rows, f"cross_attentions.{index}", FLOAT, shape)


def cross_cache(
    b: GraphBuilder, index: int, key: ir.Value, value: ir.Value, heads: int, size: int
) -> None:
    """Makes a decoder layer's projected keys and values outputs of the encoder graph.

    Once per clip, not once per token; keys transposed: what multiplies a single row.
    """
    key = b.split_heads(key, heads, size, transposed=True)
    value = b.split_heads(value, heads, size)
    b.output(key, f"encoder.{index}.key", FLOAT, ["batch", heads, size, "positions"])
    b.output(value, f"encoder.{index}.value", FLOAT, ["batch", heads, "positions", size])
