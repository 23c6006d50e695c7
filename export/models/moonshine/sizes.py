"""Sizes of a Moonshine checkpoint: from its tensors, and only else from its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_voice.errors import UnsupportedModel

from ...weights import Array
from .names import Weights

_CACHE_STEP = 16  # GroupQueryAttention turns only heads of a multiple of this
# Defaults of transformers 5.23's MoonshineConfig.
_HEADS = 8
_TEXT_POSITIONS = 512
_THETA = 10_000.0
_TURNED_PART = 0.9
IGNORED = ("proj_out.weight", "*rotary_emb.inv_freq")
"""Tensors that a file may hold besides: a copy of the embedding, and what follows from sizes."""


@dataclass(frozen=True, slots=True, eq=False)
class Dimensions:
    """Sizes of one checkpoint.

    Attributes:
        width: Channels of the residual stream, of encoder and decoder alike.
        encoder_hidden: Channels inside a feed-forward layer of the encoder.
        decoder_hidden: Likewise of the decoder, of which the first product makes twice as many.
        encoder_heads: Attention heads of an encoder layer.
        encoder_head_size: Channels of such a head.
        decoder_heads: Attention heads of a decoder layer.
        decoder_head_size: Channels of such a head.
        encoder_layers: Blocks of the encoder.
        decoder_layers: Blocks of the decoder.
        text_positions: Most tokens, the start token included.
        vocabulary: Token ids.
        frequencies: (pairs,) float32 angle per position by which each pair of channels is turned.
    """

    width: int
    encoder_hidden: int
    decoder_hidden: int
    encoder_heads: int
    encoder_head_size: int
    decoder_heads: int
    decoder_head_size: int
    encoder_layers: int
    decoder_layers: int
    text_positions: int
    vocabulary: int
    frequencies: Array

    @property
    def cache_size(self) -> int:
        """Channels of a decoder head in the cache of self-attention."""
        return -(-self.decoder_head_size // _CACHE_STEP) * _CACHE_STEP


def read_dimensions(weights: Weights) -> Dimensions:
    """Reads all sizes.

    Raises:
        UnsupportedModel: Tensors are missing, or the configuration asks for something else than
            Moonshine's architecture.
    """
    config = weights.checkpoint.config
    check_architecture(config)
    vocabulary, width = weights.shape("decoder.embed_tokens.weight")
    heads, sizes = [], []
    for side in ("encoder", "decoder"):
        inner = weights.shape(f"{side}.layers.0.self_attn.q_proj.weight")[0]
        heads.append(_head_count(config, side, inner))
        sizes.append(inner // heads[-1])
    return Dimensions(
        width=width,
        encoder_hidden=weights.shape("encoder.layers.0.mlp.fc1.weight")[0],
        decoder_hidden=weights.shape("decoder.layers.0.mlp.fc2.weight")[1],
        encoder_heads=heads[0],
        encoder_head_size=sizes[0],
        decoder_heads=heads[1],
        decoder_head_size=sizes[1],
        encoder_layers=_count_layers(weights, "encoder"),
        decoder_layers=_count_layers(weights, "decoder"),
        text_positions=text_positions_of(config),
        vocabulary=vocabulary,
        frequencies=_frequencies(config, sizes[0]),
    )


def expected_shapes(d: Dimensions) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of a checkpoint of these sizes, by the names used here."""
    shapes: dict[str, tuple[int, ...]] = {
        "encoder.conv1.weight": (d.width, 1, 127),
        "encoder.conv2.weight": (2 * d.width, d.width, 7),
        "encoder.conv2.bias": (2 * d.width,),
        "encoder.conv3.weight": (d.width, 2 * d.width, 3),
        "encoder.conv3.bias": (d.width,),
        "encoder.groupnorm.weight": (d.width,),
        "encoder.groupnorm.bias": (d.width,),
        "encoder.layer_norm.weight": (d.width,),
        "decoder.embed_tokens.weight": (d.vocabulary, d.width),
        "decoder.norm.weight": (d.width,),
    }
    for i in range(d.encoder_layers):
        layer, inner = f"encoder.layers.{i}", d.encoder_heads * d.encoder_head_size
        _add_attention(shapes, f"{layer}.self_attn", d.width, inner)
        _add_mlp(shapes, f"{layer}.mlp", d.width, d.encoder_hidden, d.encoder_hidden)
        for norm in ("input", "post_attention"):
            shapes[f"{layer}.{norm}_layernorm.weight"] = (d.width,)
    for i in range(d.decoder_layers):
        layer, inner = f"decoder.layers.{i}", d.decoder_heads * d.decoder_head_size
        for block in ("self_attn", "encoder_attn"):
            _add_attention(shapes, f"{layer}.{block}", d.width, inner)
        _add_mlp(shapes, f"{layer}.mlp", d.width, 2 * d.decoder_hidden, d.decoder_hidden)
        for norm in ("input", "post_attention", "final"):
            shapes[f"{layer}.{norm}_layernorm.weight"] = (d.width,)
    return shapes


