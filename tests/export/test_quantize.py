"""What rounding does to numbers, and how codes lie in memory."""

from __future__ import annotations

import numpy as np
import pytest

from edge_voice.errors import OptionError
from edge_voice_export.quantize import (
    FLOAT32,
    INT4_BLOCK32,
    INT4_BLOCK128,
    INT4_BLOCK256,
    INT8,
    INT8_BLOCK32,
    INT8_BLOCK128,
    Recipe,
    Scheme,
    dequantize_blocks,
    encoder_decoder_presets,
    pack_codes,
    pick_recipe,
    quantize_blocks,
    quantize_channels,
)

from .matrices import normal

BLOCK_SCHEMES = [INT4_BLOCK32, INT4_BLOCK128, INT4_BLOCK256, INT8_BLOCK32, INT8_BLOCK128]
WIDTHS = [1, 31, 32, 33, 384]
MAGNITUDES = [1e-6, 1.0, 1e6]

blocks = pytest.mark.parametrize("scheme", BLOCK_SCHEMES, ids=lambda scheme: scheme.name)


@pytest.mark.parametrize("magnitude", MAGNITUDES)
@pytest.mark.parametrize("width", WIDTHS)
def test_channels_are_off_by_half_a_step_at_most(width, magnitude):
    rows = normal(7, width, scale=magnitude)
    codes, scales = quantize_channels(rows)
    assert codes.dtype == np.int8
    assert scales.dtype == np.float32
    assert codes.shape == rows.shape
    assert scales.shape == (7,)
    assert np.abs(codes.astype(int)).max(axis=1).tolist() == [127] * 7  # the range is used
    error = np.abs(codes * scales[:, None] - rows)
    assert (error <= 0.5001 * scales[:, None]).all()


def test_channels_keep_representable_values():
    codes = np.random.default_rng(1).integers(-127, 128, (5, 40))
    codes[:, 3] = 127
    rows = (codes * 0.25).astype(np.float32)
    found, scales = quantize_channels(rows)
    np.testing.assert_array_equal(found, codes)
    np.testing.assert_array_equal(found * scales[:, None], rows)


def test_a_channel_does_not_see_its_neighbours():
    rows = np.concatenate([normal(3, 50), 1000 * normal(3, 50, seed=1), np.zeros((1, 50))])
    rows = rows.astype(np.float32)
    codes, scales = quantize_channels(rows)
    for i in range(len(rows)):
        alone, scale = quantize_channels(rows[i : i + 1])
        np.testing.assert_array_equal(codes[i], alone[0])
        assert scales[i] == scale[0]
    assert not codes[-1].any()
    assert np.isfinite(scales).all()
    assert (scales > 0).all()


