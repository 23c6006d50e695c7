"""Fifty varied sentences spoken by each voice and heard by Whisper base: word error rates.

    python -m benchmarks.voices_round_trip [--model kokoro-82m] [--voice NAME …] [--limit N]

Models are names in the store or folders of bundles. Without `--voice` the ten voices of Kokoro
with the best grades speak, and hibari.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import edge_voice
from benchmarks import machine
from benchmarks.wer import WordErrors, score
from edge_voice.synthesizer import Synthesizer
from edge_voice.transcriber import Transcriber

SENTENCES = Path(__file__).parents[1] / "tests/data/spoken_sentences.txt"
# The best grades of the publisher's list; of those with C+, in its order.
BEST_VOICES = (
    "af_heart", "af_bella", "af_nicole", "bf_emma", "af_aoede", "af_kore", "af_sarah",
    "am_fenrir", "am_michael", "am_puck",
)  # fmt: skip


def round_trip(
    speaker: Synthesizer, voice: str, listener: Transcriber, sentences: list[str]
) -> dict[str, Any]:
    """Errors of one voice, and the sentences that were not heard as written."""
    total, seconds, wrong = WordErrors(), 0.0, []
    for sentence in sentences:
        chunks = speaker.synthesize(sentence, voice=voice)
        waveform = np.concatenate([chunk.waveform for chunk in chunks])
        # A whole sentence, whispered or not: nobody has to find out whether that is speech.
        heard = listener.transcribe(
            waveform, sample_rate=speaker.sample_rate, language="en", vad=False
        ).text
        errors = score(sentence, heard)
        seconds += len(waveform) / speaker.sample_rate
        total += errors
        if errors.errors:
            wrong.append({"said": sentence, "heard": heard.strip()})
    return {
        "voice": voice,
        "audio_seconds": round(seconds, 1),
        "wer": total.as_dict(),
        "wrong": wrong,
    }


def voices(options: argparse.Namespace) -> Iterator[tuple[str, Synthesizer, tuple[str, ...]]]:
    """Model, loaded, and which of its voices."""
    kokoro = edge_voice.load(
        options.model, task="speak", precision=options.precision, threads=options.threads
    )
    yield "kokoro-82m", kokoro, tuple(options.voice or BEST_VOICES)
    if not options.voice:
        hibari = edge_voice.load("hibari", task="speak", threads=options.threads)
        yield "hibari", hibari, hibari.voices


def main() -> None:
    """Lets every voice speak and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="kokoro-82m")
    parser.add_argument("--precision")
    parser.add_argument("--voice", action="append", metavar="NAME")
    parser.add_argument("--listener", default="whisper-base")
    parser.add_argument("--limit", type=int, help="so many sentences: a trial, not a result")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    listener = edge_voice.load(options.listener, task="transcribe", threads=options.threads)
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()[: options.limit]
    rows = []
    for name, speaker, chosen in voices(options):
        for voice in chosen:
            rows.append({"model": name, **round_trip(speaker, voice, listener, sentences)})
            print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    result = {
        "kind": "voices_round_trip",
        "machine": machine.facts(("edge-voice", "onnxruntime", "whisper-normalizer")),
        "listener": options.listener,
        "sentences": len(sentences),
        "rows": rows,
    }
    target = machine.result_path("voices-round-trip", options.out)
    target.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(target)


if __name__ == "__main__":
    main()
