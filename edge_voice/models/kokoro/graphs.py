"""Names of Kokoro's graphs."""

from __future__ import annotations

from edge_voice.graph import GraphSpec

ENCODER = GraphSpec(
    inputs=(
        "input_ids",  # (1, n) int64 phonemes, 0 at both ends
        "style",  # (1, 256) float32 of a voice, for this many phonemes
        "speed",  # (1,) float32; durations are divided by it
    ),
    outputs=(
        "aligned_text",  # (1, channels, frames) of 25 ms
        "pitch",  # (1, 2 · frames) hertz
        "energy",  # (1, 2 · frames)
        "source",  # (1, bins, steps) magnitudes and phases of the excitation, of 5 samples each
    ),
)
DECODER = GraphSpec(
    inputs=("aligned_text", "pitch", "energy", "source", "style"),
    outputs=("waveform",),  # (1, samples)
)
