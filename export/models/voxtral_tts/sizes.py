"""The numbers of params.json that shape the graphs, checked against what the graphs can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge_voice.errors import UnsupportedModel

# The published file leaves both out; vllm_omni 0.30.0, which serves the model, puts these in.
_DEFAULT_STEPS = 7
_DEFAULT_GUIDANCE = 1.2
_DEFAULT_EPSILON = 1e-5
_HEAD_SIZE_STEP = 16  # GroupQueryAttention's rotary embedding refuses other head sizes


@dataclass(frozen=True, slots=True)
class Transformer:
    """Sizes of one stack of layers.

    Attributes:
        layers: Blocks.
        heads: Heads of the queries.
        kv_heads: Heads of keys and values; each serves `heads / kv_heads` of the queries'.
        head_size: Channels of a head.
        epsilon: Of its norms.
    """

    layers: int
    heads: int
    kv_heads: int
    head_size: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class CodecSizes:
    """Sizes of the codec's decoder.

    Attributes:
        heads: Attention heads of every layer.
        head_size: Channels of a head.
        epsilon: Of the layers' norms.
        qk_epsilon: Of the norms of queries and keys.
        kernels: Width of each block's convolution.
        strides: Upsampling factor of each block's convolution.
        layers: Transformer layers of each block.
        windows: Steps that each block's attention looks back.
        patch: Samples that one output step is.
        output_kernel: Width of the last convolution.
        semantic_codes: Entries of the semantic codebook.
        acoustic_codebooks: Codes of a frame besides the semantic one.
        acoustic_levels: Values that each of these can take.
    """

    heads: int
    head_size: int
    epsilon: float
    qk_epsilon: float
    kernels: tuple[int, ...]
    strides: tuple[int, ...]
    layers: tuple[int, ...]
    windows: tuple[int, ...]
    patch: int
    output_kernel: int
    semantic_codes: int
    acoustic_codebooks: int
    acoustic_levels: int

    @property
    def steps_per_frame(self) -> int:
        """Steps that one frame of codes becomes before the last convolution."""
        product = 1
        for stride in self.strides:
            product *= stride
        return product


class Params:
    """One object of params.json; a value that is missing or of the wrong type is refused."""

    def __init__(self, values: Any, where: str) -> None:
        if not isinstance(values, dict):
            raise UnsupportedModel(f"{where} is {type(values).__name__}, expected an object")
        self._values: dict[str, Any] = values
        self._where = where

    def section(self, key: str) -> Params:
        """An object inside this one."""
        return Params(self._values.get(key), f"{self._where}: {key}")

    def count(self, key: str, default: int | None = None) -> int:
        """A whole number from 1 on."""
        value = self._values.get(key, default)
        if type(value) is not int or value < 1:
            raise UnsupportedModel(f"{self._where}: {key} is {value!r}, expected a whole number")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A number above 0."""
        value = self._values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise UnsupportedModel(f"{self._where}: {key} is {value!r}, expected a number above 0")
        return float(value)

    def counts(self, key: str) -> tuple[int, ...]:
        """Whole numbers that the file writes as text with commas: `1,2,2,2`."""
        value = self._values.get(key)
        parts = value.split(",") if isinstance(value, str) else []
        if not parts or not all(part.strip().isdecimal() and int(part) for part in parts):
            raise UnsupportedModel(f"{self._where}: {key} is {value!r}, expected such as '1,2,2'")
        return tuple(int(part) for part in parts)

    def table(self, key: str) -> dict[str, int]:
        """Names and their numbers."""
        value = self._values.get(key)
        if not isinstance(value, dict) or not all(type(n) is int for n in value.values()):
            raise UnsupportedModel(f"{self._where}: {key} is not a table of names and numbers")
        return value

    def require(self, **expected: Any) -> None:
        """Refuses an architecture that differs in a switch; an absent one is as expected."""
        for key, value in expected.items():
            if (found := self._values.get(key, value)) != value:
                raise UnsupportedModel(f"{self._where}: {key} is {found!r} (known: {value!r})")


@dataclass(frozen=True, slots=True)
class Sizes:
    """All of it.

    Attributes:
        width: Channels of the backbone and of the acoustic transformer.
        backbone: The language model.
        acoustic: The flow-matching transformer.
        codec: The decoder of codes.
        rope_theta: Base of the backbone's rotary embedding.
        max_positions: Positions that the model was made for.
        sample_rate: Samples per second.
        samples_per_frame: Samples that one frame of codes becomes.
        steps: Euler steps for a frame.
        guidance: Strength of classifier-free guidance.
    """

    width: int
    backbone: Transformer
    acoustic: Transformer
    codec: CodecSizes
    rope_theta: float
    max_positions: int
    sample_rate: int
    samples_per_frame: int
    steps: int
    guidance: float


