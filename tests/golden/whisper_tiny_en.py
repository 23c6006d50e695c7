"""What openai-whisper computes with the published tiny.en weights; tests/data/README.md says how.

The files in the repository hold strided parts of the arrays. `full_clips` reads the complete ones
from the folder of reference data, for those who have it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.audio import read

Array = np.ndarray[Any, np.dtype[Any]]

# float32 in another order of operations: an independent log-mel is off by up to 2e-5, and what
# that does to hidden states (up to 13) and logits (up to 46) is a tenth of the rest.
FEATURES = {"rtol": 0, "atol": 1e-4}
ENCODER = {"rtol": 0, "atol": 2e-3}
LOGITS = {"rtol": 0, "atol": 2e-3}


@dataclass(frozen=True)
class Clip:
    """Expectations for one recording.

    Attributes:
        waveform: (n,) float32 at 16 kHz.
        columns: Indices of the stored columns of the features.
        features: (80, columns) log-mel.
        heard: Columns from here to the end of the window equal `rest`.
        rest: Value of silence.
        rows: Indices of the stored encoder positions.
        encoded: (rows, 384) encoder output.
        encoder_mean: (384,) over all 1500 positions.
        encoder_std: (384,) likewise.
        ids: (n,) teacher-forced tokens, the prompt first.
        top_ids: (n, 50) tokens with the largest logits behind each of them.
        top_logits: (n, 50) these logits.
        log_sum_exp: (n,) over the vocabulary.
        greedy: Plain greedy ids, the end token included.
        with_timestamps: Ids of greedy decoding under the rules for timestamps.
        spoken: What is said.
        text: What the reference transcribes at temperature 0.
        segments: (start, end, text) of the same.
    """

    waveform: Array
    columns: Array
    features: Array
    heard: int
    rest: float
    rows: Array
    encoded: Array
    encoder_mean: Array
    encoder_std: Array
    ids: Array
    top_ids: Array
    top_logits: Array
    log_sum_exp: Array
    greedy: list[int]
    with_timestamps: list[int]
    spoken: str
    text: str
    segments: list[tuple[float, float, str]]


def clips(data: Path) -> dict[str, Clip]:
    """The clips of the repository, by a short name."""
    texts = json.loads((data / "whisper_tiny_en/expected.json").read_text(encoding="utf-8"))
    arrays = np.load(data / "whisper_tiny_en/expected.npz")
    found = {}
    for name, said in texts["clips"].items():
        part = {key.removeprefix(f"{name}_"): arrays[key] for key in arrays if key.startswith(name)}
        found[name] = Clip(
            waveform=read(data / said["file"]),
            columns=part["mel_columns"],
            features=part["mel"],
            heard=int(part["mel_heard"]),
            rest=float(part["mel_rest"]),
            rows=part["encoder_rows"],
            encoded=part["encoder"],
            **_common(part),
            greedy=said["plain_greedy_ids"],
            with_timestamps=said["decode_timestamps"],
            spoken=said["reference_text"],
            text=said["transcribe"]["text"].strip(),
            segments=[(start, end, text.strip()) for start, end, text in
                      said["transcribe"]["segments"]],
        )  # fmt: skip
    return found


def full_clips(folder: Path) -> dict[str, Clip]:
    """The complete clips of a folder `whisper_tiny_en` of reference data."""
    texts = json.loads((folder / "expected.json").read_text(encoding="utf-8"))["clips"]
    return {name: _full_clip(folder, name, said) for name, said in texts.items()}


def _full_clip(folder: Path, name: str, said: dict[str, Any]) -> Clip:
    part = dict(np.load(folder / f"expected_{name}.npz"))
    heard = part["mel"].shape[1]
    return Clip(
        waveform=read(folder / said["file"]),
        columns=np.arange(heard),
        features=part["mel"],
        heard=heard,
        rest=float(part["mel_rest_value"]),
        rows=part["encoder_rows"],
        encoded=part["encoder_strided"],
        **_common(part),
        greedy=said["plain_greedy_ids"],
        with_timestamps=said["decode_timestamps"]["ids"],
        spoken=said["reference_text"],
        text=said["transcribe"]["text"].strip(),
        segments=[(segment["start"], segment["end"], segment["text"].strip())
                  for segment in said["transcribe"]["segments"]],
    )  # fmt: skip


def _common(part: dict[str, Array]) -> dict[str, Array]:
    return {
        "encoder_mean": part["encoder_mean"],
        "encoder_std": part["encoder_std"],
        "ids": part["tf_ids"],
        "top_ids": part["tf_top_ids"],
        "top_logits": part["tf_top_values"],
        "log_sum_exp": part["tf_logsumexp"],
    }
