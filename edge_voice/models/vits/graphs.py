"""Names of the one graph of a VITS voice, as `edge_voice_export.models.vits` makes them.

The published graphs draw random numbers inside and have their speed built in; both become inputs.
"""

from __future__ import annotations

from edge_voice.graph import GraphSpec

INPUT_IDS = "input_ids"  # (1, n) int64
MASK = "attention_mask"  # (1, n) int64, all ones
LENGTHS = "input_lengths"  # (1,) int64: n
SPEAKER = "speaker_id"  # (1,) int64
LENGTH_SCALE = "length_scale"  # (1,) float32: how long everything lasts
DURATION_NOISE = "duration_noise"  # (k,) float32, used again from the start if it is too short
LATENT_NOISE = "latent_noise"  # likewise
WAVEFORM = "waveform"  # any shape, of one utterance: float32 samples

ALWAYS = (INPUT_IDS, LENGTH_SCALE, LATENT_NOISE)
OPTIONAL = (MASK, LENGTHS, SPEAKER, DURATION_NOISE)


def spec(inputs: tuple[str, ...]) -> GraphSpec:
    """The names of a graph with some of the optional inputs."""
    return GraphSpec(inputs=(*ALWAYS, *inputs), outputs=(WAVEFORM,))
