"""How a Cohere Transcribe checkpoint becomes a bundle: precisions, numbers for the manifest."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from edge_voice.models.cohere_transcribe import graphs
from edge_voice.models.cohere_transcribe.config import CohereConfig

from ...checkpoint import Checkpoint
from ...expected_tensors import check_tensors
from ...package import Bundle
from ...pieces import read_pieces
from ...quantize import (
    INT4_BLOCK32,
    INT4_BLOCK128,
    INT8,
    INT8_BLOCK32,
    INT8_BLOCK128,
    Recipe,
)
from . import check as numeric_check
from .graph import build_decoder, build_encoder
from .names import IGNORED, Weights
from .settings import REQUIRED_PIECES, read_front_end, token_config
from .sizes import Dimensions, expected_shapes, optional_shapes, read_dimensions

_VOCABULARY = "vocabulary.pieces"

# Norms, biases, position tables and convolutions that are no matrices stay float32. The encoder
# sees hundreds of rows a call: signed int8 with dynamic activations is the fast kernel there. At
# one row, in the decoder, weights in blocks are faster and more exact.
_ENCODER_INT8 = (
    ("encoder.*", INT8),
    ("decoder.proj", INT8),
    ("decoder.layers.*.encoder_attn.[kv]_proj", INT8),
)
_ENCODER_INT4 = (
    # Not a weight but an operand of attention scores, and small.
    ("encoder.*.relative_k_proj", INT8),
    # The kernel keeps two more numbers for each block in memory: with blocks of 32 the encoder
    # would take 0.4 GB more.
    ("encoder.*", INT4_BLOCK128),
    ("decoder.proj", INT4_BLOCK128),
    ("decoder.layers.*.encoder_attn.[kv]_proj", INT4_BLOCK128),
)
PRESETS = {
    recipe.name: recipe
    for recipe in (
        Recipe("fp32", ()),
        Recipe("int8", (*_ENCODER_INT8, ("decoder.*", INT8_BLOCK128))),
        Recipe("int4", (*_ENCODER_INT4, ("decoder.*", INT4_BLOCK32))),
        Recipe("balanced", (*_ENCODER_INT8, ("decoder.*", INT8_BLOCK32))),
    )
}


def recognises(checkpoint: Checkpoint) -> bool:
    """Whether this is a Cohere Transcribe checkpoint, whichever way it is spelled."""
    return checkpoint.config.get("model_type") == "cohere_asr"


def build(checkpoint: Checkpoint, bundle: Bundle) -> None:
    """Emits both graphs, the vocabulary and the manifest's numbers into the bundle."""
    weights = Weights(checkpoint)
    front_end = read_front_end(checkpoint)
    sizes = read_dimensions(weights, front_end.clip_seconds)
    check_shapes(weights, sizes)
    vocabulary = read_pieces(
        checkpoint.folder, embedding_rows=sizes.vocabulary, required=REQUIRED_PIECES
    )
    config = token_config(checkpoint, sizes, front_end, vocabulary)
    bundle.add_asset("vocabulary", _VOCABULARY, vocabulary.content())
    build_graphs(weights, sizes, bundle)
    bundle.set_facts(
        task="transcribe", languages=tuple(config.language_tokens), config=asdict(config)
    )


def build_graphs(weights: Weights, sizes: Dimensions, bundle: Bundle) -> None:
    """Emits both graphs."""
    with bundle.graph("encoder", graphs.ENCODER) as builder:
        build_encoder(builder, weights, sizes)
    with bundle.graph("decoder", graphs.DECODER) as builder:
        build_decoder(builder, weights, sizes)


def check(checkpoint: Checkpoint, bundle: Bundle) -> dict[str, float]:
    """Numeric checks of the finished graphs."""
    config = CohereConfig(**bundle.facts["config"])
    weights = Weights(checkpoint)
    sizes = read_dimensions(weights, config.clip_seconds)
    build_again = partial(build_graphs, weights, sizes)
    return numeric_check.check(bundle, config, PRESETS["fp32"], build_again)


def check_shapes(weights: Weights, sizes: Dimensions) -> None:
    """Refuses a checkpoint with tensors missing, unknown or of another shape.

    Raises:
        UnsupportedModel: Names the first such tensor.
    """
    optional = optional_shapes(sizes)
    expected = {
        weights.published.get(name, name): shape
        for name, shape in expected_shapes(sizes).items()
        if weights.has(name) or name not in optional
    }
    check_tensors(weights.shapes(), expected, IGNORED, str(weights.checkpoint.folder))
