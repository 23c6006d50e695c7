"""The checkpoint's tensors: looked up by published name, their shapes checked before use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_voice.errors import UnsupportedModel

from ...checkpoint import Checkpoint
from ...weights import Array, CheckpointMatrix, Matrix, StackedMatrix

TEXT_EMBEDDINGS = "mm_audio_embeddings.tok_embeddings.weight"
AUDIO_EMBEDDINGS = "mm_audio_embeddings.audio_codebook_embeddings.embeddings.weight"
_CLUSTER_FLOOR = 1e-5  # vllm_omni 0.30.0, `voxtral_tts_audio_tokenizer.py`: unused entries


@dataclass(frozen=True, slots=True)
class Weights:
    """A checkpoint's tensors; a missing or misshapen one is refused by name."""

    checkpoint: Checkpoint

    def tensor(self, name: str, *shape: int) -> Array:
        """A whole tensor as float32; an empty `shape` accepts any.

        Raises:
            UnsupportedModel: It is missing, or has another shape.
        """
        self._check(name, shape)
        return self.checkpoint.read(name)

    def matrix(self, layer: str, rows: int, width: int) -> CheckpointMatrix:
        """The weight of a layer, to be read by rows.

        Raises:
            UnsupportedModel: It is missing, or has another shape.
        """
        name = f"{layer}.weight"
        self._check(name, (rows, width))
        return CheckpointMatrix(self.checkpoint, name)

    def projection(self, layer: str, width: int, **rows: int) -> Matrix:
        """Projections of the same input, such as `wq=4096, wk=1024, wv=1024`, fused into one."""
        parts = [self.matrix(f"{layer}.{part}", count, width) for part, count in rows.items()]
        return parts[0] if len(parts) == 1 else StackedMatrix(tuple(parts))

    def rows(self, layer: str) -> int:
        """Output channels of a layer."""
        return self.checkpoint.shape(f"{layer}.weight")[0]

    def convolution(self, layer: str, *shape: int) -> Array:
        """The weight of a convolution with its weight norm folded in: g · v / ‖v‖.

        The norm is taken over all axes but the first, whatever the first one means (Salimans &
        Kingma 2016, as PyTorch's parametrization stores it).
        """
        prefix = f"{layer}.conv.parametrizations.weight"
        magnitude = self.tensor(f"{prefix}.original0", shape[0], 1, 1)
        direction = self.tensor(f"{prefix}.original1", *shape)
        norm = np.sqrt((direction.astype(np.float64) ** 2).sum(axis=(1, 2), keepdims=True))
        return np.asarray(magnitude * direction / norm, np.float32)

    def semantic_codebook(self, codes: int) -> Array:
        """(codes, dimensions): the mean of what was assigned to each entry in training."""
        prefix = "audio_tokenizer.quantizer.semantic_codebook"
        usage = self.tensor(f"{prefix}.cluster_usage", codes)
        total = self.tensor(f"{prefix}.embedding_sum")
        return total / np.maximum(usage, np.float32(_CLUSTER_FLOOR))[:, None]

    def _check(self, name: str, shape: tuple[int, ...]) -> None:
        found = self.checkpoint.shape(name)
        if shape and found != shape:
            raise UnsupportedModel(
                f"tensor {name!r} has shape {list(found)} (params.json makes it {list(shape)})"
            )
