"""One set of tensor names over the two spellings in which Whisper checkpoints are published."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from edge_voice.errors import UnsupportedModel

from ...checkpoint import Checkpoint
from ...weights import Array, CheckpointMatrix

# OpenAI's spelling of what transformers calls by the name on the left.
_OPENAI = (
    (r"^encoder\.embed_positions\.weight$", "encoder.positional_embedding"),
    (r"^decoder\.embed_positions\.weight$", "decoder.positional_embedding"),
    (r"^encoder\.layer_norm\.", "encoder.ln_post."),
    (r"^decoder\.layer_norm\.", "decoder.ln."),
    (r"^decoder\.embed_tokens\.", "decoder.token_embedding."),
    (r"\.layers\.", ".blocks."),
    (r"\.self_attn_layer_norm\.", ".attn_ln."),
    (r"\.encoder_attn_layer_norm\.", ".cross_attn_ln."),
    (r"\.final_layer_norm\.", ".mlp_ln."),
    (r"\.self_attn\.", ".attn."),
    (r"\.encoder_attn\.", ".cross_attn."),
    (r"\.q_proj\.", ".query."),
    (r"\.k_proj\.", ".key."),
    (r"\.v_proj\.", ".value."),
    (r"\.out_proj\.", ".out."),
    (r"\.fc1\.", ".mlp.0."),
    (r"\.fc2\.", ".mlp.2."),
)


@dataclass(frozen=True, slots=True)
class Weights:
    """A checkpoint's tensors by transformers' names without the leading `model.`."""

    checkpoint: Checkpoint

    def published(self, name: str) -> str:
        """The name under which this checkpoint stores a tensor.

        Raises:
            UnsupportedModel: It does not.
        """
        if self.checkpoint.layout == "openai":
            spelled = name
            for pattern, replacement in _OPENAI:
                spelled = re.sub(pattern, replacement, spelled)
            candidates = [spelled]
        else:
            candidates = [f"model.{name}", name]
        known = self.checkpoint.names()
        for candidate in candidates:
            if candidate in known:
                return candidate
        raise UnsupportedModel(f"not a Whisper checkpoint: it has no tensor {candidates[0]!r}")

    def has(self, name: str) -> bool:
        """Whether the checkpoint stores the tensor."""
        try:
            self.published(name)
        except UnsupportedModel:
            return False
        return True

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return self.checkpoint.shape(self.published(name))

    def tensor(self, name: str) -> Array:
        """A whole tensor as float32."""
        return self.checkpoint.read(self.published(name))

    def matrix(self, layer: str) -> CheckpointMatrix:
        """The weight of a layer, to be read by rows."""
        return CheckpointMatrix(self.checkpoint, self.published(f"{layer}.weight"))

    def head(self, embedding: CheckpointMatrix) -> CheckpointMatrix:
        """The output projection: the embedding itself, unless a fine-tune has untied them."""
        untied = self.checkpoint.config.get("tie_word_embeddings") is False
        return self.matrix("proj_out") if untied and self.has("proj_out.weight") else embedding

    def bias(self, layer: str) -> Array:
        """The bias of a layer; zeros where it has none, as Whisper's key projections."""
        if self.has(f"{layer}.bias"):
            return self.tensor(f"{layer}.bias")
        return np.zeros(self.shape(f"{layer}.weight")[0], np.float32)
