"""Moonshine's published graphs: taken apart for their weights, or taken over as they are.

Float graphs hold the weights of the checkpoint under the names of its modules: graphs of our own
are made of them, in any precision. Quantized graphs, and onnxruntime's own `.ort` files, are run
as they are: docs/models.md says what was measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import onnx_ir as ir

from edge_voice.errors import UnsupportedModel

from ...checkpoint import Checkpoint
from ...merged import GraphPair, find_pair
from ...onnx_folder import ORT_SUFFIX, read_graph
from ...traced_checkpoint import GraphTensor, TracedCheckpoint, named_tensors, stored_values

FEATURES = "input_values"
_PAST = "past_key_values.0.decoder.key"
_GROUP_NORM = {"/groupnorm/Mul": "weight", "/groupnorm/Add": "bias"}
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


def with_tensors(checkpoint: Checkpoint, pair: GraphPair) -> TracedCheckpoint | None:
    """The folder with the tensors of its graphs; None if these hold no float weights.

    Raises:
        UnsupportedModel: A graph cannot be read.
    """
    if ORT_SUFFIX in (pair.encoder.suffix, pair.decoder.suffix):
        return None
    encoder, decoder = read_graph(pair.encoder), read_graph(pair.decoder)
    tensors = _spelled([*named_tensors(encoder), *_group_norm(encoder)], "encoder")
    tensors |= _spelled(named_tensors(decoder), "decoder")
    layer = tensors.get("decoder.layers.0.mlp.fc1.weight")
    if layer is None or layer.scale is not None:
        return None
    heads = _head_count(decoder, str(pair.decoder))
    known = {"encoder_num_attention_heads": heads, "decoder_num_attention_heads": heads}
    return TracedCheckpoint(
        tensors, known | checkpoint.config, checkpoint.folder, (pair.encoder, pair.decoder)
    )


def _spelled(found: Iterable[tuple[str, GraphTensor]], side: str) -> dict[str, GraphTensor]:
    tensors = {}
    for published, tensor in found:
        name = published.removeprefix("model.")
        if not name.startswith(("encoder.", "decoder.", "proj_out.")):
            name = f"{side}.{name}"
        for pattern, replacement in _SPELLINGS:
            name = re.sub(pattern, replacement, name)
        if _is_weight(name):
            tensors[name] = tensor
    return tensors


def _is_weight(name: str) -> bool:
    """Constants of attention and of rotary tables are no weights."""
    module = name.rpartition(".")[0]
    return "rotary" not in name and not module.endswith(("self_attn", "encoder_attn"))


def _group_norm(graph: ir.Graph) -> Iterator[tuple[str, GraphTensor]]:
    """Scale and shift, which a trace leaves without a name of their own, as columns."""
    for node in graph:
        kind = _GROUP_NORM.get(node.name or "")
        constants = [value.const_value for value in node.inputs if value and value.const_value]
        if kind and constants:
            values = stored_values(constants[0]).reshape(-1)
            yield f"groupnorm.{kind}", GraphTensor(ir.tensor(values))


def _head_count(graph: ir.Graph, source: str) -> int:
    for value in graph.inputs:
        if value.name == _PAST and value.shape and isinstance(size := value.shape[1], int):
            return size
    raise UnsupportedModel(f"{source}: its inputs do not tell the number of attention heads")
