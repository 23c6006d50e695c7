"""Moonshine's published graphs: taken apart for their weights, or taken over as they are.

Float graphs hold the weights of the checkpoint under the names of its modules: graphs of our own
are made of them, in any precision. Quantized graphs, and onnxruntime's own `.ort` files, are run
as they are: docs/models.md says what was measured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from edge_voice.errors import UnsupportedModel

from ...checkpoint import Checkpoint
from ...merged import GraphPair, find_pair
from ...onnx_folder import ORT_SUFFIX, OnnxFolder, read_graph
from ...onnx_tensors import module_tensors
from ...weights import Array

FEATURES = "input_values"
# How the first graphs called what transformers calls by the name on the right.
_SPELLINGS = (
    (r"\.self_attn\.dense\.", ".self_attn.o_proj."),
    (r"\.encoder_attn\.dense\.", ".encoder_attn.o_proj."),
    (r"\.mlp\.up_proj\.", ".mlp.fc1."),
    (r"\.mlp\.down_proj\.", ".mlp.fc2."),
)


def graph_pair(checkpoint: Checkpoint) -> GraphPair | None:
    """The two graphs of a folder, if they are Moonshine's: they listen to samples."""
    if checkpoint.layout != "onnx":
        return None
    pair = find_pair(checkpoint.weight_files)
    return pair if pair and pair.has_input(FEATURES) else None


def with_tensors(checkpoint: Checkpoint, pair: GraphPair) -> OnnxFolder | None:
    """The folder with the tensors of its graphs; None if these hold no float weights.

    Raises:
        UnsupportedModel: A graph cannot be read.
    """
    if not isinstance(checkpoint, OnnxFolder) or ORT_SUFFIX in (
        pair.encoder.suffix,
        pair.decoder.suffix,
    ):
        return None
    tensors: dict[str, Array] = {}
    heads = 0
    for side, path in (("encoder", pair.encoder), ("decoder", pair.decoder)):
        graph = read_graph(path)
        tensors |= _spelled(module_tensors(graph), side)
        for value in graph.inputs:
            if value.name == "past_key_values.0.decoder.key" and value.shape:
                heads = _fixed(value.shape[1], str(path))
    if "decoder.layers.0.mlp.fc1.weight" not in tensors:
        return None
    known = {"encoder_num_attention_heads": heads, "decoder_num_attention_heads": heads}
    return replace(checkpoint, tensors=tensors, config=known | checkpoint.config)


def _spelled(tensors: Mapping[str, Array], side: str) -> dict[str, Array]:
    found = {}
    for published, values in tensors.items():
        name = published.removeprefix("model.")
        if not name.startswith(("encoder.", "decoder.", "proj_out.")):
            name = f"{side}.{name}"
        for pattern, replacement in _SPELLINGS:
            name = re.sub(pattern, replacement, name)
        if _is_weight(name):
            found[name] = values
    return found


def _is_weight(name: str) -> bool:
    """Constants of attention and of rotary tables are no weights."""
    module = name.rpartition(".")[0]
    return "rotary" not in name and not module.endswith(("self_attn", "encoder_attn"))


def _fixed(size: object, source: str) -> int:
    if not isinstance(size, int):
        raise UnsupportedModel(f"{source}: the number of attention heads is free ({size})")
    return size
