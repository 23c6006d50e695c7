"""Names of hibari's graphs, as they are published; the exporter takes them over byte for byte."""

from __future__ import annotations

from edge_voice.graph import GraphSpec

ACOUSTIC = GraphSpec(
    inputs=(
        "ids",  # (1, n) int64 phonemes, 0 at both ends
        "speed",  # (1,) float32; durations are divided by it
    ),
    outputs=(  # of each frame of 12.5 ms; (1, bins, frames) but for the last
        "lh",  # log magnitude of the harmonic part
        "theta",  # its phase, before tanh, in half turns
        "ln",  # log magnitude of the noise
        "lr",  # log magnitude of the free part
        "phi",  # its phase, in radians
        "f0",  # (1, frames) pitch in hertz, 0 where there is no voice
    ),
)
