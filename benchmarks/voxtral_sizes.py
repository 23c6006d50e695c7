"""The sizes of Voxtral TTS, and what a checkpoint of such a size contains."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

_SPECIAL_CODES = 2
_PADDING = 128  # rows of code tables are filled up to a multiple of this
_PUBLISHED_VOICES = {
    "casual_female": 214, "casual_male": 147, "cheerful_female": 132, "neutral_female": 218,
    "neutral_male": 169, "pt_male": 144, "pt_female": 175, "nl_male": 138, "nl_female": 146,
    "it_male": 168, "it_female": 172, "fr_male": 97, "fr_female": 97, "es_male": 208,
    "es_female": 138, "de_male": 163, "de_female": 147, "ar_male": 67, "hi_male": 94,
    "hi_female": 86,
}  # fmt: skip


@dataclass(frozen=True)
class StackSize:
    """Numbers of one stack of transformer layers."""

    layers: int
    heads: int
    kv_heads: int
    head_size: int
    inner: int

    def params(self, width: int) -> dict[str, Any]:
        """As params.json names them."""
        return {
            "dim": width, "n_layers": self.layers, "head_dim": self.head_size,
            "hidden_dim": self.inner, "n_heads": self.heads, "n_kv_heads": self.kv_heads,
            "use_biases": False,
        }  # fmt: skip

    def shapes(self, prefix: str, width: int) -> dict[str, tuple[int, ...]]:
        """Tensors of all layers."""
        queries, keys = self.heads * self.head_size, self.kv_heads * self.head_size
        layer = {
            "attention.wq": (queries, width),
            "attention.wk": (keys, width),
            "attention.wv": (keys, width),
            "attention.wo": (width, queries),
            "attention_norm": (width,),
            "ffn_norm": (width,),
            "feed_forward.w1": (self.inner, width),
            "feed_forward.w3": (self.inner, width),
            "feed_forward.w2": (width, self.inner),
        }
        return {
            f"{prefix}layers.{i}.{name}.weight": shape
            for i in range(self.layers)
            for name, shape in layer.items()
        }


@dataclass(frozen=True)
class VoxtralSize:
    """The numbers that make one such model larger than another; published ones by default."""

    width: int = 3072
    backbone: StackSize = StackSize(26, 32, 8, 128, 9216)
    acoustic: StackSize = StackSize(3, 32, 8, 128, 9216)
    vocab: int = 131072
    special_tokens: int = 1000
    semantic_codes: int = 8192
    semantic_size: int = 256
    levels: int = 21
    codebooks: int = 36
    codec_heads: int = 8
    codec_head_size: int = 128
    codec_inner: int = 4096
    codec_kernels: tuple[int, ...] = (3, 4, 4, 4)
    codec_strides: tuple[int, ...] = (1, 2, 2, 2)
    codec_layers: tuple[int, ...] = (2, 2, 2, 2)
    window: int = 16
    patch: int = 240
    output_kernel: int = 7
    voices: dict[str, int] = field(default_factory=lambda: dict(_PUBLISHED_VOICES))
    steps: int | None = None

    @property
    def codec_width(self) -> int:
        """Channels of the codec."""
        return self.codec_heads * self.codec_head_size


PUBLISHED = VoxtralSize()


def scaled(width: int, layers: int) -> VoxtralSize:
    """A model of the published proportions, narrower and with fewer layers."""
    inner = 3 * width
    stack = StackSize(layers, width // 64, width // 128, 64, inner)
    return VoxtralSize(
        width=width,
        backbone=stack,
        acoustic=StackSize(3, stack.heads, stack.kv_heads, 64, inner),
        vocab=2000,
        codec_head_size=32,
        codec_inner=512,
        voices={"voice": 60},
    )


def params(size: VoxtralSize) -> dict[str, Any]:
    """What params.json says, without the keys that nobody reads."""
    acoustic = size.acoustic.params(size.width) | {"input_dim": size.width}
    if size.steps is not None:
        acoustic["n_decoding_steps"] = size.steps
    return {
        **size.backbone.params(size.width),
        "causal": True, "rope_theta": 1000000.0, "norm_eps": 1e-05, "vocab_size": size.vocab,
        "tied_embeddings": True, "max_seq_len": 65536, "model_type": "voxtral_tts",
        "multimodal": {
            "bos_token_id": 1,
            "audio_model_args": {
                "semantic_codebook_size": size.semantic_codes,
                "acoustic_codebook_size": size.levels,
                "n_acoustic_codebook": size.codebooks,
                "audio_token_id": 24,
                "begin_audio_token_id": 25,
                "input_embedding_concat_type": "sum",
                "acoustic_transformer_args": acoustic,
                "text_feature_bugged": False,
            },
            "audio_tokenizer_args": _codec_params(size),
        },
    }  # fmt: skip


def _codec_params(size: VoxtralSize) -> dict[str, Any]:
    return {
        "channels": 1, "sampling_rate": 24000, "pretransform_patch_size": size.patch,
        "patch_proj_kernel_size": size.output_kernel,
        "semantic_codebook_size": size.semantic_codes, "semantic_dim": size.semantic_size,
        "acoustic_codebook_size": size.levels, "acoustic_dim": size.codebooks,
        "conv_weight_norm": True, "causal": True, "attn_sliding_window_size": size.window,
        "half_attn_window_upon_downsampling": True, "dim": size.codec_width,
        "hidden_dim": size.codec_inner, "head_dim": size.codec_head_size,
        "n_heads": size.codec_heads, "n_kv_heads": size.codec_heads, "qk_norm_eps": 1e-06,
        "qk_norm": True, "use_biases": False, "norm_eps": 0.01, "layer_scale": True,
        "decoder_transformer_lengths_str": _with_commas(size.codec_layers),
        "decoder_convs_kernels_str": _with_commas(size.codec_kernels),
        "decoder_convs_strides_str": _with_commas(size.codec_strides),
        "voice": {name: number for number, name in enumerate(size.voices)},
    }  # fmt: skip


def _with_commas(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))


def tensor_shapes(size: VoxtralSize) -> dict[str, tuple[int, ...]]:
    """Every tensor of `consolidated.safetensors`; the codec's encoder is not published."""
    width, acoustic = size.width, "acoustic_transformer."
    semantic = size.semantic_codes + _SPECIAL_CODES
    codes = semantic + size.codebooks * (size.levels + _SPECIAL_CODES)
    return {
        "mm_audio_embeddings.tok_embeddings.weight": (size.vocab, width),
        "mm_audio_embeddings.audio_codebook_embeddings.embeddings.weight": (_padded(codes), width),
        **size.backbone.shapes("", width),
        "norm.weight": (width,),
        f"{acoustic}input_projection.weight": (width, size.codebooks),
        f"{acoustic}time_projection.weight": (width, width),
        f"{acoustic}llm_projection.weight": (width, width),
        f"{acoustic}semantic_codebook_output.weight": (_padded(semantic), width),
        f"{acoustic}acoustic_codebook_output.weight": (size.codebooks, width),
        f"{acoustic}norm.weight": (width,),
        **size.acoustic.shapes(acoustic, width),
        **_codec_shapes(size),
    }


