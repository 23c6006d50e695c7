"""How a Moonshine checkpoint, or a folder of its published graphs, becomes a bundle."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from edge_voice import merged
from edge_voice.errors import UnsupportedModel
from edge_voice.models.moonshine import graphs
from edge_voice.models.moonshine.config import MoonshineConfig
from edge_voice.session import Session

from ...checkpoint import Checkpoint
from ...expected_tensors import check_tensors
from ...merged import GraphPair, import_pair
from ...package import Bundle
from ...quantize import INT8_BLOCK32, encoder_decoder_presets
from . import check as numeric_check
from .graph import build_decoder, build_encoder
from .names import Weights
from .published import FEATURES, graph_pair, with_tensors
from .settings import languages_of, read_vocabulary, token_config
from .sizes import (
    IGNORED,
    Dimensions,
    expected_shapes,
    optional_shapes,
    read_dimensions,
    text_positions_of,
)

_VOCABULARY = "vocabulary.pieces"
_PUBLISHED_PRECISION = "int8"
# Widths of 288 and 416 are no multiples of 128: blocks of 32 fill them without rest.
PRESETS = encoder_decoder_presets(INT8_BLOCK32)


def recognises(checkpoint: Checkpoint) -> bool:
    """Whether this is Moonshine: its checkpoint, or the two graphs made of one."""
    if checkpoint.layout == "onnx":
        kind = checkpoint.config.get("model_type", "moonshine")
        return kind == "moonshine" and graph_pair(checkpoint) is not None
    return checkpoint.layout == "huggingface" and checkpoint.config.get("model_type") == "moonshine"


def build(checkpoint: Checkpoint, bundle: Bundle) -> None:
    """Emits or imports both graphs; vocabulary and the manifest's numbers go with them.

    Raises:
        UnsupportedModel: Something is missing, or does not fit.
    """
    pair = graph_pair(checkpoint)
    source = with_tensors(checkpoint, pair) if pair else checkpoint
    if pair and source is None:
        _import(checkpoint, pair, bundle)
        return
    weights = Weights(source or checkpoint)
    sizes = read_dimensions(weights)
    check_shapes(weights, sizes)
    _describe(checkpoint, bundle, sizes.vocabulary, sizes.text_positions)
    build_graphs(weights, sizes, bundle)


def build_graphs(weights: Weights, sizes: Dimensions, bundle: Bundle) -> None:
    """Emits both graphs."""
    with bundle.graph("encoder", graphs.ENCODER) as builder:
        build_encoder(builder, weights, sizes)
    with bundle.graph("decoder", graphs.DECODER) as builder:
        build_decoder(builder, weights, sizes)


def check(checkpoint: Checkpoint, bundle: Bundle) -> dict[str, float]:
    """Numeric checks of the finished graphs."""
    config = MoonshineConfig(**bundle.facts["config"])
    if "encoder" not in bundle.graphs:
        return numeric_check.check_published(bundle, config)
    pair = graph_pair(checkpoint)
    weights = Weights((pair and with_tensors(checkpoint, pair)) or checkpoint)
    sizes = read_dimensions(weights)
    build_again = partial(build_graphs, weights, sizes)
    return numeric_check.check(bundle, config, PRESETS["fp32"], build_again)


def check_shapes(weights: Weights, sizes: Dimensions) -> None:
    """Refuses a checkpoint with tensors missing, unknown or of another shape.

    Raises:
        UnsupportedModel: Names the first such tensor.
    """
    optional = optional_shapes(sizes)
    expected = expected_shapes(sizes)
    expected |= {name: shape for name, shape in optional.items() if weights.has(name)}
    check_tensors(weights.shapes(), expected, IGNORED, str(weights.checkpoint.folder))


def _import(checkpoint: Checkpoint, pair: GraphPair, bundle: Bundle) -> None:
    if bundle.recipe.name != _PUBLISHED_PRECISION:
        raise UnsupportedModel(
            f"{pair.decoder.name} is quantized already (allowed precision: {_PUBLISHED_PRECISION};"
            " others are made of float weights)"
        )
    import_pair(bundle, pair, FEATURES)
    decoder = Session(bundle.folder / bundle.graphs[merged.DECODER_ROLE], merged.DECODER)
    rows = decoder.shape("logits")[2]
    if not isinstance(rows, int):
        raise UnsupportedModel(f"{pair.decoder.name}: the number of token ids is free ({rows})")
    _describe(checkpoint, bundle, rows, text_positions_of(checkpoint.config))


def _describe(checkpoint: Checkpoint, bundle: Bundle, rows: int, text_positions: int) -> None:
    vocabulary = read_vocabulary(checkpoint.folder, rows)
    config = token_config(checkpoint, vocabulary, rows=rows, text_positions=text_positions)
    bundle.add_asset("vocabulary", _VOCABULARY, vocabulary.content())
    bundle.set_facts(
        task="transcribe", languages=languages_of(checkpoint.folder), config=asdict(config)
    )
