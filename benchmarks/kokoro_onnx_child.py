"""What runs in kokoro-onnx's own environment: speaks phonemes, tells how long it took.

It imports nothing of this repository: `python kokoro_onnx_child.py '{"graph": …}'`.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Prints the result as the last line."""
    print(json.dumps(speak(**json.loads(sys.argv[1]))), flush=True)


def speak(
    graph: str, voices: str, voice: str, phonemes: list[str], threads: int, samples: str
) -> dict[str, Any]:
    """Speaks a text of several sentences as a stream, and with `samples` each on its own.

    Args:
        graph: ONNX file.
        voices: `.npz` of the voices.
        voice: Name of one.
        phonemes: Of each sentence.
        threads: Cores.
        samples: Folder for a `.npy` of each sentence; empty for none.
    """
    import numpy as np
    import onnxruntime as ort
    from kokoro_onnx import Kokoro

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    kokoro = Kokoro.from_session(session, voices)
    kokoro.create(phonemes[0], voice=voice, is_phonemes=True)  # the first run allocates
    text = " ".join(phonemes)
    result = asyncio.run(_streamed(kokoro, text, voice))
    for index, each in enumerate(phonemes if samples else ()):
        waveform, _ = kokoro.create(each, voice=voice, is_phonemes=True, trim=False)
        np.save(Path(samples) / f"{index}.npy", waveform)
    return result


async def _streamed(kokoro: Any, text: str, voice: str) -> dict[str, Any]:
    begin = time.perf_counter()
    first, count = 0.0, 0
    async for waveform, rate in kokoro.create_stream(text, voice=voice, is_phonemes=True):
        first = first or time.perf_counter() - begin
        count += len(waveform) / rate
    return {
        "first_seconds": first,
        "seconds": time.perf_counter() - begin,
        "audio_seconds": count,
        "peak_bytes": _peak_bytes(),
    }


def _peak_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


if __name__ == "__main__":
    main()
