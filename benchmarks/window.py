"""How far Whisper's window of 30 s can shrink without harm.

    python -m benchmarks.window --bundle DIR [--clips DIR] [--out FILE]

Each short clip is transcribed at three speeds (0.93, 1, 1.07: three different recordings as far
as the model is concerned) with different lengths of silence encoded behind it, once taking every
result as it comes and once with the second look that decodes a suspicious result again in a full
window. The table shows word error rate, the encoder's frames and the time against those of full
windows, all from one run.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edge_voice
from benchmarks import corpus, machine
from benchmarks.wer import WordErrors, score

_SPEEDS = (0.93, 1.0, 1.07)
_TAILS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One clip at one speed: (n,) float32 at 16 kHz and what is said."""

    waveform: Any
    text: str


def utterances(clips: tuple[corpus.Clip, ...]) -> list[Utterance]:
    """Every clip at every speed."""
    import soundfile
    import soxr

    found = []
    for clip in clips:
        waveform, rate = soundfile.read(clip.path, dtype="float32")
        for speed in _SPEEDS:
            found.append(Utterance(soxr.resample(waveform, rate * speed, rate), clip.text))
    return found


def measure(model: Any, spoken: list[Utterance], tail: float, second_look: bool) -> dict[str, Any]:
    """One row of the table."""
    listener = model.listener
    listener.tail_seconds, listener.second_look = tail, second_look
    errors, frames = WordErrors(), 0
    encode = listener._encoder

    def counting(features: Any) -> Any:
        nonlocal frames
        frames += features.shape[0] * features.shape[-1]
        return encode(features)

    listener._encoder = counting
    started = time.perf_counter()
    for utterance in spoken:
        text = model.transcribe(utterance.waveform, language="en").text
        errors += score(utterance.text, text)
    seconds = time.perf_counter() - started
    listener._encoder = encode
    return {
        "tail_seconds": tail,
        "second_look": second_look,
        "frames": frames,
        "seconds": round(seconds, 3),
        "wer": errors.as_dict(),
    }


def main() -> None:
    """Measures every row and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tails", type=float, nargs="+", default=_TAILS)
    parser.add_argument("--out", type=Path)
    corpus.add_options(parser)
    options = parser.parse_args()
    spoken = utterances(corpus.from_options(options).short)
    model = edge_voice.load(options.bundle, threads=options.threads)
    rows = []
    for tail in options.tails:
        for second_look in (False, True) if tail < 30 else (False,):
            rows.append(measure(model, spoken, tail, second_look))
            print(json.dumps(rows[-1]), flush=True)
    result = {
        "kind": "window",
        "machine": machine.facts(),
        "utterances": len(spoken),
        "rows": rows,
    }
    out = machine.result_path("whisper-window", options.out)
    out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
