"""One set of tensor names over the three spellings in which Cohere Transcribe checkpoints exist.

The published file has NVIDIA NeMo's names. Fine-tunes saved by transformers have the same behind
`model.`, and transformers' own names are a third spelling; those are the ones used here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from edge_voice.errors import UnsupportedModel

from ...checkpoint import Checkpoint
from ...weights import Array, CheckpointMatrix

# Tensors that say nothing a bundle needs: the front end's tables, rounded to bfloat16, and a count
# of training steps.
IGNORED = ("preprocessor.*", "model.preprocessor.*", "*.num_batches_tracked")

_SPELLINGS = (
    (r"^encoder\.pre_encode\.conv\.", "encoder.subsampling.layers."),
    (r"^encoder\.pre_encode\.out\.", "encoder.subsampling.linear."),
    (r"^(encoder\..*self_attn)\.linear_([qkv])\.", r"\1.\2_proj."),
    (r"^(encoder\..*self_attn)\.linear_out\.", r"\1.o_proj."),
    (r"^(encoder\..*self_attn)\.linear_pos\.", r"\1.relative_k_proj."),
    (r"^(encoder\..*self_attn)\.pos_bias_([uv])$", r"\1.bias_\2"),
    (r"^(encoder\..*\.conv)\.batch_norm\.", r"\1.norm."),
    (r"^transf_decoder\._embedding\.token_embedding\.", "decoder.embed_tokens."),
    (r"^transf_decoder\._embedding\.position_embedding\.pos_enc$", "decoder.pos_emb.weight"),
    (r"^transf_decoder\._embedding\.layer_norm\.", "decoder.embedding_layernorm."),
    (r"^transf_decoder\._decoder\.final_layer_norm\.", "decoder.norm."),
    (r"^transf_decoder\._decoder\.layers\.", "decoder.layers."),
    (r"^(decoder\..*)\.first_sub_layer\.", r"\1.self_attn."),
    (r"^(decoder\..*)\.second_sub_layer\.", r"\1.encoder_attn."),
    (r"^(decoder\..*attn)\.(q)uery_net\.", r"\1.\2_proj."),
    (r"^(decoder\..*attn)\.(k)ey_net\.", r"\1.\2_proj."),
    (r"^(decoder\..*attn)\.(v)alue_net\.", r"\1.\2_proj."),
    (r"^(decoder\..*attn)\.out_projection\.", r"\1.o_proj."),
    (r"^(decoder\..*)\.third_sub_layer\.dense_in\.", r"\1.mlp.fc1."),
    (r"^(decoder\..*)\.third_sub_layer\.dense_out\.", r"\1.mlp.fc2."),
    (r"^(decoder\..*)\.layer_norm_1\.", r"\1.input_layernorm."),
    (r"^(decoder\..*)\.layer_norm_2\.", r"\1.post_attention_layernorm."),
    (r"^(decoder\..*)\.layer_norm_3\.", r"\1.final_layernorm."),
    (r"^encoder_decoder_proj\.", "decoder.proj."),
    (r"^log_softmax\.mlp\.layer0\.", "proj_out."),
)
_COMPILED = tuple((re.compile(pattern), replacement) for pattern, replacement in _SPELLINGS)


def spelled(published: str) -> str:
    """The name that a tensor has here, whatever the checkpoint calls it."""
    name = published.removeprefix("model.")
    for pattern, replacement in _COMPILED:
        name = pattern.sub(replacement, name)
    return name


@dataclass(frozen=True, slots=True)
class Weights:
    """A checkpoint's tensors by transformers' names without the leading `model.`.

    Attributes:
        checkpoint: Where they are.
        published: The name here → the name there.
    """

    checkpoint: Checkpoint
    published: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Reads all names.

        Raises:
            UnsupportedModel: Two tensors are the same one in two spellings.
        """
        published: dict[str, str] = {}
        for name in self.checkpoint.names():
            ours = spelled(name)
            if ours in published:
                folder, other = self.checkpoint.folder, published[ours]
                raise UnsupportedModel(f"{folder}: {name!r} and {other!r} are the same tensor")
            published[ours] = name
        object.__setattr__(self, "published", published)

    def has(self, name: str) -> bool:
        """Whether the checkpoint stores the tensor."""
        return name in self.published

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every tensor, by the checkpoint's own names."""
        return {name: self.checkpoint.shape(name) for name in self.published.values()}

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return self.checkpoint.shape(self._stored(name))

    def tensor(self, name: str) -> Array:
        """A whole tensor as float32."""
        return self.checkpoint.read(self._stored(name))

    def matrix(self, layer: str) -> CheckpointMatrix:
        """The weight of a layer, to be read by rows; a pointwise convolution is a matrix too."""
        return CheckpointMatrix(self.checkpoint, self._stored(f"{layer}.weight"))

    def bias(self, layer: str) -> Array:
        """The bias of a layer; zeros where the checkpoint has none."""
        if self.has(f"{layer}.bias"):
            return self.tensor(f"{layer}.bias")
        return np.zeros(self.shape(f"{layer}.weight")[0], np.float32)

    def affine(self, norm: str) -> tuple[Array, Array]:
        """Scale and shift of a normalisation."""
        return self.tensor(f"{norm}.weight"), self.tensor(f"{norm}.bias")

    def head(self, embedding: CheckpointMatrix) -> CheckpointMatrix:
        """The output projection: the embedding, unless a fine-tune has another one.

        Published files hold a second copy of the embedding under the head's name.
        """
        if not self.has("proj_out.weight"):
            return embedding
        head = self.matrix("proj_out")
        return embedding if _same(head, embedding) else head

    def _stored(self, name: str) -> str:
        try:
            return self.published[name]
        except KeyError:
            raise UnsupportedModel(
                f"{self.checkpoint.folder}: not a Cohere Transcribe checkpoint: no tensor {name!r}"
                f" (known there: {len(self.published)} others)"
            ) from None


_COMPARED_ROWS = 1024


def _same(one: CheckpointMatrix, other: CheckpointMatrix) -> bool:
    if one.shape != other.shape:
        return False
    count = one.shape[0]
    parts = (slice(i, min(i + _COMPARED_ROWS, count)) for i in range(0, count, _COMPARED_ROWS))
    return all(
        np.array_equal(one.rows(part.start, part.stop), other.rows(part.start, part.stop))
        for part in parts
    )
