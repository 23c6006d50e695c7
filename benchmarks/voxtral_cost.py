"""What Voxtral TTS costs against the length of the text; `benchmarks.voxtral_frame` calls this.

A model with random weights does not know when to stop, so every passage is given the frames that
speech of its length takes. All else is as when somebody uses it: text front end, passages, prompt,
frames, codec.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.children import memory_bytes
from benchmarks.timing import timed

CHARACTERS = (10, 50, 200, 600, 2000)
POSITIONS = (250, 500, 1000)
_FRAMES_PER_CHARACTER = 0.7
_STEPS_TIMED = 16
# The published vocabulary (as in mistral_common 1.13.1) has a token for each of these words.
TEXT = "It was a bright cold day in April, and the clocks were striking thirteen. "


def measure(folder: str, threads: int, steps: int, most_characters: int) -> dict[str, Any]:
    """Texts of growing length, spoken in full, and steps of the backbone at growing positions."""
    import edge_voice

    model: Any = edge_voice.load(Path(folder), threads=threads)
    with natural_length():
        for _ in model.synthesize(TEXT[:10], steps=steps):  # the voice, and memory that is kept
            pass
        rows = [spoken(model, count, steps) for count in CHARACTERS if count <= most_characters]
    at = {str(positions): step_milliseconds(model, positions) for positions in POSITIONS}
    return {"steps": steps, "texts": rows, "step_milliseconds": at}


@contextmanager
def natural_length() -> Iterator[None]:
    """Ends every passage where speech of its length would, and takes it for good."""
    from edge_voice.models.voxtral_tts import passages, speech

    with (
        patch.object(passages, "_MOST_FRAMES_PER_CHARACTER", _FRAMES_PER_CHARACTER),
        patch.object(passages, "_GRACE_FRAMES", 1),
        patch.object(speech, "_ATTEMPTS", 1),
    ):
        yield


def spoken(model: Any, characters: int, steps: int) -> dict[str, Any]:
    """Speaks a text of so many characters."""
    text = "".join(islice(cycle(TEXT), characters))
    begin = time.perf_counter()
    samples, first = 0, 0.0
    for chunk in model.synthesize(text, steps=steps):
        first = first or time.perf_counter() - begin
        samples += len(chunk.waveform)
    return {
        "characters": characters,
        "audio_seconds": round(samples / model.sample_rate, 2),
        "seconds": round(time.perf_counter() - begin, 2),
        "first_sound_seconds": round(first, 2),
        "resident_bytes": memory_bytes("VmRSS"),
    }


def step_milliseconds(model: Any, positions: int) -> float:
    """Of one step of the backbone behind so many positions; what they hold makes no difference."""
    backbone = model.backbone
    model.forget()
    backbone.reserve(positions + _STEPS_TIMED)
    backbone.cache.advance(positions)
    row = np.zeros(backbone.width, np.float32)
    found = [timed(lambda: backbone.step(row)) for _ in range(_STEPS_TIMED)]
    model.forget()
    return round(1000 * median(found), 2)
