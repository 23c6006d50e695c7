"""Moonshine's tensors by transformers' names without the leading `model.`."""

from __future__ import annotations

from dataclasses import dataclass

from edge_voice.errors import UnsupportedModel

from ...checkpoint import Checkpoint
from ...weights import Array, CheckpointMatrix

_PREFIX = "model."


@dataclass(frozen=True, slots=True)
class Weights:
    """A checkpoint's tensors."""

    checkpoint: Checkpoint

    def has(self, name: str) -> bool:
        """Whether the checkpoint stores the tensor."""
        return self._stored(name) in self.checkpoint.names()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every tensor, by the names used here."""
        names = self.checkpoint.names()
        return {name.removeprefix(_PREFIX): self.checkpoint.shape(name) for name in names}

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor.

        Raises:
            UnsupportedModel: There is none of that name.
        """
        if not self.has(name):
            raise UnsupportedModel(
                f"{self.checkpoint.folder}: not a Moonshine checkpoint: no tensor {name!r}"
                f" (known there: {len(self.checkpoint.names())} others)"
            )
        return self.checkpoint.shape(self._stored(name))

    def tensor(self, name: str) -> Array:
        """A whole tensor as float32."""
        return self.checkpoint.read(self._stored(name))

    def matrix(self, layer: str) -> CheckpointMatrix:
        """The weight of a layer, to be read by rows."""
        return CheckpointMatrix(self.checkpoint, self._stored(f"{layer}.weight"))

    def bias(self, layer: str) -> Array | None:
        """The bias of a layer, if it has one."""
        return self.tensor(f"{layer}.bias") if self.has(f"{layer}.bias") else None

    def head(self, embedding: CheckpointMatrix) -> CheckpointMatrix:
        """The output projection: the embedding itself, unless a fine-tune has untied them."""
        untied = self.checkpoint.config.get("tie_word_embeddings") is False
        return self.matrix("proj_out") if untied and self.has("proj_out.weight") else embedding

    def _stored(self, name: str) -> str:
        known = self.checkpoint.names()
        return name if name in known and f"{_PREFIX}{name}" not in known else f"{_PREFIX}{name}"
