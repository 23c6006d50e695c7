"""What runs in a process of its own for `kokoro_peers`: our Kokoro."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

import edge_voice
from benchmarks.children import peak_bytes
from edge_voice.models.kokoro.model import KokoroModel


def phonemes(folder: str, voice: str, text: list[str]) -> dict[str, Any]:
    """Phonemes of each sentence, as the voice's language has them."""
    model = _open(folder, 1)
    phonemizer = model.phonemizer(model.voice_facts[voice].language)
    return {"phonemes": [phonemizer(sentence) for sentence in text]}


def speak(
    folder: str, voice: str, text: list[str], said: list[str], threads: int, samples: str
) -> dict[str, Any]:
    """Speaks a text of several sentences as a stream, and with `samples` each on its own.

    Args:
        folder: Bundle.
        voice: Name of one.
        text: Sentences.
        said: Phonemes of each sentence.
        threads: Cores.
        samples: Folder for a `.npy` of each sentence; empty for none.
    """
    model = _open(folder, threads)
    list(model.synthesize(text[0], voice=voice))  # the first run allocates, and opens the lexicon
    begin = time.perf_counter()
    chunks = model.synthesize(" ".join(text), voice=voice)
    audio_seconds = next(chunks).seconds
    first = time.perf_counter() - begin
    audio_seconds += sum(chunk.seconds for chunk in chunks)
    result = {
        "first_seconds": first,
        "seconds": time.perf_counter() - begin,
        "audio_seconds": audio_seconds,
        "peak_bytes": peak_bytes(),
    }
    for index, each in enumerate(said if samples else ()):
        np.save(Path(samples) / f"{index}.npy", model.speak_phonemes(each, voice=voice))
    return result


def _open(folder: str, threads: int) -> KokoroModel:
    model = edge_voice.load(folder, task="speak", threads=threads)
    assert isinstance(model, KokoroModel)
    return model
