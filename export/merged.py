"""Folders in the layout of optimum and transformers.js: an encoder and a merged decoder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_voice import merged
from edge_voice.errors import UnsupportedModel

from .onnx_folder import graph_names
from .package import Bundle
from .ready_folder import EIGHT_BIT_VARIANTS, FLOAT_VARIANTS, FOUR_BIT_VARIANTS

# Weights as floats are quantized by our own recipes, and of the others 8 bits lose least.
_VARIANTS = (*FLOAT_VARIANTS, *EIGHT_BIT_VARIANTS, *FOUR_BIT_VARIANTS)


@dataclass(frozen=True, slots=True)
class GraphPair:
    """Two graphs of one model.

    Attributes:
        encoder: File of the encoder.
        decoder: File of the decoder, with and without a past.
    """

    encoder: Path
    decoder: Path

    def has_input(self, name: str) -> bool:
        """Whether the encoder takes an input of that name; no if it cannot be read."""
        try:
            return name in graph_names(self.encoder)[0]
        except UnsupportedModel:
            return False


def find_pair(files: Iterable[Path]) -> GraphPair | None:
    """The encoder and decoder of the best precision that has both; None if none has."""
    by_stem = {path.stem: path for path in files}
    for variant in _VARIANTS:
        encoder = by_stem.get(merged.ENCODER_ROLE + variant)
        decoder = by_stem.get(merged.DECODER_ROLE + variant)
        if encoder and decoder:
            return GraphPair(encoder, decoder)
    return None


def import_pair(bundle: Bundle, pair: GraphPair, features: str) -> None:
    """Takes both graphs over as published.

    Args:
        bundle: Receives them.
        pair: The files.
        features: Name of the encoder's input.

    Raises:
        GraphMismatch: Inputs or outputs have other names than optimum gives them.
        UnsupportedModel: A file is no graph.
    """
    bundle.announce("encoder and decoder: checking and copying")
    bundle.import_graph(merged.ENCODER_ROLE, merged.encoder_spec(features), pair.encoder)
    bundle.import_graph(merged.DECODER_ROLE, merged.DECODER, pair.decoder)
