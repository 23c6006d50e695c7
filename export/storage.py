"""Weights on their way into a bundle: quantized in parts, written at once, never kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .quantize import (
    Scheme,
    dequantize_blocks,
    pack_codes,
    quantize_blocks,
    quantize_channels,
)
from .report import ErrorMeter, Layer, Report
from .weights import Array, DataFile, Matrix, row_chunks

# Smaller tensors stay inside the .onnx file: a page in the data file would cost more.
_INLINE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Blocks:
    """A block-quantized matrix: where its codes lie, and its scales.

    The same bytes serve `MatMulNBits`, which wants (rows, blocks, bytes), and
    `GatherBlockQuantized`, which wants (rows, blocks · bytes): an embedding that is also the
    output head is stored once.
    """

    rows: int
    blocks: int
    block_bytes: int
    offset: int
    scales: ir.TensorProtocol


class WeightStore:
    """Turns matrices into tensors of one data file and reports what that did to them."""

    def __init__(self, data: DataFile, report: Report) -> None:
        self._data = data
        self._report = report
        self._blocks: dict[tuple[Matrix, Scheme], Blocks] = {}
        self._tables: dict[Matrix, ir.TensorProtocol] = {}

    def vector(self, name: str, values: Array) -> ir.TensorProtocol:
        """A tensor stored as float32 as it is: a bias, a norm, a convolution."""
        values = np.ascontiguousarray(values, dtype=np.float32)
        self._report.layers.append(Layer(name, "float32", values.size, values.nbytes, 0.0))
        return self._whole(name, values)

    def kept(self, name: str, values: Array) -> ir.TensorProtocol:
        """A tensor of any type, as it is; small ones are not worth a line in the report."""
        if values.nbytes <= _INLINE_BYTES:
            return ir.tensor(values.copy(), name=name)  # not a view of a file
        kind = str(values.dtype)
        self._report.layers.append(Layer(name, kind, values.size, values.nbytes, 0.0))
        return self._whole(name, values)

    def transposed(self, name: str, matrix: Matrix) -> ir.TensorProtocol:
        """(inputs, rows) float32, as `MatMul` wants it."""
        rows, width = matrix.shape
        table = np.empty((width, rows), np.float32)
        for start, chunk in row_chunks(matrix):
            table[:, start : start + len(chunk)] = chunk.T
        return self.vector(name, table)

    def table(self, name: str, matrix: Matrix) -> ir.TensorProtocol:
        """(rows, inputs) float32 streamed row by row; written once for all its users."""
        if matrix not in self._tables:
            rows, width = matrix.shape
            self._report.layers.append(Layer(name, "float32", rows * width, 4 * rows * width, 0.0))
            offset = self._data.write(chunk for _, chunk in row_chunks(matrix))
            tensor = self._external(name, offset, ir.DataType.FLOAT, (rows, width))
            self._tables[matrix] = tensor
        return self._tables[matrix]

    def channels(
        self, name: str, matrix: Matrix
    ) -> tuple[ir.TensorProtocol, ir.TensorProtocol, ir.TensorProtocol]:
        """(inputs, rows) int8, scales and zero points, as `DynamicQuantizeMatMul` wants them."""
        rows, width = matrix.shape
        codes, scales = np.empty((width, rows), np.int8), np.empty(rows, np.float32)
        meter = ErrorMeter()
        for start, chunk in row_chunks(matrix):
            part, part_scales = quantize_channels(chunk)
            codes[:, start : start + len(chunk)] = part.T
            scales[start : start + len(chunk)] = part_scales
            meter.add(chunk, part * part_scales[:, None])
        size = codes.nbytes + scales.nbytes + rows
        self._report.layers.append(Layer(name, "int8", rows * width, size, meter.relative))
        # Zero points may not be left out: without them the kernel takes the weights as unsigned.
        return (
            self._whole(f"{name}.weight", codes),
            self._whole(f"{name}.scale", scales),
            self._whole(f"{name}.zero_point", np.zeros(rows, np.int8)),
        )

    def row_codes(self, name: str, values: Array) -> tuple[ir.TensorProtocol, Array]:
        """(rows, columns) int8 and the (rows,) scales that give the values back."""
        codes, scales = quantize_channels(values)
        meter = ErrorMeter()
        meter.add(values, codes * scales[:, None])
        size = codes.nbytes + scales.nbytes
        self._report.layers.append(Layer(name, "int8", codes.size, size, meter.relative))
        return self._whole(name, codes), scales

    def blocks(self, name: str, matrix: Matrix, scheme: Scheme) -> Blocks:
        """Block-quantizes a matrix; a second user of the same matrix shares its bytes."""
        key = (matrix, scheme)
        if key not in self._blocks:
            self._blocks[key] = self._write_blocks(name, matrix, scheme)
        return self._blocks[key]

    def codes(self, name: str, blocks: Blocks, *, flat: bool) -> ir.TensorProtocol:
        """The codes of a block-quantized matrix in one of the two shapes."""
        shape: tuple[int, ...] = (blocks.rows, blocks.blocks, blocks.block_bytes)
        if flat:
            shape = (blocks.rows, blocks.blocks * blocks.block_bytes)
        return self._external(name, blocks.offset, ir.DataType.UINT8, shape)

    def _write_blocks(self, name: str, matrix: Matrix, scheme: Scheme) -> Blocks:
        rows, width = matrix.shape
        blocks = -(-width // scheme.block_size)
        block_bytes = scheme.block_size * scheme.bits // 8
        scales, meter = np.empty((rows, blocks), np.float32), ErrorMeter()

        def packed() -> Iterator[Array]:
            for start, chunk in row_chunks(matrix):
                codes, part = quantize_blocks(chunk, scheme)
                scales[start : start + len(chunk)] = part
                meter.add(chunk, dequantize_blocks(codes, part, width))
                yield pack_codes(codes, scheme.bits)

        offset = self._data.write(packed())
        size = rows * blocks * block_bytes + scales.nbytes
        self._report.layers.append(Layer(name, scheme.name, rows * width, size, meter.relative))
        return Blocks(rows, blocks, block_bytes, offset, self._whole(f"{name}.scale", scales))

    def _whole(self, name: str, array: Array) -> ir.TensorProtocol:
        if array.nbytes <= _INLINE_BYTES:
            return ir.tensor(array, name=name)
        dtype = ir.DataType.from_numpy(array.dtype)
        return self._external(name, self._data.write(iter([array])), dtype, array.shape)

    def _external(
        self, name: str, offset: int, dtype: ir.DataType, shape: Sequence[int]
    ) -> ir.TensorProtocol:
        length = int(np.prod(shape)) * dtype.itemsize
        path = self._data.path
        return ir.ExternalTensor(
            path.name,
            offset,
            int(length),
            dtype,
            shape=ir.Shape(shape),
            name=name,
            base_dir=path.parent,
        )
