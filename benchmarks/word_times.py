"""How far word times are off, on recordings whose word times are known (`word_truth.py`).

    python -m benchmarks.word_times --bundle NAME=DIR [--clips DIR] [--out FILE]

Each bundle is measured with heads chosen by what they do, with and without voice activity, and
with the published heads. A word of the transcript is compared with the word of the truth that it
is in the longest common sequence of words; others are counted as missed.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np

import edge_voice
from benchmarks import corpus, machine
from benchmarks.espeak import TimedWord
from benchmarks.wer import parse_bundles
from benchmarks.word_truth import Recording, beside_pauses, read_aloud, synthetic
from edge_voice.results import Word

_WITHIN_SECONDS = (0.1, 0.2)


def recordings(found: corpus.Corpus, cache: Path) -> list[Recording]:
    """All three kinds."""
    read = list(read_aloud(found.short, cache))
    return [*synthetic(found.short), *read, *beside_pauses(read)]


def measure(model: Any, spoken: Sequence[Recording], **options: Any) -> dict[str, dict[str, Any]]:
    """Errors of each part.

    Args:
        model: A transcriber.
        spoken: What it is given.
        **options: Of the transcription.
    """
    errors: dict[str, dict[str, list[float]]] = {}
    counts: dict[str, list[int]] = {}
    for recording in spoken:
        found = model.transcribe(
            recording.waveform, sample_rate=16_000, language="en", timestamps="word", **options
        )
        words = [word for segment in found.segments for word in segment.words]
        part = errors.setdefault(recording.part, {"start": [], "end": []})
        counted = counts.setdefault(recording.part, [0, 0])
        known = [any(time is not None for time in times) for _, *times in recording.words]
        counted[1] += sum(known)
        for (_, start, end), word in matches(recording.words, words):
            counted[0] += start is not None or end is not None
            part["start"] += [] if start is None else [word.start - start]
            part["end"] += [] if end is None else [word.end - end]
    return {
        part: {"words": counts[part][1], "found": counts[part][0]}
        | {side: summary(values) for side, values in sides.items()}
        for part, sides in errors.items()
    }


def matches(
    truth: Sequence[TimedWord], words: Sequence[Word]
) -> Iterator[tuple[TimedWord, Word]]:
    """Words of both that are the same but for case and punctuation."""
    one, other = [plain(word[0]) for word in truth], [plain(word.text) for word in words]
    for at, to, size in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
        yield from zip(truth[at : at + size], words[to : to + size], strict=True)


def plain(text: str) -> str:
    """Letters and digits alone."""
    return re.sub(r"\W", "", text.lower())


def summary(errors: Sequence[float]) -> dict[str, float]:
    """What to say of signed errors in seconds."""
    values = np.array(errors)
    sizes = np.abs(values)
    shares = {f"within_{limit}": float((sizes <= limit).mean()) for limit in _WITHIN_SECONDS}
    found = {
        "bias": float(np.median(values)),
        "median": float(np.median(sizes)),
        "p90": float(np.quantile(sizes, 0.9)),
        **shares,
    }
    return {name: round(value, 4) for name, value in found.items()}


def rows(
    name: str, bundle: Path, spoken: Sequence[Recording], threads: int
) -> Iterator[dict[str, Any]]:
    """Measures one bundle in three ways."""
    model: Any = edge_voice.load(bundle, threads=threads)
    ways = {"chosen": (), "published": model.config.alignment_heads}
    for heads, vad in (("chosen", True), ("chosen", False), ("published", True)):
        model._windows.alignment_heads = ways[heads]
        yield {"model": name, "heads": heads, "vad": vad, "parts": measure(model, spoken, vad=vad)}


def main() -> None:
    """Measures every bundle and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", action="append", required=True, metavar="NAME=DIR")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    corpus.add_options(parser)
    options = parser.parse_args()
    spoken = recordings(corpus.from_options(options), options.cache)
    found = []
    for name, bundle in parse_bundles(options.bundle).items():
        for row in rows(name, bundle, spoken, options.threads):
            found.append(row)
            print(json.dumps(row), flush=True)
    result = {"kind": "word_times", "machine": machine.facts(("onnxruntime",)), "rows": found}
    out = machine.result_path("word-times", options.out)
    out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
