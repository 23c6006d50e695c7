"""Sizes of a Cohere Transcribe checkpoint: from its tensors, and only else from its configuration.

A published `config.json` nests its keys as NeMo did, one that transformers wrote does not, and
fine-tunes carry either. Tensors cannot be wrong about themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge_voice.errors import UnsupportedModel

from .names import Weights

_SUBSAMPLING = 8
_STAGES = 3
_FRAMES_PER_SECOND = 100
_CACHE_STEP = 8  # GroupQueryAttention refuses heads of other sizes than multiples of this
# Defaults of transformers 5.23's CohereAsrConfig and feature extractor.
_DECODER_HEADS = 8
_CLIP_SECONDS = 35.0


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Sizes of one checkpoint.

    Attributes:
        mels: Mel bands of the input.
        subsampling_channels: Channels of the strided convolutions.
        subsampling_layers: Layers of their sequence, activations counted.
        encoder_width: Channels of the encoder's residual stream.
        encoder_hidden: Channels inside a feed-forward module.
        encoder_heads: Attention heads.
        encoder_head_size: Channels of a head.
        encoder_layers: Conformer blocks.
        kernel: Frames that a depthwise convolution sees.
        longest_clip: Most encoder positions of a clip.
        scaled_input: Whether the input of the first block is multiplied by √width.
        decoder_width: Channels of the decoder's residual stream.
        decoder_hidden: Channels inside its feed-forward layers.
        decoder_heads: Attention heads.
        decoder_layers: Blocks.
        text_positions: Most tokens, prompt included.
        vocabulary: Token ids.
    """

    mels: int
    subsampling_channels: int
    subsampling_layers: int
    encoder_width: int
    encoder_hidden: int
    encoder_heads: int
    encoder_head_size: int
    encoder_layers: int
    kernel: int
    longest_clip: int
    scaled_input: bool
    decoder_width: int
    decoder_hidden: int
    decoder_heads: int
    decoder_layers: int
    text_positions: int
    vocabulary: int

    @property
    def decoder_head_size(self) -> int:
        """Channels of a decoder head."""
        return self.decoder_width // self.decoder_heads

    @property
    def cache_size(self) -> int:
        """Channels of a decoder head in the cache of self-attention."""
        return -(-self.decoder_head_size // _CACHE_STEP) * _CACHE_STEP


def read_dimensions(weights: Weights, clip_seconds: float) -> Dimensions:
    """Reads all sizes.

    Args:
        weights: The checkpoint's tensors.
        clip_seconds: Longest clip that is encoded at once.

    Raises:
        UnsupportedModel: Tensors are missing, or the configuration asks for something else than
            Cohere Transcribe's architecture.
    """
    config = weights.checkpoint.config
    _check_architecture(config)
    block, layer = "encoder.layers.0", "decoder.layers.0"
    heads, head_size = weights.shape(f"{block}.self_attn.bias_u")
    width, subsampled = weights.shape("encoder.subsampling.linear.weight")
    channels = weights.shape("encoder.subsampling.layers.0.weight")[0]
    frames = round(clip_seconds * _FRAMES_PER_SECOND)
    return Dimensions(
        mels=subsampled // channels * _SUBSAMPLING,
        subsampling_channels=channels,
        subsampling_layers=3 * _STAGES - 2,
        encoder_width=width,
        encoder_hidden=weights.shape(f"{block}.feed_forward1.linear1.weight")[0],
        encoder_heads=heads,
        encoder_head_size=head_size,
        encoder_layers=_count_layers(weights, "encoder.layers.{}.norm_out.weight"),
        kernel=weights.shape(f"{block}.conv.depthwise_conv.weight")[2],
        longest_clip=-(-frames // _SUBSAMPLING),
        scaled_input=bool(_native(config, "encoder_config").get("scale_input", False)),
        decoder_width=weights.shape("decoder.embed_tokens.weight")[1],
        decoder_hidden=weights.shape(f"{layer}.mlp.fc1.weight")[0],
        decoder_heads=_decoder_heads(weights),
        decoder_layers=_count_layers(weights, "decoder.layers.{}.mlp.fc1.weight"),
        text_positions=weights.shape("decoder.pos_emb.weight")[0],
        vocabulary=weights.shape("decoder.embed_tokens.weight")[0],
    )


def expected_shapes(d: Dimensions) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of a checkpoint of these sizes, by the names used here."""
    shapes: dict[str, tuple[int, ...]] = {}
    _add_subsampling(shapes, d)
    for i in range(d.encoder_layers):
        _add_encoder_layer(shapes, f"encoder.layers.{i}", d)
    _add_linear(shapes, "decoder.proj", d.decoder_width, d.encoder_width)
    shapes["decoder.embed_tokens.weight"] = (d.vocabulary, d.decoder_width)
    shapes["decoder.pos_emb.weight"] = (d.text_positions, d.decoder_width)
    for name in ("embedding_layernorm", "norm"):
        _add_norm(shapes, f"decoder.{name}", d.decoder_width)
    for i in range(d.decoder_layers):
        _add_decoder_layer(shapes, f"decoder.layers.{i}", d)
    _add_linear(shapes, "proj_out", d.vocabulary, d.decoder_width)
    return shapes


def optional_shapes(d: Dimensions) -> set[str]:
    """Names that a checkpoint may leave out: biases of layers, and a tied head."""
    names = expected_shapes(d)
    layers = {name for name in names if name.endswith(".bias") and f"{name[:-4]}weight" in names}
    norms = {name for name in layers if len(names[f"{name[:-4]}weight"]) == 1}
    return (layers - norms - {"proj_out.bias"}) | {"proj_out.weight"}


def _add_subsampling(shapes: dict[str, tuple[int, ...]], d: Dimensions) -> None:
    name, channels = "encoder.subsampling.layers.{}", d.subsampling_channels
    for index in (0, *(i for i in range(2, d.subsampling_layers, 3))):
        shapes[name.format(index) + ".weight"] = (channels, 1, 3, 3)
        shapes[name.format(index) + ".bias"] = (channels,)
    for index in range(3, d.subsampling_layers, 3):
        shapes[name.format(index) + ".weight"] = (channels, channels, 1, 1)
        shapes[name.format(index) + ".bias"] = (channels,)
    _add_linear(
        shapes, "encoder.subsampling.linear", d.encoder_width, channels * d.mels // _SUBSAMPLING
    )


def _add_encoder_layer(shapes: dict[str, tuple[int, ...]], layer: str, d: Dimensions) -> None:
    width, inner = d.encoder_width, d.encoder_heads * d.encoder_head_size
    for part in ("feed_forward1", "self_att", "conv", "feed_forward2", "out"):
        _add_norm(shapes, f"{layer}.norm_{part}", width)
    for part in ("feed_forward1", "feed_forward2"):
        _add_linear(shapes, f"{layer}.{part}.linear1", d.encoder_hidden, width)
        _add_linear(shapes, f"{layer}.{part}.linear2", width, d.encoder_hidden)
    for part in "qkv":
        _add_linear(shapes, f"{layer}.self_attn.{part}_proj", inner, width)
    _add_linear(shapes, f"{layer}.self_attn.o_proj", width, inner)
    shapes[f"{layer}.self_attn.relative_k_proj.weight"] = (inner, width)
    for part in "uv":
        shapes[f"{layer}.self_attn.bias_{part}"] = (d.encoder_heads, d.encoder_head_size)
    for part, rows, tail in (
        ("pointwise_conv1", 2 * width, (width, 1)),
        ("depthwise_conv", width, (1, d.kernel)),
        ("pointwise_conv2", width, (width, 1)),
    ):
        shapes[f"{layer}.conv.{part}.weight"] = (rows, *tail)
        shapes[f"{layer}.conv.{part}.bias"] = (rows,)
    _add_norm(shapes, f"{layer}.conv.norm", width)
    for part in ("running_mean", "running_var"):
        shapes[f"{layer}.conv.norm.{part}"] = (width,)


def _add_decoder_layer(shapes: dict[str, tuple[int, ...]], layer: str, d: Dimensions) -> None:
    width = d.decoder_width
    for part in ("input_layernorm", "post_attention_layernorm", "final_layernorm"):
        _add_norm(shapes, f"{layer}.{part}", width)
    for block in ("self_attn", "encoder_attn"):
        for part in "qkvo":
            _add_linear(shapes, f"{layer}.{block}.{part}_proj", width, width)
    _add_linear(shapes, f"{layer}.mlp.fc1", d.decoder_hidden, width)
    _add_linear(shapes, f"{layer}.mlp.fc2", width, d.decoder_hidden)


def _add_linear(shapes: dict[str, tuple[int, ...]], name: str, rows: int, inputs: int) -> None:
    shapes[f"{name}.weight"] = (rows, inputs)
    shapes[f"{name}.bias"] = (rows,)


def _add_norm(shapes: dict[str, tuple[int, ...]], name: str, width: int) -> None:
    shapes[f"{name}.weight"] = shapes[f"{name}.bias"] = (width,)


def _decoder_heads(weights: Weights) -> int:
    """The one size that no tensor shows."""
    config = weights.checkpoint.config
    found = config.get("num_attention_heads") or _nested_decoder(config).get("num_attention_heads")
    heads = _DECODER_HEADS if found is None else found
    width = weights.shape("decoder.embed_tokens.weight")[1]
    if type(heads) is not int or heads < 1 or width % heads:
        raise UnsupportedModel(
            f"config.json: {heads!r} decoder heads (allowed: a divisor of the width, {width})"
        )
    return heads


def _count_layers(weights: Weights, pattern: str) -> int:
    count = 0
    while weights.has(pattern.format(count)):
        count += 1
    return count


def _check_architecture(config: dict[str, Any]) -> None:
    """Refuses what the graphs do not compute, where a configuration speaks of it."""
    encoder, decoder = _native(config, "encoder_config"), _nested_decoder(config)
    old_encoder = _native(config, "encoder")
    for key, found, known in (
        ("encoder_config.hidden_act", encoder.get("hidden_act"), "silu"),
        ("encoder_config.subsampling_factor", encoder.get("subsampling_factor"), _SUBSAMPLING),
        ("encoder.subsampling_factor", old_encoder.get("subsampling_factor"), _SUBSAMPLING),
        ("encoder.subsampling", old_encoder.get("subsampling"), "dw_striding"),
        ("encoder.self_attention_model", old_encoder.get("self_attention_model"), "rel_pos"),
        ("encoder.conv_norm_type", old_encoder.get("conv_norm_type"), "batch_norm"),
        ("hidden_act", config.get("hidden_act"), "relu"),
        ("transf_decoder.config_dict.hidden_act", decoder.get("hidden_act"), "relu"),
        ("transf_decoder.config_dict.pre_ln", decoder.get("pre_ln"), True),
    ):
        if found is not None and found != known:
            raise UnsupportedModel(f"config.json: {key} is {found!r} (known: {known!r})")


def _native(config: dict[str, Any], key: str) -> dict[str, Any]:
    value = config.get(key)
    return value if isinstance(value, dict) else {}


def _nested_decoder(config: dict[str, Any]) -> dict[str, Any]:
    return _native(_native(config, "transf_decoder"), "config_dict")
