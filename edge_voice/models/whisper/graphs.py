"""Names of Whisper's two graphs; `edge_voice_export.models.whisper.graph` emits them."""

from __future__ import annotations

from edge_voice.graph import GraphSpec

ENCODER = GraphSpec(
    inputs=("input_features",),  # (batch, mels, frames) log-mel, frames even
    outputs=(
        "encoder_hidden_states",  # (batch, frames / 2, width)
        # Cross-attention of decoder layer i; keys are transposed: what multiplies a single row
        "encoder.{i}.key",  # (batch, heads, head size, frames / 2)
        "encoder.{i}.value",  # (batch, heads, frames / 2, head size)
    ),
)

DECODER = GraphSpec(
    inputs=(
        "input_ids",  # (rows, n) int64
        "position_ids",  # (rows, n) int64
        "logits_positions",  # (k,) int64: the places among n whose logits are wanted
        "attention_positions",  # (m,) int64: the places among n whose cross-attention is wanted
        "seqlens_k",  # (rows,) int32: tokens in the cache after this call, minus one
        "total_sequence_length",  # () int32: the longest row after this call
        "past_key_values.{i}.key",  # (rows, heads, capacity, head size)
        "past_key_values.{i}.value",
        "encoder.{i}.key",  # (clips, heads, head size, positions); clips divides rows
        "encoder.{i}.value",
    ),
    outputs=(
        "logits",  # (rows, k, vocabulary)
        "present.{i}.key",  # the same memory as past_key_values
        "present.{i}.value",
        "cross_attentions.{i}",  # (clips, heads, m, positions) of each clip's first row
    ),
)
