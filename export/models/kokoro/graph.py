"""Kokoro's decoder, top to bottom: StyleTTS 2's with an iSTFTNet generator.

After kokoro 0.9 (`istftnet.py`, Apache-2.0), Li et al. 2023 (StyleTTS 2) and Kaneko et al. 2022
(iSTFTNet). Everything that can be folded into weights is: the halves of residual sums, the mean
of three blocks, the alphas of the snakes.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ...attention import FLOAT
from ...builder import GraphBuilder
from ...weights import Array, ArrayMatrix
from .layers import Layers
from .published import PublishedGraph

_STYLE = 128
_STRIDES = (10, 6)
_DILATIONS = (1, 3, 5)
_BLOCKS = 3  # side by side at each rate, of different kernels
_TRANSFORM, _HOP = 20, 5
_HALF = np.float32(1 / np.sqrt(2))


def build_decoder(b: GraphBuilder, p: PublishedGraph, voices: Array) -> None:
    """What the encoder says of each frame → samples.

    Args:
        b: The graph.
        p: Where the weights are.
        voices: (voices, 256) examples of `style`.
    """
    text_channels = p.convolution("asr_res/asr_res.0")[0].shape[1]
    source_bins = p.convolution("generator/noise_convs.0")[0].shape[1]
    text = b.input("aligned_text", FLOAT, [1, text_channels, "frames"])
    pitch = b.input("pitch", FLOAT, [1, "half_frames"])
    energy = b.input("energy", FLOAT, [1, "half_frames"])
    source = b.input("source", FLOAT, [1, source_bins, "steps"])
    style = b.input("style", FLOAT, [1, 2 * _STYLE])
    ends = (b.constant([0]), b.constant([_STYLE]), b.constant([1]))
    layers = Layers(b, b.op("Slice", style, *ends), voices[:, :_STYLE])
    x = _frames(layers, p, text, pitch, energy)
    x = _generator(layers, p, x, source)
    b.output(_samples(layers, p, x), "waveform", FLOAT, [1, "samples"])


def _frames(
    layers: Layers, p: PublishedGraph, text: ir.Value, pitch: ir.Value, energy: ir.Value
) -> ir.Value:
    """(1, half frames, channels): four blocks that each see the text and both curves again."""
    b = layers.b
    text = b.op("Transpose", text, perm=[0, 2, 1])
    curves = [_curve(b, p, pitch, "F0_conv"), _curve(b, p, energy, "N_conv")]
    x = _residual(layers, p, b.op("Concat", text, *curves, axis=2), "encode")
    again = layers.convolution(text, "decoder.asr_res", *p.convolution("asr_res/asr_res.0"))
    for index in range(4):
        x = b.op("Concat", x, again, *curves, axis=2)
        x = _residual(layers, p, x, f"decode.{index}", doubles=index == 3)
    return x


def _curve(b: GraphBuilder, p: PublishedGraph, values: ir.Value, module: str) -> ir.Value:
    """(1, half frames) → (1, frames, 1): every second step of a smoothed curve."""
    weight, bias = p.convolution(module)
    y = b.op(
        "Conv",
        b.op("Unsqueeze", values, b.constant([1])),
        b.vector(f"decoder.{module}.weight", weight),
        b.vector(f"decoder.{module}.bias", bias),
        pads=[1, 1],
        strides=[2],
    )
    return b.op("Transpose", y, perm=[0, 2, 1])


def _residual(
    layers: Layers, p: PublishedGraph, x: ir.Value, module: str, *, doubles: bool = False
) -> ir.Value:
    """(convolutions(x) + shortcut(x)) / √2; with `doubles`, two steps for each."""
    b, name = layers.b, f"decoder.{module}"
    weight, bias = p.convolution(f"{module}/conv1")
    y, balance = layers.rectified(x, f"{name}.conv1", p.style(f"{module}/norm1"), weight)
    if doubles:
        taps, offset = p.transposed(f"{module}/pool")
        y = _interpolated(b, f"{name}.pool", y, taps, offset / balance)
    y = layers.convolution(y, f"{name}.conv1", weight * balance[:, None], bias)
    weight, bias = p.convolution(f"{module}/conv2")
    y, balance = layers.rectified(y, f"{name}.conv2", p.style(f"{module}/norm2"), weight)
    y = layers.convolution(y, f"{name}.conv2", weight * (balance[:, None] * _HALF), bias * _HALF)
    weight, bias = p.convolution(f"{module}/conv1x1")
    shortcut = layers.convolution(x, f"{name}.conv1x1", weight * _HALF, bias * _HALF)
    return b.op("Add", y, layers.doubled(shortcut, len(bias)) if doubles else shortcut)


def _interpolated(b: GraphBuilder, name: str, x: ir.Value, weight: Array, bias: Array) -> ir.Value:
    """A transposed convolution of 3 taps, stride 2, for each channel alone.

    The even steps are the old ones times the middle tap; the odd ones lie between two old ones.
    """
    channels = len(bias)
    before, middle, behind = (b.vector(f"{name}.{k}", weight[:, 0, k]) for k in range(3))
    ends = b.constant([1]), b.constant([np.iinfo(np.int64).max]), b.constant([1])
    following = b.op("Pad", b.op("Slice", x, *ends), b.constant([0, 0, 0, 0, 1, 0]))
    odd = b.op("Add", b.op("Mul", x, behind), b.op("Mul", following, before))
    steps = b.op("Concat", b.op("Mul", x, middle), odd, axis=2)
    steps = b.op("Reshape", steps, b.constant([1, -1, channels]))
    return b.op("Add", steps, b.vector(f"{name}.bias", bias))


def _generator(layers: Layers, p: PublishedGraph, x: ir.Value, source: ir.Value) -> ir.Value:
    """Half frames → steps of 5 samples; the excitation joins at each rate."""
    b = layers.b
    for index, stride in enumerate(_STRIDES):
        x = b.op("LeakyRelu", x, alpha=0.1)
        weight, bias = p.transposed(f"generator/ups.{index}")
        # The sum of three blocks, of which the mean is meant, comes in here.
        weight = weight if index == 0 else weight / np.float32(_BLOCKS)
        x = layers.upsampled(x, f"generator.ups.{index}", weight, bias, stride)
        if index == len(_STRIDES) - 1:  # one step more, so that both sides are equally long
            x = b.op("Concat", layers.cut(x, 1, 2), x, axis=1)
        noise = _excitation(layers, p, source, index)
        x = b.op("Add", x, _snakes(layers, p, noise, f"generator/noise_res.{index}"))
        blocks = (_BLOCKS * index + k for k in range(_BLOCKS))
        x = b.op("Sum", *(_snakes(layers, p, x, f"generator/resblocks.{k}") for k in blocks))
    return b.op("LeakyRelu", x, alpha=0.01)


def _excitation(
    layers: Layers, p: PublishedGraph, source: ir.Value, index: int
) -> ir.Value:
    """(1, steps of this rate, channels) of the harmonic source's spectrum."""
    b = layers.b
    weight, bias = p.convolution(f"generator/noise_convs.{index}")
    stride = max(weight.shape[2] // 2, 1)
    y = b.op(
        "Conv",
        source,
        b.vector(f"generator.noise_convs.{index}.weight", weight),
        b.vector(f"generator.noise_convs.{index}.bias", bias),
        pads=[stride // 2, stride // 2],
        strides=[stride],
    )
    return b.op("Transpose", y, perm=[0, 2, 1])


def _snakes(layers: Layers, p: PublishedGraph, x: ir.Value, module: str) -> ir.Value:
    """Three times x + convolution(snake(dilated convolution(snake(x))))."""
    b, name = layers.b, module.replace("/", ".")
    for index, dilation in enumerate(_DILATIONS):
        y = x
        for half, spread in ((1, dilation), (2, 1)):
            y = layers.snake_convolution(
                y,
                f"{name}.convs{half}.{index}",
                p.style(f"{module}/adain{half}.{index}"),
                p.vector(f"{name}.alpha{half}.{index}"),
                p.convolution(f"{module}/convs{half}.{index}"),
                spread,
            )
        x = b.op("Add", x, y)
    return x


def _samples(layers: Layers, p: PublishedGraph, x: ir.Value) -> ir.Value:
    """Log magnitudes and phases of each step → samples, by overlapping inverse transforms.

    The published graph divides its first ten samples by a window that does not belong there (it
    was traced with a signal of one frame), which is left out.
    """
    b = layers.b
    weight, bias = p.convolution("generator/conv_post")
    x = layers.convolution(x, "generator.conv_post", weight / np.float32(_BLOCKS), bias)
    logarithm, phase = b.ops("Split", x, outputs=2, axis=2, num_outputs=2)
    magnitude, angle = b.op("Exp", logarithm), b.op("Sin", phase)
    parts = (b.op("Mul", magnitude, b.op(kind, angle)) for kind in ("Cos", "Sin"))
    basis = p.vector("generator.stft.istft.stft.inverse_basis").reshape(-1, _TRANSFORM)
    scaled = ArrayMatrix((basis * np.float32(_TRANSFORM / _HOP)).T)
    frames = b.linear(b.op("Concat", *parts, axis=2), "generator.inverse_basis", scaled)
    overlap = _TRANSFORM // _HOP
    parts_of = b.op("Reshape", frames, b.constant([1, -1, overlap, _HOP]))
    whole = b.op("Reshape", layers.overlapped(parts_of, overlap, _HOP), b.constant([1, -1]))
    return layers.cut(whole, _TRANSFORM // 2, -(_TRANSFORM // 2))