def _padded(rows: int) -> int:
    return -(-rows // _PADDING) * _PADDING


def _codec_shapes(size: VoxtralSize) -> dict[str, tuple[int, ...]]:
    prefix, width = "audio_tokenizer.", size.codec_width
    shapes: dict[str, tuple[int, ...]] = {
        f"{prefix}quantizer.semantic_codebook.embedding_sum": (
            size.semantic_codes, size.semantic_size,
        ),
        f"{prefix}quantizer.semantic_codebook.cluster_usage": (size.semantic_codes,),
    }  # fmt: skip
    channels = size.semantic_size + size.codebooks
    for i, (kernel, stride) in enumerate(
        zip(size.codec_kernels, size.codec_strides, strict=True)
    ):
        # A transposed convolution has its input channels first.
        sides = (width, channels) if stride == 1 else (channels, width)
        shapes |= _convolution(f"{prefix}decoder_blocks.{2 * i}", (*sides, kernel))
        channels = width
        for j in range(size.codec_layers[i]):
            shapes |= _codec_layer(f"{prefix}decoder_blocks.{2 * i + 1}.layers.{j}", size)
    return shapes | _convolution(f"{prefix}output_proj", (size.patch, width, size.output_kernel))


def _convolution(name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    weight = f"{name}.conv.parametrizations.weight"
    return {f"{weight}.original0": (shape[0], 1, 1), f"{weight}.original1": shape}


def _codec_layer(name: str, size: VoxtralSize) -> dict[str, tuple[int, ...]]:
    width, inner = size.codec_width, size.codec_inner
    vectors = ("attention.q_norm.weight", "attention.k_norm.weight", "attention_norm.weight",
               "ffn_norm.weight", "attention_scale", "ffn_scale")  # fmt: skip
    return {
        **{f"{name}.attention.{part}.weight": (width, width) for part in ("wq", "wk", "wv", "wo")},
        **{f"{name}.{vector}": (width,) for vector in vectors},
        f"{name}.feed_forward.w1.weight": (inner, width),
        f"{name}.feed_forward.w3.weight": (inner, width),
        f"{name}.feed_forward.w2.weight": (width, inner),
    }


def parameters(size: VoxtralSize) -> int:
    """Number of values in all tensors."""
    return sum(prod(shape) for shape in tensor_shapes(size).values())
