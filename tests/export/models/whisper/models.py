"""Tiny Whisper bundles, and their graphs run by name without the runtime's model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.synthetic import Dtype
from benchmarks.synthetic_whisper import SyntheticCheckpoint
from benchmarks.whisper_sizes import WhisperSize
from edge_voice.manifest import Manifest, SourceEntry
from edge_voice.models.whisper import graphs
from edge_voice.seq2seq import Decoder, Encoded
from edge_voice.session import Session
from edge_voice_export.numeric_check import cosine as cosine
from edge_voice_export.pipeline import export_checkpoint
from tests.export.matrices import DrawnOnce

from .reference import ReferenceWhisper

Array = np.ndarray[Any, np.dtype[Any]]

VOCABULARY = 2120  # what the tiny tokenizer of `write_tiny_whisper` has
SIZE = WhisperSize(2, 64, 2, vocab=VOCABULARY, audio_ctx=100, text_ctx=32)


class _DrawnCheckpoint(DrawnOnce, SyntheticCheckpoint):
    """Random weights that stay the same."""


@dataclass(frozen=True)
class TinyCheckpoint:
    """Where random weights go to become a bundle, and the same weights in numpy."""

    checkpoint: SyntheticCheckpoint
    reference: ReferenceWhisper

    def export(self, output: Path, precision: str) -> Graphs:
        manifest = export_checkpoint(
            self.checkpoint,
            output,
            precision=precision,
            name="tiny",
            licence="",
            provenance=SourceEntry(file="none"),
        )
        return Graphs(output, manifest)


def tiny_checkpoint(
    tokenizer: Path,
    *,
    dtype: Dtype = "float32",
    encoder_heads: int | None = None,
    decoder_heads: int | None = None,
    seed: int = 0,
    **sizes: Any,
) -> TinyCheckpoint:
    """Random weights of the size `SIZE` but for what is said; `tokenizer` is the folder of one."""
    size = replace(SIZE, **sizes)
    checkpoint = _DrawnCheckpoint(size, tokenizer, dtype=dtype, seed=seed)
    config = checkpoint.config
    config["encoder_attention_heads"] = encoder_heads or size.heads
    config["decoder_attention_heads"] = decoder_heads or size.heads
    reference = ReferenceWhisper(
        lambda name: checkpoint.read(f"model.{name}"),
        config["encoder_layers"],
        config["decoder_layers"],
        config["encoder_attention_heads"],
        config["decoder_attention_heads"],
    )
    return TinyCheckpoint(checkpoint, reference)


class Graphs:
    """Both graphs of a bundle."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.config = manifest.config
        self._encoder = Session(folder / manifest.graphs["encoder"], graphs.ENCODER)
        self._decoder = Session(folder / manifest.graphs["decoder"], graphs.DECODER)

    def encode(self, features: Array) -> dict[str, Array]:
        """(batch, mels, frames) → all outputs by name."""
        return self._encoder.run({"input_features": features})

    def decoder(self, encoded: dict[str, Array], rows: int) -> DecoderRun:
        """An empty cache over encoded clips."""
        cross = {name: value for name, value in encoded.items() if name.count(".") == 2}
        return DecoderRun(self._decoder, cross, rows, self.config["text_positions"])

    def runtime_decoder(self, encoded: Encoded) -> Decoder:
        """What the runtime decodes one clip with."""
        return Decoder(self._decoder, encoded, text_positions=self.config["text_positions"])

    def logits(self, encoded: dict[str, Array], ids: Array) -> Array:
        """(rows, n) ids in one pass → (rows, n, vocabulary)."""
        return self.decoder(encoded, len(ids)).feed(ids)


class DecoderRun:
    """The decoder graph with a cache that is copied at each call: nothing is shared in place.

    Attributes:
        looks: (clips, heads, n, positions) weights of cross-attention of each layer, of the
            tokens fed last.
    """

    def __init__(self, session: Session, cross: dict[str, Array], rows: int, capacity: int) -> None:
        self._session = session
        self._cross = cross
        self.length = 0
        self.looks: list[Array] = []
        _, heads, _, size = session.shape("past_key_values.0.key")
        self.past = {
            f"past_key_values.{i}.{kind}": np.zeros((rows, heads, capacity, size), np.float32)
            for i in range(session.layers)
            for kind in ("key", "value")
        }

    def feed(self, ids: Array, wanted: Array | None = None) -> Array:
        """(rows, n) ids → (rows, k, vocabulary) at the wanted places among n; all by default."""
        rows, count = ids.shape
        positions = np.arange(self.length, self.length + count)
        self.length += count
        outputs = self._session.run(
            {
                "input_ids": ids.astype(np.int64),
                "position_ids": np.tile(positions, (rows, 1)),
                "logits_positions": np.arange(count) if wanted is None else wanted,
                "attention_positions": np.arange(count),
                "seqlens_k": np.full(rows, self.length - 1, np.int32),
                "total_sequence_length": np.array(self.length, np.int32),
                **self.past,
                **self._cross,
            }
        )
        self.past = {name: outputs[name.replace("past_key_values", "present")]
                     for name in self.past}  # fmt: skip
        self.looks = [outputs[f"cross_attentions.{i}"] for i in range(self._session.layers)]
        return outputs["logits"]


def features(mels: int, frames: int, batch: int = 1, seed: int = 0) -> Array:
    """(batch, mels, frames) of noise in the range of log-mel features."""
    random = np.random.default_rng(seed)
    return random.normal(0, 0.5, (batch, mels, frames)).astype(np.float32)


def token_ids(rows: int, count: int, seed: int = 0) -> Array:
    """(rows, count) int64 of any tokens."""
    return np.random.default_rng(seed).integers(0, VOCABULARY, (rows, count))
