"""Names of Moonshine's two graphs; `edge_voice_export.models.moonshine.graph` emits them.

Graphs that others have exported are run as they are, under the names of `edge_voice.merged`.
"""

from __future__ import annotations

from edge_voice.graph import GraphSpec

ENCODER = GraphSpec(
    inputs=("input_features",),  # (1, samples): the waveform itself, at 16 kHz, without padding
    outputs=(
        "encoder_hidden_states",  # (1, positions, width)
        # Cross-attention of decoder layer i; keys are transposed: what multiplies a single row
        "encoder.{i}.key",  # (1, heads, head size, positions)
        "encoder.{i}.value",  # (1, heads, positions, head size)
    ),
)

DECODER = GraphSpec(
    inputs=(
        "input_ids",  # (rows, n) int64
        "position_ids",  # (rows, n) int64; the cache's length tells the same, and is what is used
        "logits_positions",  # (k,) int64: the places among n whose logits are wanted
        "attention_positions",  # (m,) int64: the places among n whose cross-attention is wanted
        "seqlens_k",  # (rows,) int32: tokens in the cache after this call, minus one
        "total_sequence_length",  # () int32: the longest row after this call
        "encoder_attention_bias",  # (clips, 1, 1, positions): very low behind a shorter clip
        "past_key_values.{i}.key",  # (rows, heads, capacity, padded head size)
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
