"""Self-attention with relative positions (Dai et al. 2019, arXiv:1901.02860, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .builder import CONTRIB, GraphBuilder
from .weights import Array

_TABLE_SCALE = np.float32(1)


@dataclass(frozen=True, slots=True)
class RelativeAttention:
    """What the layers of one encoder share: sizes and shapes that depend on the clip's length.

    The position term of query i and key j needs the product of query i with the table's entry for
    distance i - j. All products with the table are computed, (frames, 2 · frames), and the wanted
    ones lie on a diagonal band. Read as one long row they lie 2 · frames - 1 apart: a slice and a
    reshape put them under each other. The table's last column, of zeros, makes the numbers even
    out for clips of any length.

    Attributes:
        heads: Attention heads.
        size: Channels of a head.
        begin: First column of the table that the clip needs, (1,).
        end: The column behind the last one, (1,).
        frames: Length of the clip, (1,).
        long_begin: Where the wanted products begin in the long row, (1,).
        long_end: Where they end, (1,).
        rows: Shape (1, heads, frames, 2 · frames - 1).
    """

    heads: int
    size: int
    begin: ir.Value
    end: ir.Value
    frames: ir.Value
    long_begin: ir.Value
    long_end: ir.Value
    rows: ir.Value

    @classmethod
    def emit(
        cls, b: GraphBuilder, x: ir.Value, heads: int, size: int, longest: int
    ) -> RelativeAttention:
        """Computes the shapes from (1, frames, width), for tables of `longest` frames."""
        one, middle = b.constant([1]), b.constant([longest])
        frames = b.op("Shape", x, start=1, end=2)
        before = b.op("Sub", frames, one)
        width = b.op("Add", frames, before)
        return cls(
            heads,
            size,
            begin=b.op("Sub", middle, frames),
            end=b.op("Add", middle, frames),
            frames=frames,
            long_begin=before,
            long_end=b.op("Add", before, b.op("Mul", frames, width)),
            rows=b.op("Concat", b.constant([1, heads]), frames, width, axis=0),
        )

    def attend(
        self,
        b: GraphBuilder,
        qkv: tuple[ir.Value, ir.Value, ir.Value],
        biases: tuple[Array, Array],
        name: str,
        table: Array,
    ) -> ir.Value:
        """Attention of a clip to itself.

        Args:
            b: Builder.
            qkv: Queries, keys and values, (1, frames, heads · size) each.
            biases: Content and position bias of the queries (u and v), (heads, size) each.
            name: Name of the layer's table for recipe and report.
            table: (heads · size, 2 · longest), see `positions.projected`.
        """
        query, key, value = qkv
        content, position = (bias.reshape(-1) for bias in biases)
        band = self._position_scores(b, query, position, name, table)
        query = b.op("Add", query, b.vector(f"{name}.content_bias", content))
        return b.op(
            "MultiHeadAttention",
            *(query, key, value, None, None, band),
            domain=CONTRIB,
            num_heads=self.heads,
        )

    def _position_scores(
        self, b: GraphBuilder, query: ir.Value, bias: Array, name: str, table: Array
    ) -> ir.Value:
        """(1, heads, frames, frames): what distance adds to the scaled scores."""
        stored, scales = b.coded_table(name, table)
        factors = np.full(len(table), self.size**-0.5, np.float32)
        if scales is not None:
            factors = factors * scales  # of the table's rows, which are the queries' channels
        query = b.op("Add", query, b.vector(f"{name}.bias", bias))
        query = b.op("Mul", query, b.vector(f"{name}.factors", factors))
        query = b.split_heads(query, self.heads, self.size)
        needed = b.op("Slice", stored, self.begin, self.end, b.constant([1]))
        needed = b.op("Reshape", needed, b.constant([self.heads, self.size, -1]))
        if scales is None:
            return self._band(b, b.op("MatMul", query, needed))
        ones = b.constant(_TABLE_SCALE, np.float32), b.constant(0, np.int8)
        return self._band(b, b.op("DynamicQuantizeMatMul", query, needed, *ones, domain=CONTRIB))

    def _band(self, b: GraphBuilder, products: ir.Value) -> ir.Value:
        row = b.op("Reshape", products, b.constant([1, self.heads, -1]))
        row = b.op("Slice", row, self.long_begin, self.long_end, b.constant([2]))
        square = b.op("Reshape", row, self.rows)
        return b.op("Slice", square, b.constant([0]), self.frames, b.constant([3]))
