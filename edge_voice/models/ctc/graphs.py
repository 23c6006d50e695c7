"""Names of the one graph of a CTC model, as optimum and transformers.js export it."""

from __future__ import annotations

from edge_voice.graph import GraphSpec

WAVEFORM, LOG_MEL = "waveform", "log_mel"
INPUTS = {
    WAVEFORM: "input_values",  # (1, samples) float32
    LOG_MEL: "input_features",  # (1, frames, features) float32
}
MASK = "attention_mask"  # (1, samples or frames) int64, all ones: nothing is padded
LOGITS = "logits"  # (1, positions, vocabulary) float32


def spec(features: str, *, masked: bool) -> GraphSpec:
    """The names of a graph.

    Args:
        features: What it hears, `waveform` or `log_mel`.
        masked: Whether it asks which samples or frames count.
    """
    inputs = (INPUTS[features], MASK) if masked else (INPUTS[features],)
    return GraphSpec(inputs=inputs, outputs=(LOGITS,))
