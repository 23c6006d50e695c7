"""Ready exports of CTC models become a bundle: wav2vec2, HuBERT, wav2vec2-BERT, MMS and kin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from edge_voice.errors import GraphMismatch, UnsupportedModel
from edge_voice.models.ctc import graphs
from edge_voice.models.ctc.config import SAMPLE_RATE, CtcConfig
from edge_voice.models.ctc.frontend import LOG_MEL_SHORTEST, FrontEnd
from edge_voice.session import Session

from ...adopted_graph import PRESETS, rename
from ...checkpoint import Checkpoint
from ...numeric_check import check_alike, is_small
from ...onnx_file import open_graph
from ...package import Bundle
from ...ready_folder import (
    card_languages,
    check_precision,
    number,
    pick_graph,
    read_json,
    short_code,
    sizes,
)
from ...weights import Array
from .tokenizer import read_tokens

__all__ = ["PRESETS", "build", "check", "recognises"]

_FEATURE_EXTRACTORS = {
    graphs.WAVEFORM: "Wav2Vec2FeatureExtractor",
    graphs.LOG_MEL: "SeamlessM4TFeatureExtractor",
}
_HOP_SAMPLES = 160
_LOG_MEL_WIDTH = 160  # two frames of 80 bands
# Positions that a graph may have more or fewer than the length of the audio says.
_SLACK_POSITIONS = 3
_LEAST_COSINE = 0.9


def recognises(checkpoint: Checkpoint) -> bool:
    """A folder of graphs whose config names an architecture for CTC."""
    if checkpoint.layout != "onnx":
        return False
    found = checkpoint.config.get("architectures")
    return isinstance(found, list) and any(str(name).endswith("ForCTC") for name in found)


def build(checkpoint: Checkpoint, bundle: Bundle) -> None:
    """Takes over the graph, quantized as the recipe says, the tokens and the numbers.

    Raises:
        UnsupportedModel: A file is missing or is not what it should be.
        GraphMismatch: The graph is not one of a CTC model.
    """
    folder = checkpoint.folder
    source = pick_graph(folder, "model", bundle.recipe.name)
    model = open_graph(source)
    features, names, size = read_signature(source, model)
    tokens = read_tokens(folder, checkpoint.config, size)
    config = CtcConfig(
        features=features,
        attention_mask=graphs.MASK in names,
        normalize=_normalizes(read_json(folder, "preprocessor_config.json"), features),
        samples_per_position=_samples_per_position(checkpoint.config, features),
        shortest_samples=_shortest(checkpoint.config, features),
        blank=tokens.blank,
        delimiter=tokens.delimiter,
        special=tokens.special,
        lower_case=tokens.lower_case,
    )
    spec = graphs.spec(features, masked=config.attention_mask)
    if check_precision(model, source, bundle.recipe.name):
        rename(model, names)
        bundle.adopt_graph("model", spec, model, source.name)
    else:
        bundle.import_graph("model", spec, source, names)
    texts = json.dumps(tokens.texts, ensure_ascii=False).encode()
    bundle.add_asset("vocabulary", "vocabulary.json", texts)
    languages = tuple(map(short_code, tokens.languages)) or card_languages(folder)
    bundle.set_facts(task="transcribe", languages=languages, config=asdict(config))


def check(checkpoint: Checkpoint, bundle: Bundle) -> dict[str, float]:
    """Lets the graph hear noise, and compares with the one that it was made of.

    Raises:
        GraphMismatch: The logits are not finite, are too many or too few, or differ too much.
    """
    if not is_small(bundle.folder):
        return {}
    config = CtcConfig(**bundle.facts["config"])
    feeds = FrontEnd(config)(_noise(SAMPLE_RATE))
    file = bundle.graphs["model"]
    names = bundle.names.get("model", {})
    found = _logits(bundle.folder / file, config, names, feeds)
    expected = SAMPLE_RATE / config.samples_per_position
    if abs(len(found) - expected) > _SLACK_POSITIONS:
        raise GraphMismatch(
            f"{file}: {len(found)} positions in a second, config.json says {expected:g}"
        )
    source = pick_graph(checkpoint.folder, "model", bundle.recipe.name)
    _, names, _ = read_signature(source, open_graph(source))
    original = _logits(source, config, names, feeds)
    difference, likeness = check_alike(
        found,
        original,
        f"{file}: its logits and those of the published graph",
        exact=bundle.recipe.name == "fp32",
        least_cosine=_LEAST_COSINE,
    )
    return {
        "largest relative difference of logits from the published graph": difference,
        "cosine of logits with those of the published graph": likeness,
    }


def read_signature(path: Path, model: ir.Model) -> tuple[str, dict[str, str], int]:
    """What the graph hears, its names by ours, and the width of its logits.

    Raises:
        GraphMismatch: It is not a graph of a CTC model.
    """
    names = {}
    for value in model.graph.inputs:
        names[_role(path, value)] = value.name or ""
    heard = [kind for kind, name in graphs.INPUTS.items() if name in names]
    outputs = model.graph.outputs
    if len(heard) != 1 or len(names) != len(model.graph.inputs) or len(outputs) != 1:
        raise GraphMismatch(
            f"{path.name}: not the graph of a CTC model: inputs"
            f" {', '.join(str(v.name) for v in model.graph.inputs)}; outputs"
            f" {', '.join(str(v.name) for v in outputs)}"
        )
    width = _fixed(outputs[0], 2) if _rank(outputs[0]) == 3 else None
    if width is None or outputs[0].dtype != ir.DataType.FLOAT:
        raise GraphMismatch(
            f"{path.name}: output {outputs[0].name} is {_described(outputs[0])}"
            " (expected float32 logits with three axes, the last of a fixed size)"
        )
    names[graphs.LOGITS] = outputs[0].name or ""
    return heard[0], names, width


def _role(path: Path, value: ir.Value) -> str:
    """Our name of an input, by its type and number of axes."""
    kind, rank = value.dtype, _rank(value)
    if kind == ir.DataType.FLOAT and rank == 2:
        return graphs.INPUTS[graphs.WAVEFORM]
    if kind == ir.DataType.FLOAT and rank == 3 and _fixed(value, 2) in (_LOG_MEL_WIDTH, None):
        return graphs.INPUTS[graphs.LOG_MEL]
    if kind == ir.DataType.INT64 and rank == 2:
        return graphs.MASK
    raise GraphMismatch(
        f"{path.name}: input {value.name} is {_described(value)} (expected float32 samples, float32"
        f" features of width {_LOG_MEL_WIDTH}, or an int64 mask)"
    )


def _rank(value: ir.Value) -> int | None:
    return None if value.shape is None else len(value.shape)


def _fixed(value: ir.Value, axis: int) -> int | None:
    size = value.shape[axis] if value.shape is not None else None
    return size if isinstance(size, int) else None


def _described(value: ir.Value) -> str:
    kind = "untyped" if value.dtype is None else value.dtype.name.lower()
    return f"{kind} with {_rank(value)} axes"


def _normalizes(preprocessor: Mapping[str, Any], features: str) -> bool:
    expected = _FEATURE_EXTRACTORS[features]
    found = preprocessor.get("feature_extractor_type", expected)
    if found != expected:
        raise UnsupportedModel(
            f"preprocessor_config.json: {found!r} does not make what the graph hears"
            f" (expected {expected})"
        )
    if (rate := preprocessor.get("sampling_rate", SAMPLE_RATE)) != SAMPLE_RATE:
        raise UnsupportedModel(
            f"preprocessor_config.json: sampling_rate {rate!r} (allowed: {SAMPLE_RATE})"
        )
    return preprocessor.get("do_normalize", True) is not False


def _samples_per_position(config: Mapping[str, Any], features: str) -> int:
    if features == graphs.LOG_MEL:
        samples = 2 * _HOP_SAMPLES
    else:
        samples = int(np.prod(sizes(config, "conv_stride")))
    if config.get("add_adapter") is True:
        stride = number(config, "adapter_stride", 2)
        samples *= int(stride ** number(config, "num_adapter_layers", 3))
    if not 1 <= samples <= SAMPLE_RATE:
        raise UnsupportedModel(f"config.json: a position of {samples} samples (1 to {SAMPLE_RATE})")
    return samples


def _shortest(config: Mapping[str, Any], features: str) -> int:
    """Samples that give one row: the receptive field of the convolutions."""
    if features == graphs.LOG_MEL:
        return LOG_MEL_SHORTEST
    kernels, strides = sizes(config, "conv_kernel"), sizes(config, "conv_stride")
    samples = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=False):
        samples = (samples - 1) * stride + kernel
    return samples


def _noise(samples: int) -> Array:
    return np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)


def _logits(
    path: Path, config: CtcConfig, names: Mapping[str, str], feeds: dict[str, Array]
) -> Array:
    spec = graphs.spec(config.features, masked=config.attention_mask)
    logits = np.asarray(Session(path, spec, names=names).run(feeds)[graphs.LOGITS][0])
    if not np.isfinite(logits).all():
        raise GraphMismatch(f"{path.name}: its logits are not finite")
    return logits