def optional_shapes(d: Dimensions) -> dict[str, tuple[int, ...]]:
    """Tensors that a checkpoint may have besides: biases of attention (`attention_bias`)."""
    return {
        f"{name.removesuffix('weight')}bias": (shape[0],)
        for name, shape in expected_shapes(d).items()
        if name.endswith(("q_proj.weight", "k_proj.weight", "v_proj.weight"))
    }


def text_positions_of(config: dict[str, Any]) -> int:
    """Most tokens, the start token included.

    Raises:
        UnsupportedModel: The configuration's number is none.
    """
    value = config.get("max_position_embeddings", _TEXT_POSITIONS)
    if type(value) is not int or value < 2:
        raise UnsupportedModel(
            f"config.json: max_position_embeddings is {value!r} (allowed: 2 or more)"
        )
    return value


def check_architecture(config: dict[str, Any]) -> None:
    """Refuses what the graphs do not compute, where a configuration speaks of it.

    Raises:
        UnsupportedModel: Names the key, what it is and what is known.
    """
    for key, known in (
        ("encoder_hidden_act", "gelu"),
        ("decoder_hidden_act", "silu"),
        ("hidden_act", "silu"),
    ):
        if config.get(key, known) != known:
            raise UnsupportedModel(f"config.json: {key} is {config[key]!r} (known: {known!r})")
    for side in ("encoder", "decoder"):
        heads = config.get(f"{side}_num_attention_heads", _HEADS)
        shared = config.get(f"{side}_num_key_value_heads")
        if shared not in (None, heads):
            raise UnsupportedModel(
                f"config.json: {side}_num_key_value_heads is {shared!r} (allowed: as many as"
                f" attention heads, {heads!r})"
            )
    kind = _rope(config).get("rope_type", "default")
    if kind != "default":
        raise UnsupportedModel(f"config.json: rope_type is {kind!r} (known: 'default')")


def _add_attention(
    shapes: dict[str, tuple[int, ...]], name: str, width: int, inner: int
) -> None:
    for part in "qkv":
        shapes[f"{name}.{part}_proj.weight"] = (inner, width)
    shapes[f"{name}.o_proj.weight"] = (width, inner)


def _add_mlp(
    shapes: dict[str, tuple[int, ...]], name: str, width: int, first: int, second: int
) -> None:
    shapes[f"{name}.fc1.weight"], shapes[f"{name}.fc1.bias"] = (first, width), (first,)
    shapes[f"{name}.fc2.weight"], shapes[f"{name}.fc2.bias"] = (width, second), (width,)


def _head_count(config: dict[str, Any], side: str, inner: int) -> int:
    """The one size that no tensor shows."""
    old_name = config.get("num_attention_heads", _HEADS)
    heads = config.get(f"{side}_num_attention_heads", old_name)
    if type(heads) is not int or heads < 1 or inner % heads:
        raise UnsupportedModel(
            f"config.json: {heads!r} {side} heads (allowed: a divisor of the width, {inner})"
        )
    return heads


def _frequencies(config: dict[str, Any], head_size: int) -> Array:
    """As transformers computes them, for the part of a head that is turned."""
    rope = _rope(config)
    theta = _number(rope, "rope_theta", _number(config, "rope_theta", _THETA))
    part = _number(config, "partial_rotary_factor", _TURNED_PART)
    turned = int(head_size * _number(rope, "partial_rotary_factor", part))
    exponents = np.arange(0, turned, 2, dtype=np.float32) / np.float32(turned)
    return (1.0 / np.float32(theta) ** exponents).astype(np.float32)


def _rope(config: dict[str, Any]) -> dict[str, Any]:
    for key in ("rope_parameters", "rope_scaling"):
        if isinstance(found := config.get(key), dict):
            return found
    return {}


def _number(found: dict[str, Any], key: str, default: float) -> float:
    value = found.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise UnsupportedModel(f"config.json: {key} is {value!r} (allowed: a number above 0)")
    return float(value)


def _count_layers(weights: Weights, side: str) -> int:
    count = 0
    while weights.has(f"{side}.layers.{count}.mlp.fc1.weight"):
        count += 1
    return count
