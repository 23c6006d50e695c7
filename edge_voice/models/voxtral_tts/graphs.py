"""Names of Voxtral's graphs; `edge_voice_export.models.voxtral_tts` emits them."""

from __future__ import annotations

from edge_voice.graph import GraphSpec

# Text, voice and audio embeddings → hidden states, for prefill and for single steps alike.
BACKBONE = GraphSpec(
    inputs=(
        "inputs_embeds",  # (1, n, width) float32
        "hidden_positions",  # (k,) int64: the places among n whose hidden states are wanted
        "seqlens_k",  # (1,) int32: positions in the cache after this call, minus one
        "total_sequence_length",  # () int32: positions in the cache after this call
        "past_key_values.{i}.key",  # (1, kv heads, capacity, head size)
        "past_key_values.{i}.value",
    ),
    outputs=(
        "hidden_states",  # (1, k, width), after the final norm
        "present.{i}.key",  # the same memory as past_key_values
        "present.{i}.value",
    ),
)

# What has to be known of a hidden state once per frame.
HEAD = GraphSpec(
    inputs=("hidden_states",),  # (1, width)
    outputs=(
        "semantic_logits",  # (1, semantic rows), nothing masked
        "condition",  # (1, width): the token that tells the acoustic transformer what to say
        "condition_qkv",  # (1, qkv): its projections in layer 0
    ),
)

# Tokens of the times 0 … 1 of an Euler grid: needed once for each number of steps.
TIME = GraphSpec(
    inputs=("times",),  # (n, 1)
    outputs=("time_tokens", "time_qkv"),  # (n, width), (n, qkv)
)

# One evaluation of the velocity field of flow matching.
VELOCITY = GraphSpec(
    inputs=(
        "x",  # (1, codebooks)
        "time_token",  # (1, width)
        "time_qkv",  # (1, qkv)
        "condition",  # (1, width)
        "condition_qkv",  # (1, qkv)
    ),
    outputs=("velocities",),  # (2, codebooks): with the condition, and without
)

# Codes → samples, with the state that makes chunks continue one another exactly.
CODEC = GraphSpec(
    inputs=(
        "audio_codes",  # (frames, 1 + codebooks) int64 without special offset
        "frames_before",  # () int64: frames decoded before; 0 starts a new stream
        "past_steps.{i}",  # (kernel / stride - 1, channels) of block i's convolution
        "past_keys.{i}",  # (layers, window, width) of block i
        "past_values.{i}",
        "past_output_steps",  # (kernel - 1, width) of the last convolution
    ),
    outputs=(
        "waveform",  # (frames · samples per frame,), not clipped
        "present_steps.{i}",
        "present_keys.{i}",
        "present_values.{i}",
        "present_output_steps",
    ),
)
