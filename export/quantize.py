"""Schemes: how the numbers of one weight matrix are stored, and which kernel multiplies by it.

Everything here works on rows (output channels) of a matrix, so that a large matrix can be
quantized a few thousand rows at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_voice.errors import OptionError

Array = np.ndarray[Any, np.dtype[Any]]

# Scales tried around the one that just covers the largest value of a block. Clipping a rare
# outlier or stretching past it often lowers the squared error of the other 31 values.
_SCALE_STEPS = np.linspace(0.80, 1.10, 13, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Scheme:
    """How one matrix is stored.

    Attributes:
        bits: 32 (float), 8 or 4.
        block_size: Values that share a scale along the input axis; 0 means one scale for a whole
            output channel, with activations quantized to 8 bits as they arrive.
    """

    bits: int
    block_size: int = 0

    @property
    def name(self) -> str:
        """Name for reports, such as `int8` or `int4 block 32`."""
        if self.bits == 32:
            return "float32"
        return f"int{self.bits} block {self.block_size}" if self.block_size else "int8"


FLOAT32 = Scheme(32)
INT8 = Scheme(8)
INT8_BLOCK32 = Scheme(8, 32)
INT8_BLOCK128 = Scheme(8, 128)
INT4_BLOCK32 = Scheme(4, 32)
INT4_BLOCK128 = Scheme(4, 128)
INT4_BLOCK256 = Scheme(4, 256)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which layer gets which scheme.

    Attributes:
        name: Name of the preset.
        rules: (pattern, scheme) pairs; `fnmatch` patterns over layer names, the first match wins.
    """

    name: str
    rules: tuple[tuple[str, Scheme], ...]

    def scheme(self, layer: str) -> Scheme:
        """The scheme of a layer; float32 where no rule says otherwise."""
        from fnmatch import fnmatchcase

        return next((s for pattern, s in self.rules if fnmatchcase(layer, pattern)), FLOAT32)


def encoder_decoder_presets(decoder: Scheme) -> dict[str, Recipe]:
    """Recipes by name of a model of speech whose decoder attends to an encoder.

    The encoder and the cross-attention keys and values that it feeds see hundreds of rows a call:
    signed int8 with dynamic activations is the fast kernel there. At one row, in the decoder, it is
    weights in blocks.

    Args:
        decoder: Of the decoder's other layers in the preset `int8`.
    """
    encoder = (("encoder.*", INT8), ("decoder.layers.*.encoder_attn.[kv]_proj", INT8))
    ends = (("decoder.embed_tokens", INT8_BLOCK32), ("decoder.head", INT8_BLOCK32))
    recipes = (
        Recipe("fp32", ()),
        Recipe("int8", (*encoder, ("decoder.*", decoder))),
        Recipe("int4", (*encoder, ("decoder.*", INT4_BLOCK32))),
        Recipe("balanced", (*encoder, *ends, ("decoder.*", INT4_BLOCK32))),
    )
    return {recipe.name: recipe for recipe in recipes}


def pick_recipe(presets: dict[str, Recipe], name: str) -> Recipe:
    """The preset called `name`.

    Raises:
        OptionError: No such preset.
    """
    if name not in presets:
        raise OptionError(f"unknown precision {name!r} (known: {', '.join(presets)})")
    return presets[name]


def quantize_channels(rows: Array) -> tuple[Array, Array]:
    """One signed 8-bit scale per row, symmetric, zero point 0.

    Args:
        rows: (n, k) float32.

    Returns:
        (n, k) int8 in -127..127 and (n,) float32 scales; `q * scale` gives the values back.
    """
    scales = np.maximum(np.abs(rows).max(axis=1), np.float32(1e-12)) / np.float32(127)
    return np.rint(rows / scales[:, None]).astype(np.int8), scales.astype(np.float32)


def quantize_blocks(rows: Array, scheme: Scheme) -> tuple[Array, Array]:
    """Blocks of `block_size` values with one scale each, symmetric about the middle code.

    The scale is the best of several by squared error, then refitted by least squares (the idea of
    llama.cpp's `make_qx_quants`).

    Args:
        rows: (n, k) float32; k is padded with zeros to a whole number of blocks.
        scheme: 4 or 8 bits.

    Returns:
        (n, blocks, block_size) int8 codes in -8..7 or -128..127 and (n, blocks) float32 scales.
    """
    n, k = rows.shape
    blocks = -(-k // scheme.block_size)
    padded = np.pad(rows, ((0, 0), (0, blocks * scheme.block_size - k)))
    values = padded.reshape(n, blocks, scheme.block_size)
    lowest = -(1 << (scheme.bits - 1))
    # The value of largest magnitude lands on the lowest code: that side has one code more.
    extreme = np.take_along_axis(values, np.abs(values).argmax(-1)[..., None], -1)[..., 0]
    covering = extreme / np.float32(lowest)
    covering = np.where(np.abs(covering) < 1e-12, np.float32(1e-12), covering)
    if scheme.bits == 8:  # 256 codes leave nothing worth searching for
        return _encode(values, covering, lowest), covering.astype(np.float32)
    best_codes, best_scale = _encode(values, covering, lowest), covering
    best_error = _squared_error(values, best_codes, best_scale)
    for step in _SCALE_STEPS:
        codes = _encode(values, covering * step, lowest)
        scale = _refit(values, codes, covering * step)
        error = _squared_error(values, codes, scale)
        better = error < best_error
        best_codes = np.where(better[..., None], codes, best_codes)
        best_scale = np.where(better, scale, best_scale)
        best_error = np.where(better, error, best_error)
    return best_codes, best_scale.astype(np.float32)


def dequantize_blocks(codes: Array, scales: Array, k: int) -> Array:
    """The inverse of `quantize_blocks`: (n, k) float32."""
    values = codes.astype(np.float32) * scales[..., None]
    return values.reshape(values.shape[0], -1)[:, :k]


def pack_codes(codes: Array, bits: int) -> Array:
    """Codes as `MatMulNBits` and `GatherBlockQuantized` store them: unsigned, low nibble first.

    Args:
        codes: (n, blocks, block_size) int8, symmetric about 0.
        bits: 4 or 8.

    Returns:
        (n, blocks, block_size * bits / 8) uint8 with the middle code as implied zero point.
    """
    unsigned = (codes.astype(np.int16) + (1 << (bits - 1))).astype(np.uint8)
    if bits == 8:
        return unsigned
    return unsigned[..., 0::2] | (unsigned[..., 1::2] << 4)


def _encode(values: Array, scale: Array, lowest: int) -> Array:
    return np.clip(np.rint(values / scale[..., None]), lowest, -lowest - 1).astype(np.int8)


def _squared_error(values: Array, codes: Array, scale: Array) -> Array:
    difference = values - codes * scale[..., None]
    return np.asarray(np.einsum("nbk,nbk->nb", difference, difference))


def _refit(values: Array, codes: Array, scale: Array) -> Array:
    """The least-squares scale for given codes; the old one where all codes are 0."""
    wide = codes.astype(np.float32)
    norm = np.einsum("nbk,nbk->nb", wide, wide)
    return np.where(norm > 0, np.einsum("nbk,nbk->nb", values, wide) / np.maximum(norm, 1), scale)
