"""Layers of Kokoro's decoder over (1, time, channels).

Time comes first, so that a convolution is a matrix product over neighbouring steps, which the
int8 kernels do two to three times as fast as onnxruntime's float32 `Conv` (its `ConvInteger` is
slower than either). Values become 8-bit codes before they are laid side by side.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ...builder import GraphBuilder
from ...weights import Array, ArrayMatrix

_EPSILON = 1e-5
# A channel's peak in deviations, and how much of its loudness is moved into the weights.
_PEAK = 4.0
_LOUDNESS_SHARE = 0.75


class Layers:
    """Emits layers; remembers what several of them share: statistics and windows of one value."""

    def __init__(self, b: GraphBuilder, style: ir.Value, voices: Array) -> None:
        """Takes the builder and the voice.

        Args:
            b: The graph.
            style: (1, n) the half of a voice's vector that the decoder sees.
            voices: (voices, n) examples of it.
        """
        self.b = b
        self._voices = voices
        self._style = style
        self._moments: dict[ir.Value, tuple[ir.Value, ir.Value]] = {}

    def snake_convolution(
        self,
        x: ir.Value,
        name: str,
        norm: tuple[Array, Array],
        alpha: Array,
        convolution: tuple[Array, Array],
        dilation: int,
    ) -> ir.Value:
        """Convolution(snake(norm(x))), where snake(y) = y + sin²(αy) / α (Ziyin et al. 2020).

        With z = αy that is (z + sin²(z)) / α, and the division goes into the weights.
        """
        b = self.b
        weight = convolution[0] / alpha[:, None]
        z = self._adaptive_norm(x, f"{name}.norm", norm, alpha)
        wave = b.op("Sin", z)
        y = b.op("Add", z, b.op("Mul", wave, wave))
        if b.scheme(name).bits < 32:
            balance = self._balance(norm, alpha, weight)
            y = b.op("Mul", y, b.vector(f"{name}.balance", 1 / balance))
            weight = weight * balance[:, None]
        return self.convolution(y, name, weight, convolution[1], dilation)

    def rectified(
        self, x: ir.Value, name: str, norm: tuple[Array, Array], weight: Array
    ) -> tuple[ir.Value, Array]:
        """Leaky(norm(x)) / balance for a convolution with these weights, and the balance.

        A positive factor passes through the leaky rectifier, so that balancing costs nothing.
        """
        balance = self._balance(norm, np.ones(weight.shape[1], np.float32), weight)
        y = self._adaptive_norm(x, f"{name}.norm", norm, 1 / balance)
        return self.b.op("LeakyRelu", y, alpha=0.2), balance

    def _adaptive_norm(
        self, x: ir.Value, name: str, style: tuple[Array, Array], factor: Array
    ) -> ir.Value:
        """((x - mean) / deviation · (1 + γ) + β) · factor, per channel over time.

        γ and β are linear in the voice (adaptive instance normalization, Huang & Belongie 2017).
        It is one product and one sum: everything else happens once per channel.
        """
        b = self.b
        weight, bias = _scaled_style(style, factor)
        tables = b.vector(f"{name}.weight", weight), b.vector(f"{name}.bias", bias)
        gain, shift = b.ops(
            "Split", b.op("Gemm", self._style, *tables, transB=1), outputs=2, axis=1, num_outputs=2
        )
        mean, deviation = self._statistics(x)
        scale = b.op("Div", gain, deviation)
        offset = b.op("Sub", shift, b.op("Mul", mean, scale))
        return b.op("Add", b.op("Mul", x, scale), offset)

    def convolution(
        self, x: ir.Value, name: str, weight: Array, bias: Array, dilation: int = 1
    ) -> ir.Value:
        """As many steps out as in, zeros beyond both ends.

        Args:
            x: (1, time, in).
            name: The layer.
            weight: (out, in, taps), an odd number of taps.
            bias: (out,).
            dilation: Steps between taps.
        """
        taps = weight.shape[2]
        if self.b.scheme(name).bits == 32:
            return self._float_convolution(x, name, weight, bias, dilation)
        matrix = ArrayMatrix(weight.transpose(0, 2, 1).reshape(len(weight), -1))
        if taps == 1:
            return self.b.linear(x, name, matrix, bias)
        codes, scale, zero = self.b.ops("DynamicQuantizeLinear", x, outputs=3)
        windows = self._windows(codes, zero, taps, dilation, weight.shape[1])
        return self.b.integer_linear(windows, scale, zero, name, matrix, bias)

    def upsampled(
        self, x: ir.Value, name: str, weight: Array, bias: Array, stride: int
    ) -> ir.Value:
        """A transposed convolution of 2 · stride taps that gives stride steps for each.

        Args:
            x: (1, time, in).
            name: The layer.
            weight: (in, out, 2 · stride).
            bias: (out,).
            stride: An even number; half of it is cut off at both ends.
        """
        b = self.b
        inputs, outputs, _ = weight.shape
        matrix = ArrayMatrix(weight.transpose(2, 1, 0).reshape(-1, inputs))
        both = b.op("Reshape", b.linear(x, name, matrix), b.constant([1, -1, 2, stride * outputs]))
        whole = self.overlapped(both, 2, stride * outputs)
        steps = b.op("Reshape", whole, b.constant([1, -1, outputs]))
        cut = self.cut(steps, stride // 2, -(stride // 2))
        return b.op("Add", cut, b.vector(f"{name}.bias", bias))

    def overlapped(self, parts: ir.Value, count: int, width: int) -> ir.Value:
        """Adds each step's parts to those of its neighbours: part p of step t lands at t + p.

        Args:
            parts: (1, time, count, width).
            count: Parts of a step.
            width: Values of a part.

        Returns:
            (1, time + count - 1, width).
        """
        b = self.b
        pieces = b.ops("Split", parts, outputs=count, axis=2, num_outputs=count)
        shifted = []
        for index, piece in enumerate(pieces):
            flat = b.op("Reshape", piece, b.constant([1, -1, width]))
            pads = b.constant([0, index, 0, 0, count - 1 - index, 0])
            shifted.append(b.op("Pad", flat, pads))
        return b.op("Sum", *shifted)

    def doubled(self, x: ir.Value, channels: int) -> ir.Value:
        """Every step twice."""
        twice = self.b.op("Concat", x, x, axis=2)
        return self.b.op("Reshape", twice, self.b.constant([1, -1, channels]))

    def cut(self, x: ir.Value, start: int, stop: int) -> ir.Value:
        """Steps start…stop."""
        b = self.b
        return b.op("Slice", x, b.constant([start]), b.constant([stop]), b.constant([1]))

    def _statistics(self, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        """(1, 1, channels) mean and standard deviation over time.

        Means are products with a row of equal numbers: twelve times as fast as `ReduceMean`,
        which goes down each column alone.
        """
        if x not in self._moments:
            b = self.b
            time = b.op("Shape", x, start=1, end=2)
            share = b.op("Reciprocal", b.op("Cast", time, to=ir.DataType.FLOAT))
            row = b.op("Expand", share, b.op("Concat", b.constant([1, 1]), time, axis=0))
            mean, square = b.op("MatMul", row, x), b.op("MatMul", row, b.op("Mul", x, x))
            variance = b.op("Sub", square, b.op("Mul", mean, mean))
            # Rounding may leave less than nothing of a channel that hardly moves.
            variance = b.op("Max", variance, b.constant(0, np.float32))
            spread = b.op("Add", variance, b.constant(_EPSILON, np.float32))
            self._moments[x] = mean, b.op("Sqrt", spread)
        return self._moments[x]

    def _balance(self, norm: tuple[Array, Array], factor: Array, weight: Array) -> Array:
        """What each channel is divided by, so that 8 bits serve all of them about equally.

        How loud a channel gets is known without any audio: behind a norm it has the mean β and
        the deviation 1 + γ, which are functions of the voices. Loud channels are turned down and
        their weights up, as in SmoothQuant (Xiao et al. 2023).
        """
        table, bias = _scaled_style(norm, factor)
        gain, shift = np.split(np.abs(self._voices @ table.T + bias), 2, axis=1)
        loudness = (_PEAK * gain + shift).mean(axis=0)
        largest = np.abs(weight).max(axis=(0, 2))
        return np.asarray(loudness**_LOUDNESS_SHARE / largest ** (1 - _LOUDNESS_SHARE), np.float32)

    def _windows(
        self, codes: ir.Value, zero: ir.Value, taps: int, dilation: int, channels: int
    ) -> ir.Value:
        """(1, time, taps · channels): the neighbours of every step side by side."""
        b = self.b
        time = b.op("Squeeze", b.op("Shape", codes, start=1, end=2))
        steps = b.op("Range", b.constant(0), time, b.constant(1))
        offsets = b.constant(dilation * np.arange(taps)[None])
        index = b.op("Add", b.op("Unsqueeze", steps, b.constant([1])), offsets)
        pad = dilation * (taps // 2)
        padded = b.op("Pad", codes, b.constant([0, pad, 0, 0, pad, 0]), zero)
        gathered = b.op("Gather", padded, index, axis=1)
        return b.op("Reshape", gathered, b.constant([1, -1, taps * channels]))

    def _float_convolution(
        self, x: ir.Value, name: str, weight: Array, bias: Array, dilation: int
    ) -> ir.Value:
        """Over an image of one line: onnxruntime's blocked kernels are for images only."""
        b = self.b
        taps = weight.shape[2]
        image = b.op("Unsqueeze", b.op("Transpose", x, perm=[0, 2, 1]), b.constant([2]))
        pad = dilation * (taps // 2)
        y = b.op(
            "Conv",
            image,
            b.vector(f"{name}.weight", weight[:, :, None]),
            b.vector(f"{name}.bias", bias),
            kernel_shape=[1, taps],
            dilations=[1, dilation],
            pads=[0, pad, 0, pad],
        )
        return b.op("Transpose", b.op("Squeeze", y, b.constant([2])), perm=[0, 2, 1])


def _scaled_style(style: tuple[Array, Array], factor: Array) -> tuple[Array, Array]:
    """Weights and biases that give (1 + γ) · factor and β · factor."""
    weight, bias = style
    both = np.tile(factor, 2)
    with_one = bias + np.repeat(np.array([1, 0], np.float32), len(factor))
    return weight * both[:, None], with_one * both
