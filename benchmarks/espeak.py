"""Speech whose word times are known exactly: eSpeak NG says when each phoneme begins.

The library is a system package (`libespeak-ng1`); nothing of it is shipped.
"""

from __future__ import annotations

import ctypes
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from benchmarks.packages import FetchFailed

Array = np.ndarray[Any, np.dtype[Any]]

# Numbers of the library's interface (speak_lib.h of eSpeak NG 1.51).
_RETRIEVAL, _PHONEME_EVENTS, _NO_EXIT = 1, 1, 0x8000
_END_OF_LIST, _WORD, _END_OF_CLAUSE, _PHONEME = 0, 1, 5, 7
_RATE, _UTF8 = 1, 1


class _Name(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("pointer", ctypes.c_char_p), ("text", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("message", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", _Name),
    ]


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


TimedWord = tuple[str, float | None, float | None]
"""Text, start and end in seconds; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A synthesised sentence.

    Attributes:
        waveform: (n,) float32.
        sample_rate: Samples per second.
        words: In order.
    """

    waveform: Array
    sample_rate: int
    words: tuple[TimedWord, ...]


@cache
def _library() -> tuple[ctypes.CDLL, int]:
    """The library, initialised, and its sample rate.

    Raises:
        FetchFailed: It is not installed.
    """
    try:
        library = ctypes.CDLL("libespeak-ng.so.1")
    except OSError:
        raise FetchFailed("libespeak-ng.so.1 is not installed") from None
    rate = library.espeak_Initialize(_RETRIEVAL, 0, None, _PHONEME_EVENTS | _NO_EXIT)
    if rate <= 0:
        raise FetchFailed("espeak-ng cannot be initialised: is its data installed?")
    return library, rate


def say(text: str, *, voice: str = "en-us", words_per_minute: int = 160) -> Spoken:
    """Synthesises a sentence of ASCII text without numbers, which would be several words each.

    Raises:
        FetchFailed: The library is missing.
    """
    library, rate = _library()
    library.espeak_SetVoiceByName(voice.encode())
    library.espeak_SetParameter(_RATE, words_per_minute, 0)
    blocks: list[Array] = []
    events: list[tuple[int, int, float, str]] = []

    def receive(samples: Any, count: int, found: Any) -> int:
        if samples and count:
            blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        events.extend(_read(found, rate))
        return 0

    callback = _CALLBACK(receive)
    library.espeak_SetSynthCallback(callback)
    spelled = text.encode()
    size = ctypes.c_size_t(len(spelled) + 1)
    library.espeak_Synth(spelled, size, 0, 1, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    waveform = np.concatenate(blocks).astype(np.float32) / 32768
    return Spoken(waveform, rate, tuple(_words(text, events)))


def _read(found: Any, rate: int) -> Iterator[tuple[int, int, float, str]]:
    index = 0
    while found[index].type != _END_OF_LIST:
        event = found[index]
        name = bytes(event.name.text).decode("utf-8", "replace") if event.type == _PHONEME else ""
        yield event.type, event.text_position, event.sample / rate, name
        index += 1


def _words(
    text: str, events: Sequence[tuple[int, int, float, str]]
) -> Iterator[TimedWord]:
    """A word begins with its first sound, and ends where a pause or the next word begins."""
    places = [match.start() for match in re.finditer(r"\S+", text)]
    starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    current, waiting = -1, False
    for kind, position, seconds, name in events:
        pause = kind == _END_OF_CLAUSE or (kind == _PHONEME and name.startswith("_"))
        if (kind == _WORD or pause) and current in starts:
            ends.setdefault(current, seconds)
        if kind == _WORD:
            current, waiting = bisect_right(places, position - 1) - 1, True
        elif kind == _PHONEME and not pause and waiting:
            starts[current], waiting = seconds, False
    for i, word in enumerate(text.split()):
        # Pairs such as "of the" are said in one go: where one ends and the other begins is unknown.
        told = max((n for n in starts if n <= i), default=None)
        is_last = i + 1 in starts or i + 1 == len(places)
        end = ends.get(told) if told is not None and is_last else None
        yield word, starts.get(i), end
