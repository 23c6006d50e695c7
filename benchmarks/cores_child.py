"""What each core is given to do; runs on the emulated core, so it imports only the runtime.

    python -m benchmarks.cores_child BUNDLE OUTPUT TEXT CLIP...

Speech-to-text bundles transcribe the clips, voices speak the text into OUTPUT, a .npy file. The
last line of the output is a JSON object.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import json
import sys
from typing import Any

import numpy as np

import edge_voice
from edge_voice import cpu

_THREADS = 1  # a second one changes no number, and waits for the first on a busy machine


def work(bundle: str, output: str, text: str, clips: list[str]) -> dict[str, Any]:
    """Transcribes or speaks, whatever the bundle is for."""
    model = edge_voice.load(bundle, threads=_THREADS)
    facts = {"features": list(cpu.features())}
    if hasattr(model, "transcribe"):
        return {**facts, "texts": [model.transcribe(clip).text for clip in clips]}
    chunks = [chunk.waveform for chunk in model.synthesize(text)]
    np.save(output, np.concatenate(chunks))
    return {**facts, "sample_rate": model.sample_rate}


def main() -> None:
    """Works, and prints what came of it."""
    bundle, output, text, *clips = sys.argv[1:]
    print(json.dumps(work(bundle, output, text, clips)), flush=True)


if __name__ == "__main__":
    main()