def read_sizes(config: dict[str, Any]) -> Sizes:
    """Sizes from params.json.

    Raises:
        UnsupportedModel: A number is missing, or describes what the graphs cannot do.
    """
    top = Params(config, "params.json")
    top.require(use_biases=False, causal=True)
    audio = top.section("multimodal").section("audio_model_args")
    audio.require(input_embedding_concat_type="sum", text_feature_bugged=False)
    acoustic = audio.section("acoustic_transformer_args")
    acoustic.require(use_biases=False)
    codec = _codec(top.section("multimodal").section("audio_tokenizer_args"))
    rate = top.section("multimodal").section("audio_tokenizer_args").count("sampling_rate")
    sizes = Sizes(
        width=top.count("dim"),
        backbone=_transformer(top),
        acoustic=_transformer(acoustic),
        codec=codec,
        rope_theta=top.number("rope_theta"),
        max_positions=top.count("max_seq_len"),
        sample_rate=rate,
        samples_per_frame=codec.steps_per_frame * codec.patch,
        steps=acoustic.count("n_decoding_steps", _DEFAULT_STEPS),
        guidance=acoustic.number("cfg_alpha", _DEFAULT_GUIDANCE),
    )
    _check(sizes, acoustic, audio)
    return sizes


def _transformer(params: Params) -> Transformer:
    return Transformer(
        layers=params.count("n_layers"),
        heads=params.count("n_heads"),
        kv_heads=params.count("n_kv_heads"),
        head_size=params.count("head_dim"),
        epsilon=params.number("norm_eps", _DEFAULT_EPSILON),
    )


def _codec(params: Params) -> CodecSizes:
    params.require(
        channels=1, conv_weight_norm=True, causal=True, qk_norm=True, use_biases=False,
        layer_scale=True, half_attn_window_upon_downsampling=True,
    )  # fmt: skip
    heads = params.count("n_heads")
    params.require(n_kv_heads=heads)
    strides = params.counts("decoder_convs_strides_str")
    return CodecSizes(
        heads=heads,
        head_size=params.count("head_dim"),
        epsilon=params.number("norm_eps"),
        qk_epsilon=params.number("qk_norm_eps"),
        kernels=params.counts("decoder_convs_kernels_str"),
        strides=strides,
        layers=params.counts("decoder_transformer_lengths_str"),
        windows=_windows(params.count("attn_sliding_window_size"), strides),
        patch=params.count("pretransform_patch_size"),
        output_kernel=params.count("patch_proj_kernel_size"),
        semantic_codes=params.count("semantic_codebook_size"),
        acoustic_codebooks=params.count("acoustic_dim"),
        acoustic_levels=params.count("acoustic_codebook_size"),
    )


def _windows(last: int, strides: tuple[int, ...]) -> tuple[int, ...]:
    """Each upsampling widens the window by its factor, so that the last block has the full one."""
    windows = [last]
    for stride in reversed(strides[1:]):
        windows.append(windows[-1] // stride)
    return tuple(reversed(windows))


def _check(sizes: Sizes, acoustic: Params, audio: Params) -> None:
    codec = sizes.codec
    acoustic.require(dim=sizes.width, input_dim=sizes.width)
    audio.require(
        semantic_codebook_size=codec.semantic_codes,
        acoustic_codebook_size=codec.acoustic_levels,
        n_acoustic_codebook=codec.acoustic_codebooks,
    )
    for stack in (sizes.backbone, sizes.acoustic):
        if stack.heads % stack.kv_heads:
            raise UnsupportedModel(f"{stack.kv_heads} kv heads do not divide {stack.heads} heads")
    if sizes.backbone.head_size % _HEAD_SIZE_STEP:
        raise UnsupportedModel(
            f"params.json: head_dim is {sizes.backbone.head_size}"
            f" (allowed: multiples of {_HEAD_SIZE_STEP})"
        )
    if not len(codec.kernels) == len(codec.strides) == len(codec.layers):
        raise UnsupportedModel("params.json: the codec's blocks are not as many in each list")
    if wrong := [k for k, s in zip(codec.kernels, codec.strides, strict=True) if k % s]:
        raise UnsupportedModel(
            f"params.json: a codec kernel of {wrong[0]} is no multiple of its stride"
        )
    if min(codec.windows) < 1 or codec.output_kernel > codec.steps_per_frame:
        raise UnsupportedModel("params.json: the codec's windows do not fit its strides")
