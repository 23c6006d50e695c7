"""How a Whisper checkpoint becomes a bundle: sizes, precisions, numbers for the manifest."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge_voice.errors import UnsupportedModel
from edge_voice.models.whisper import graphs
from edge_voice.models.whisper.config import WhisperConfig

from ...checkpoint import Checkpoint
from ...json_object import read_object
from ...package import Bundle
from ...quantize import INT8_BLOCK128, encoder_decoder_presets
from ...vocabulary import added_tokens, vocabulary_for
from . import check as numeric_check
from .graph import Dimensions, build_decoder, build_encoder
from .names import Weights
from .tokens import token_config

_VOCABULARY = "vocabulary.tiktoken"
_HEAD_SIZE_STEP = 8  # GroupQueryAttention refuses other head sizes

# Norms, biases, position tables and the two convolutions are not asked about: they stay float32.
PRESETS = encoder_decoder_presets(INT8_BLOCK128)


def recognises(checkpoint: Checkpoint) -> bool:
    """Whether this is a Whisper checkpoint."""
    if checkpoint.layout == "openai":
        return "n_audio_state" in checkpoint.config
    return checkpoint.config.get("model_type") == "whisper"


def build(checkpoint: Checkpoint, bundle: Bundle) -> None:
    """Emits both graphs, the vocabulary and the manifest's numbers into the bundle."""
    weights = Weights(checkpoint)
    sizes = read_dimensions(weights)
    vocabulary = vocabulary_for(checkpoint)
    bundle.add_asset("vocabulary", _VOCABULARY, vocabulary)
    generation = read_generation_config(checkpoint.folder, checkpoint.layout)
    config = token_config(sizes, bundle.folder / _VOCABULARY, added_tokens(checkpoint), generation)
    with bundle.graph("encoder", graphs.ENCODER) as builder:
        build_encoder(builder, weights, sizes)
    with bundle.graph("decoder", graphs.DECODER) as builder:
        build_decoder(builder, weights, sizes)
    bundle.set_facts(task="transcribe", languages=languages_of(config), config=asdict(config))


def check(_: Checkpoint, bundle: Bundle) -> dict[str, float]:
    """Numeric checks of the finished graphs."""
    config = WhisperConfig(**bundle.facts["config"])
    return numeric_check.check(bundle.folder, bundle.graphs, config)


def languages_of(config: WhisperConfig) -> tuple[str, ...]:
    """ISO 639 codes that the checkpoint understands."""
    return tuple(config.language_tokens) if config.multilingual else ("en",)


def read_dimensions(weights: Weights) -> Dimensions:
    """Sizes from the tensors' shapes; only the head counts must be taken from the config.

    Raises:
        UnsupportedModel: The head counts are missing or do not divide the width, decoder heads
            have a size that the kernel does not take, or the activation is not Whisper's.
    """
    activation = weights.checkpoint.config.get("activation_function", "gelu")
    if activation != "gelu":
        raise UnsupportedModel(f"activation function {activation!r} (known: gelu)")
    width, mels, _ = weights.shape("encoder.conv1.weight")
    encoder_heads, decoder_heads = _head_counts(weights.checkpoint)
    for heads in (encoder_heads, decoder_heads):
        if heads < 1 or width % heads:
            raise UnsupportedModel(f"{heads} attention heads do not divide the width {width}")
    if width // decoder_heads % _HEAD_SIZE_STEP:
        raise UnsupportedModel(
            f"decoder heads of {width // decoder_heads} channels (allowed: multiples of"
            f" {_HEAD_SIZE_STEP})"
        )
    return Dimensions(
        mels=mels,
        width=width,
        encoder_heads=encoder_heads,
        decoder_heads=decoder_heads,
        encoder_layers=_count_layers(weights, "encoder"),
        decoder_layers=_count_layers(weights, "decoder"),
        audio_positions=weights.shape("encoder.embed_positions.weight")[0],
        text_positions=weights.shape("decoder.embed_positions.weight")[0],
        vocabulary=weights.shape("decoder.embed_tokens.weight")[0],
    )


def _head_counts(checkpoint: Checkpoint) -> tuple[int, int]:
    keys = (
        ("n_audio_head", "n_text_head")
        if checkpoint.layout == "openai"
        else ("encoder_attention_heads", "decoder_attention_heads")
    )
    found = [checkpoint.config.get(key) for key in keys]
    for key, value in zip(keys, found, strict=True):
        if type(value) is not int:
            raise UnsupportedModel(f"the config's {key} is {value!r}, expected a whole number")
    return found[0], found[1]  # type: ignore[return-value]


def _count_layers(weights: Weights, side: str) -> int:
    count = 0
    while weights.has(f"{side}.layers.{count}.fc1.weight"):
        count += 1
    if count == 0:
        raise UnsupportedModel(f"not a Whisper checkpoint: no {side} layers")
    return count


def read_generation_config(folder: Path, layout: str) -> dict[str, Any]:
    """`generation_config.json` of a Hugging Face folder; empty where there is none."""
    path = folder / "generation_config.json"
    return {} if layout == "openai" or not path.exists() else read_object(path)
