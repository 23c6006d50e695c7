"""Recordings whose words have known times.

Three kinds, all English:

- `synthetic`: the corpus's sentences spoken by eSpeak NG, which says when each phoneme begins.
  Exact, but a machine's voice.
- `read aloud`: the corpus's clips, with times from PocketSphinx's forced alignment of the known
  text: another method (hidden Markov models, 10 ms steps) and a human voice, but itself a few
  hundredths of a second off. Clips with words that its dictionary lacks are left out.
- `beside pauses`: those clips in groups of four with 0.3 to 1.5 s of silence between them; only
  the first and the last word of each clip count, which is where attention is at its worst.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import packages
from benchmarks.corpus import SAMPLE_RATE, Clip
from benchmarks.espeak import TimedWord, say

Array = np.ndarray[Any, np.dtype[Any]]

_ALIGNER = "pocketsphinx==5.1.1"
_FRAMES_PER_SECOND = 100
_VOICES = (("en-us", 150), ("en-gb", 165), ("en-us+f3", 180))
_PAUSES_SECONDS = (0.3, 0.8, 1.5)
_GROUP = 4


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording.

    Attributes:
        name: For messages.
        part: Kind of truth.
        waveform: (n,) float32 at 16 kHz.
        words: All words in order; those that do not count have no times.
    """

    name: str
    part: str
    waveform: Array
    words: tuple[TimedWord, ...]


def synthetic(clips: Sequence[Clip]) -> Iterator[Recording]:
    """The clips' texts in voices and speeds that take turns."""
    import soxr

    for clip, (voice, speed) in zip(clips, cycle(_VOICES), strict=False):
        spoken = say(clip.text, voice=voice, words_per_minute=speed)
        waveform = soxr.resample(spoken.waveform, spoken.sample_rate, SAMPLE_RATE)
        yield Recording(clip.name, "synthetic", waveform, spoken.words)


def read_aloud(clips: Sequence[Clip], cache: Path) -> Iterator[Recording]:
    """The clips, aligned; those that cannot be are left out."""
    import soundfile

    tree = packages.wheel_tree(_ALIGNER, cache / "wheels")
    sys.path.append(str(tree))
    try:
        for clip in clips:
            samples, _ = soundfile.read(clip.path, dtype="int16")
            if words := _forced(samples, clip.text):
                waveform = samples.astype(np.float32) / 32768
                yield Recording(clip.name, "read aloud", waveform, words)
    finally:
        sys.path.remove(str(tree))


def _forced(samples: Array, text: str) -> tuple[TimedWord, ...]:
    import pocketsphinx

    decoder = pocketsphinx.Decoder(samprate=SAMPLE_RATE, loglevel="FATAL", bestpath=False)
    words = re.findall(r"[a-z']+", text.lower())
    if any(decoder.lookup_word(word) is None for word in words):
        return ()
    decoder.set_align_text(" ".join(words))
    decoder.start_utt()
    decoder.process_raw(samples.tobytes(), full_utt=True)
    decoder.end_utt()
    found = [part for part in decoder.seg() if part.word[0] not in "<[+"]
    if [part.word.partition("(")[0] for part in found] != words:
        return ()
    return tuple(
        (word, part.start_frame / _FRAMES_PER_SECOND, (part.end_frame + 1) / _FRAMES_PER_SECOND)
        for word, part in zip(words, found, strict=True)
    )


def beside_pauses(read: Sequence[Recording]) -> Iterator[Recording]:
    """Aligned clips joined with silence; the words at their ends count."""
    pauses = cycle(_PAUSES_SECONDS)
    for first in range(0, len(read), _GROUP):
        group = read[first : first + _GROUP]
        parts: list[Array] = []
        words: list[TimedWord] = []
        for recording in group:
            offset = sum(map(len, parts)) / SAMPLE_RATE
            words += _outermost(recording.words, offset)
            pause = np.zeros(round(next(pauses) * SAMPLE_RATE), np.float32)
            parts += [recording.waveform, pause]
        yield Recording(group[0].name, "beside pauses", np.concatenate(parts), tuple(words))


def _outermost(words: Sequence[TimedWord], offset: float) -> Iterator[TimedWord]:
    for i, (word, start, end) in enumerate(words):
        yield (
            word,
            start + offset if i == 0 and start is not None else None,
            end + offset if i + 1 == len(words) and end is not None else None,
        )
