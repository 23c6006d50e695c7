"""Kokoro's published files in miniature: the same modules by the same names, a few channels wide.

The decoder is written the plain way, channels before time, as torch exports it; what the exporter
makes of its weights must give the same samples.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
from onnx_ir.tape import Tape

from tests import hibari_files

VOICES = ("af_heart", "af_bella", "bf_emma", "ef_dora", "jf_alpha")
LENGTHS = 60  # rows of a voice
FRAMES_PER_PHONEME = 5
_TEXT, _WIDE, _NARROW = 6, 10, 8  # channels of the text, of blocks, and behind them
_RATES = (8, 6)  # channels of the generator's two rates
_BINS, _STYLE = 22, 128
_PREFIX = "/decoder/decoder/"


def write_published(folder: Path) -> Path:
    """What `edge-voice pull kokoro-82m` fetches, small."""
    hibari_files.write_english(folder, "us", "gb")
    ids = {phoneme: n for n, phoneme in enumerate(dict.fromkeys(hibari_files.PHONEMES + "Qɒː"), 1)}
    (folder / "vocab.json").write_text(json.dumps(ids))
    random = np.random.default_rng(1)
    for name in VOICES:
        random.normal(0, 0.3, (LENGTHS, 256)).astype(np.float32).tofile(folder / f"{name}.bin")
    ir.save(graph(), folder / "model.onnx")
    return folder


class _Net:
    """Emits modules with random weights under the published names."""

    def __init__(self) -> None:
        self.b = Tape()
        self._random = np.random.default_rng(0)
        self._count = 0

    def op(self, kind: str, *inputs: Any, name: str = "", **attributes: Any) -> ir.Value:
        values = [self.const(v) if isinstance(v, np.ndarray) else v for v in inputs]
        return self.b.op(kind, values, attributes, name=name or None)

    def const(self, array: Any, name: str = "") -> ir.Value:
        self._count += 1
        return self.b.initializer(ir.tensor(array, name=name or f"onnx::{self._count}"))

    def weights(self, *shape: int, scale: float = 1.0) -> Any:
        spread = scale / np.sqrt(np.prod(shape[1:]) or 1)
        return self._random.normal(0, spread, shape).astype(np.float32)

    def conv(self, x: ir.Value, module: str, shape: tuple[int, ...], **attributes: Any) -> ir.Value:
        biases = () if "conv1x1" in module else (self.weights(shape[0], scale=0.3),)
        name = f"{_PREFIX}{module}/Conv"
        pads = [attributes.pop("pad", shape[2] // 2)] * 2
        weight = self.weights(*shape, scale=attributes.pop("scale", 1.0))
        return self.op("Conv", x, weight, *biases, name=name, pads=pads, **attributes)

    def norm(self, x: ir.Value, style: ir.Value, module: str, channels: int) -> ir.Value:
        weight, bias = self.weights(2 * channels, _STYLE), self.weights(2 * channels, scale=0.3)
        name = f"{_PREFIX}{module}/fc/Gemm"
        table = self.op("Gemm", style, weight, bias, name=name, transB=1)
        table = self.op("Unsqueeze", table, _i(2))
        gain, shift = (
            self.op("Slice", table, _i(k * channels), _i((k + 1) * channels), _i(1)) for k in (0, 1)
        )
        centred = self.op("Sub", x, self.op("ReduceMean", x, _i(2)))
        variance = self.op("ReduceMean", self.op("Mul", centred, centred), _i(2))
        deviation = self.op("Sqrt", self.op("Add", variance, np.array(1e-5, np.float32)))
        y = self.op("Mul", self.op("Div", centred, deviation), self.op("Add", gain, _f(1)))
        return self.op("Add", y, shift)

    def residual(
        self, x: ir.Value, style: ir.Value, module: str, sizes: tuple[int, int], doubles: bool
    ) -> ir.Value:
        inputs, outputs = sizes
        y = self.op("LeakyRelu", self.norm(x, style, f"{module}/norm1", inputs), alpha=0.2)
        short = x
        if doubles:
            weight, bias = self.weights(inputs, 1, 3), self.weights(inputs, scale=0.3)
            name = f"{_PREFIX}{module}/pool/ConvTranspose"
            attributes = {"strides": [2], "pads": [1, 1], "output_padding": [1], "group": inputs}
            y = self.op("ConvTranspose", y, weight, bias, name=name, **attributes)
            scales = np.array([1, 1, 2], np.float32)
            attributes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            short = self.op("Resize", x, None, scales, mode="nearest", **attributes)
        y = self.conv(y, f"{module}/conv1", (outputs, inputs, 3))
        y = self.op("LeakyRelu", self.norm(y, style, f"{module}/norm2", outputs), alpha=0.2)
        y = self.conv(y, f"{module}/conv2", (outputs, outputs, 3))
        short = self.conv(short, f"{module}/conv1x1", (outputs, inputs, 1))
        return self.op("Div", self.op("Add", y, short), np.array(np.sqrt(2), np.float32))

    def snakes(
        self, x: ir.Value, style: ir.Value, module: str, channels: int, taps: int
    ) -> ir.Value:
        for i, dilation in enumerate((1, 3, 5)):
            y = x
            for half, spread in ((1, dilation), (2, 1)):
                y = self.norm(y, style, f"{module}/adain{half}.{i}", channels)
                values = self._random.uniform(0.3, 2, (1, channels, 1)).astype(np.float32)
                name = f"{module.replace('/', '.')}.alpha{half}.{i}"
                alpha = self.const(values, f"decoder.decoder.{name}")
                wave = self.op("Sin", self.op("Mul", alpha, y))
                y = self.op("Add", y, self.op("Div", self.op("Mul", wave, wave), alpha))
                shape, pad = (channels, channels, taps), spread * (taps // 2)
                y = self.conv(y, f"{module}/convs{half}.{i}", shape, pad=pad, dilations=[spread])
            x = self.op("Add", x, y)
        return x


def graph() -> ir.Model:
    """Phonemes → samples."""
    net = _Net()
    inputs = [
        ir.val("input_ids", ir.DataType.INT64, [1, "n"]),
        ir.val("style", ir.DataType.FLOAT, [1, 256]),
        ir.val("speed", ir.DataType.FLOAT, [1]),
    ]
    text, pitch, energy, source = _encoder(net, inputs)
    style = net.op("Slice", inputs[1], _i(0), _i(_STYLE), _i(1))
    x = _generator(net, _frames(net, style, text, pitch, energy), style, source)
    waveform = _samples(net, x)
    waveform.name, waveform.shape = "waveform", ir.Shape([1, "samples"])
    waveform.type = ir.TensorType(ir.DataType.FLOAT)
    parts = ir.Graph(
        inputs, [waveform], nodes=net.b.nodes, initializers=net.b.initializers,
        opset_imports={"": 20}, name="small",
    )  # fmt: skip
    return ir.Model(parts, ir_version=9)


def _encoder(net: _Net, inputs: list[ir.Value]) -> list[ir.Value]:
    """Five frames a phoneme at normal speed; a quiet frame at the end of each."""
    ids, _, speed = inputs
    count = net.op("Cast", net.op("Shape", ids, start=1, end=2), to=ir.DataType.FLOAT)
    wanted = net.op("Div", net.op("Mul", count, _f(FRAMES_PER_PHONEME)), speed)
    frames = net.op("Cast", net.op("Round", wanted), to=ir.DataType.INT64)

    def counted(factor: int, more: int = 0) -> ir.Value:
        stop = net.op("Add", net.op("Mul", frames, _i(factor)), _i(more))
        stop = net.op("Squeeze", stop)
        whole = net.op("Range", np.array(0), stop, np.array(1))
        return net.op("Cast", whole, to=ir.DataType.FLOAT)

    share = net.op("Div", count, net.op("Cast", frames, to=ir.DataType.FLOAT))
    place = net.op("Cast", net.op("Mul", counted(1), share), to=ir.DataType.INT64)
    spread = net.op("Gather", net.op("Squeeze", ids, _i(0)), place)
    rows = net.op("Gather", net.weights(200, _TEXT), spread)
    text = net.op("Unsqueeze", net.op("Transpose", rows), _i(0))
    wave = net.op("Sin", net.op("Mul", counted(2), _f(0.6)))
    pitch = net.op("Unsqueeze", net.op("Add", net.op("Mul", wave, _f(20)), _f(150)), _i(0))
    energy = net.op("Unsqueeze", net.op("Cos", net.op("Mul", counted(2), _f(0.6))), _i(0))
    angles = net.op("Mul", net.weights(_BINS, 1), net.op("Unsqueeze", counted(120, 1), _i(0)))
    source = net.op("Unsqueeze", net.op("Sin", angles), _i(0))
    names = ("encoder/MatMul_1", "encoder/Reshape", "encoder/Reshape_1")
    values = [text, pitch, energy, source]
    for value, name in zip(values, (*names, f"{_PREFIX[1:]}generator/Concat_3"), strict=True):
        value.name = f"/{name}_output_0"
    return values


def _frames(net: _Net, style: ir.Value, *values: ir.Value) -> ir.Value:
    text, *curves = values
    halves = [
        net.conv(net.op("Unsqueeze", curve, _i(1)), module, (1, 1, 3), strides=[2])
        for curve, module in zip(curves, ("F0_conv", "N_conv"), strict=True)
    ]
    x = net.op("Concat", text, *halves, axis=1)
    x = net.residual(x, style, "encode", (_TEXT + 2, _WIDE), doubles=False)
    again = net.conv(text, "asr_res/asr_res.0", (3, _TEXT, 1))
    for i in range(4):
        x = net.op("Concat", x, again, *halves, axis=1)
        outputs = _NARROW if i == 3 else _WIDE
        x = net.residual(x, style, f"decode.{i}", (_WIDE + 5, outputs), doubles=i == 3)
    return x


def _generator(net: _Net, x: ir.Value, style: ir.Value, source: ir.Value) -> ir.Value:
    inputs = _NARROW
    for i, (channels, stride) in enumerate(zip(_RATES, (10, 6), strict=True)):
        x = net.op("LeakyRelu", x, alpha=0.1)
        weight = net.weights(inputs, channels, 2 * stride) * np.float32(stride)
        name = f"{_PREFIX}generator/ups.{i}/ConvTranspose"
        pads, bias = [stride // 2] * 2, net.weights(channels, scale=0.3)
        x = net.op("ConvTranspose", x, weight, bias, name=name, strides=[stride], pads=pads)
        taps, step, module = (1, 1, "1") if i else (12, 6, "0")
        shape, module = (channels, _BINS, taps), f"generator/noise_convs.{module}"
        noise = net.conv(source, module, shape, pad=step // 2, strides=[step])
        if i:
            x = net.op("Pad", x, np.array([0, 0, 1, 0, 0, 0]), mode="reflect")
        x = net.op("Add", x, net.snakes(noise, style, f"generator/noise_res.{i}", channels, 7))
        blocks = [
            net.snakes(x, style, f"generator/resblocks.{3 * i + k}", channels, taps)
            for k, taps in enumerate((3, 5, 7))
        ]
        x, inputs = net.op("Div", net.op("Sum", *blocks), _f(3)), channels
    return net.op("LeakyRelu", x, alpha=0.01)


def _samples(net: _Net, x: ir.Value) -> ir.Value:
    x = net.conv(x, "generator/conv_post", (_BINS, _RATES[1], 7), scale=0.008)
    half = _BINS // 2
    logs, phases = (net.op("Slice", x, _i(k * half), _i((k + 1) * half), _i(1)) for k in (0, 1))
    magnitude, angle = net.op("Exp", logs), net.op("Sin", phases)
    parts = [net.op("Mul", magnitude, net.op(kind, angle)) for kind in ("Cos", "Sin")]
    basis = net.const(
        net.weights(_BINS, 1, 20) * np.float32(0.05),
        "decoder.decoder.generator.stft.istft.stft.inverse_basis",
    )
    y = net.op("ConvTranspose", net.op("Concat", *parts, axis=1), basis, strides=[5])
    y = net.op("Mul", net.op("Squeeze", y, _i(1)), _f(4))
    return net.op("Slice", y, _i(10), _i(-10), _i(1))


def _i(value: int) -> Any:
    return np.array([value], np.int64)


def _f(value: float) -> Any:
    return np.array([value], np.float32)