@blocks
@pytest.mark.parametrize("magnitude", MAGNITUDES)
@pytest.mark.parametrize("width", WIDTHS)
def test_blocks_are_off_by_a_step_at_most(scheme, width, magnitude):
    rows = normal(9, width, scale=magnitude)
    codes, scales = quantize_blocks(rows, scheme)
    count = -(-width // scheme.block_size)
    assert codes.dtype == np.int8
    assert scales.dtype == np.float32
    assert codes.shape == (9, count, scheme.block_size)
    assert scales.shape == (9, count)
    assert codes.min() >= -(1 << (scheme.bits - 1))
    assert codes.max() < 1 << (scheme.bits - 1)
    restored = dequantize_blocks(codes, scales, width)
    assert restored.shape == rows.shape
    steps = np.repeat(np.abs(scales), scheme.block_size, axis=1)[:, :width]
    # Half a step inside the range, one at the side that has a code less, and at 4 bits a little
    # more where the search found that clipping the extreme serves the rest.
    allowed = steps * (1.001 if scheme.bits == 8 else 2.6)
    assert (np.abs(restored - rows) <= allowed).all()


@blocks
def test_blocks_keep_representable_values(scheme):
    lowest = -(1 << (scheme.bits - 1))
    width = 3 * scheme.block_size
    codes = np.random.default_rng(2).integers(lowest, -lowest, (4, width))
    codes[:, :: scheme.block_size] = lowest
    for sign in (0.125, -0.125):
        rows = (codes * sign).astype(np.float32)
        restored = dequantize_blocks(*quantize_blocks(rows, scheme), width)
        np.testing.assert_allclose(restored, rows, rtol=1e-6, atol=0)


@blocks
def test_blocks_of_zeros_stay_zeros(scheme):
    rows = normal(4, 2 * scheme.block_size)
    rows[1] = 0
    rows[2, scheme.block_size :] = 0
    codes, scales = quantize_blocks(rows, scheme)
    assert np.isfinite(scales).all()
    restored = dequantize_blocks(codes, scales, rows.shape[1])
    assert not restored[1].any()
    assert not restored[2, scheme.block_size :].any()
    assert restored[2, : scheme.block_size].any()


@blocks
def test_blocks_do_not_see_their_neighbours(scheme):
    rows = normal(5, 2 * scheme.block_size)
    rows[:, : scheme.block_size] *= 1000
    codes, scales = quantize_blocks(rows, scheme)
    for i in range(len(rows)):
        for j in range(2):
            part = rows[i : i + 1, j * scheme.block_size : (j + 1) * scheme.block_size]
            alone, scale = quantize_blocks(part, scheme)
            np.testing.assert_array_equal(codes[i, j], alone[0, 0])
            assert scales[i, j] == scale[0, 0]


@pytest.mark.parametrize("scheme", [INT4_BLOCK32, INT4_BLOCK128], ids=lambda scheme: scheme.name)
def test_the_search_for_scales_never_loses_to_the_plain_one(scheme):
    random = np.random.default_rng(3)
    rows = random.standard_t(3, (64, scheme.block_size)).astype(np.float32)  # with outliers
    extreme = np.take_along_axis(rows, np.abs(rows).argmax(1)[:, None], 1)
    plain = np.clip(np.rint(rows / (extreme / -8)), -8, 7) * (extreme / -8)
    found = dequantize_blocks(*quantize_blocks(rows, scheme), scheme.block_size)
    plain_error = np.square(plain - rows).sum(axis=1)
    found_error = np.square(found - rows).sum(axis=1)
    assert (found_error <= plain_error * 1.0001).all()
    assert found_error.sum() < 0.97 * plain_error.sum()


@pytest.mark.parametrize(
    ("scheme", "largest"),
    [(INT4_BLOCK32, 0.09), (INT4_BLOCK128, 0.11), (INT4_BLOCK256, 0.11), (INT8_BLOCK32, 0.006),
     (INT8_BLOCK128, 0.0075)],
    ids=lambda value: getattr(value, "name", value),
)
def test_relative_error_of_normal_weights(scheme, largest):
    rows = normal(64, 384)
    restored = dequantize_blocks(*quantize_blocks(rows, scheme), 384)
    error = np.linalg.norm(restored - rows) / np.linalg.norm(rows)
    assert largest / 1.5 < error < largest


def test_nibbles_lie_low_first():
    codes = np.array([[[-8, 7, 0, 1]]], np.int8)
    assert pack_codes(codes, 4).tolist() == [[[0x0 | 0xF << 4, 0x8 | 0x9 << 4]]]


def test_bytes_are_offset_by_the_middle_code():
    codes = np.array([[[-128, -1, 0, 127]]], np.int8)
    assert pack_codes(codes, 8).tolist() == [[[0, 127, 128, 255]]]


@blocks
def test_packed_codes_come_apart_again(scheme):
    lowest = -(1 << (scheme.bits - 1))
    codes = np.random.default_rng(4).integers(lowest, -lowest, (6, 2, scheme.block_size))
    packed = pack_codes(codes.astype(np.int8), scheme.bits)
    assert packed.dtype == np.uint8
    assert packed.shape == (6, 2, scheme.block_size * scheme.bits // 8)
    if scheme.bits == 4:
        packed = np.stack([packed & 15, packed >> 4], axis=-1).reshape(codes.shape)
    np.testing.assert_array_equal(packed.astype(int) + lowest, codes)


@pytest.mark.parametrize(
    ("scheme", "name"),
    [(FLOAT32, "float32"), (INT8, "int8"), (INT8_BLOCK128, "int8 block 128"),
     (INT4_BLOCK32, "int4 block 32"), (Scheme(4, 64), "int4 block 64")],
)  # fmt: skip
def test_schemes_have_names_for_people(scheme, name):
    assert scheme.name == name


@pytest.mark.parametrize(
    ("layer", "scheme"),
    [
        ("encoder.layers.0.fc1", INT8),
        ("encoder.layers.11.fc1", INT8),
        ("decoder.head", INT8_BLOCK32),
        ("decoder.layers.0.fc1", INT4_BLOCK32),
        ("Decoder.head", FLOAT32),
        ("my.decoder.head", FLOAT32),
    ],
)
def test_the_first_rule_that_matches_wins(layer, scheme):
    rules = (("encoder.*", INT8), ("decoder.head", INT8_BLOCK32), ("decoder.*", INT4_BLOCK32))
    assert Recipe("some", rules).scheme(layer) == scheme


def test_an_unknown_preset_names_the_known():
    presets = {name: Recipe(name, ()) for name in ("fp32", "int8")}
    assert pick_recipe(presets, "int8") is presets["int8"]
    with pytest.raises(OptionError, match=r"unknown precision 'int2' \(known: fp32, int8\)"):
        pick_recipe(presets, "int2")


@pytest.mark.parametrize(
    ("preset", "embedding", "projection"),
    [
        ("fp32", FLOAT32, FLOAT32),
        ("int8", INT8_BLOCK128, INT8_BLOCK128),
        ("int4", INT4_BLOCK32, INT4_BLOCK32),
        ("balanced", INT8_BLOCK32, INT4_BLOCK32),
    ],
)
def test_presets_of_an_encoder_and_its_decoder(preset, embedding, projection):
    presets = encoder_decoder_presets(INT8_BLOCK128)
    assert list(presets) == ["fp32", "int8", "int4", "balanced"]
    recipe = presets[preset]
    assert recipe.name == preset
    many_rows = FLOAT32 if preset == "fp32" else INT8
    for layer in ("encoder.layers.0.fc1", "decoder.layers.1.encoder_attn.k_proj"):
        assert recipe.scheme(layer) == many_rows
    assert recipe.scheme("decoder.embed_tokens") == recipe.scheme("decoder.head") == embedding
    for layer in ("decoder.layers.0.fc1", "decoder.layers.1.encoder_attn.q_proj"):
        assert recipe.scheme(layer) == projection
