"""Audio out: float32 mono blocks become a file or a stream, a block at a time.

The second door to soundfile: `audio.py` reads what people bring, in whatever form; this writes
what a voice says, in five forms. Neither needs the other.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np

from edge_voice.errors import OptionError, StoreError

if TYPE_CHECKING:
    import numpy.typing as npt

    Block = npt.NDArray[np.float32]

# Format → libsndfile's names for container and coding; None is written without it.
FORMATS: dict[str, tuple[str, str] | None] = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "pcm": None,
}
STREAMED = ("wav", "pcm")
_FULL_SCALE = 32768.0  # readers divide by it; +1.0 is one step too many
_UNKNOWN_BYTES = 0xFFFFFFFF
_MOST_WAV_BYTES = 0xFFFFFFFF - 64
# libsndfile's Vorbis encoder keeps a whole call's samples on the stack.
_SAMPLES_PER_CALL = 1 << 14


class AudioWriter:
    """Takes blocks of (n,) float32 samples, full scale 1.0; louder ones are clipped.

    Attributes:
        sample_rate: Samples per second.
        samples: How many have been written.
    """

    def __init__(self, sample_rate: int, write: Callable[[npt.NDArray[np.int16]], None]) -> None:
        self.sample_rate = sample_rate
        self.samples = 0
        self._write = write

    @property
    def seconds(self) -> float:
        """Length of what has been written."""
        return self.samples / self.sample_rate

    def write(self, waveform: Block) -> None:
        """Appends a block of any length."""
        scaled = np.nan_to_num(waveform) * _FULL_SCALE
        samples = np.clip(np.round(scaled), -_FULL_SCALE, _FULL_SCALE - 1).astype("<i2")
        for start in range(0, len(samples), _SAMPLES_PER_CALL):
            self._write(samples[start : start + _SAMPLES_PER_CALL])
        self.samples += len(samples)


def format_of(path: Path, chosen: str | None) -> str:
    """The format that was asked for, else that of the file's suffix; wav without either.

    Raises:
        OptionError: The suffix is none of a known format, and none was asked for.
    """
    if chosen:
        return chosen
    suffix = path.suffix.lower().removeprefix(".")
    if suffix and suffix not in FORMATS:
        raise OptionError(f"{path}: unknown format {suffix!r} (allowed: {', '.join(FORMATS)})")
    return suffix or "wav"


@contextmanager
def open_file(path: Path, audio_format: str, sample_rate: int) -> Iterator[AudioWriter]:
    """A file that takes its name only when it is complete; replaces an existing one.

    Args:
        path: Where it goes; its folder is made.
        audio_format: One of `FORMATS`.
        sample_rate: Samples per second.

    Raises:
        StoreError: Disk full, no permission, and so on; nothing is left behind.
    """
    temporary = path.with_name(f".edge-voice-{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w+b") as file, _encoder(file, audio_format, sample_rate) as sink:
            yield AudioWriter(sample_rate, sink.write)
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):  # most often it was never there; the first error is the one
            temporary.unlink()
        if isinstance(error, OSError) and not isinstance(error, StoreError):
            raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
        raise


@contextmanager
def open_stream(stream: BinaryIO, audio_format: str, sample_rate: int) -> Iterator[AudioWriter]:
    """Audio on a stream that cannot seek, as soon as it is there; the stream stays open.

    A wav header has to name a length before it is known; this one says "unknown", as other
    programs that write to pipes do.

    Raises:
        OptionError: The format cannot be written without going back.
    """
    if audio_format not in STREAMED:
        raise OptionError(
            f"{audio_format} cannot be streamed (allowed for standard output: "
            f"{', '.join(STREAMED)})"
        )
    if audio_format == "wav":
        stream.write(_wav_header(sample_rate))

    def write(samples: npt.NDArray[np.int16]) -> None:
        stream.write(samples.tobytes())
        stream.flush()

    yield AudioWriter(sample_rate, write)
    stream.flush()


class _Sink(Protocol):
    def write(self, samples: Any, /) -> Any:
        """Appends (n,) int16 samples."""


@dataclass(frozen=True, slots=True)
class _RawFile:
    file: BinaryIO

    def write(self, samples: npt.NDArray[np.int16], /) -> None:
        self.file.write(samples.tobytes())


@dataclass(slots=True)
class _LimitedWav:
    """A wav file counts its bytes in 32 bits; libsndfile would write on and count wrong."""

    sound: Any
    bytes: int = 0

    def write(self, samples: npt.NDArray[np.int16], /) -> None:
        self.bytes += samples.nbytes
        if self.bytes > _MOST_WAV_BYTES:
            raise StoreError("more than 4 GB of audio: too much for wav (allowed: flac, ogg, mp3)")
        self.sound.write(samples)


@contextmanager
def _encoder(file: BinaryIO, audio_format: str, sample_rate: int) -> Iterator[_Sink]:
    names = FORMATS[audio_format]
    if names is None:
        yield _RawFile(file)
        return
    import soundfile

    container, coding = names
    try:
        with soundfile.SoundFile(
            file.fileno(), "w", sample_rate, 1, coding, format=container, closefd=False
        ) as sound:
            yield _LimitedWav(sound) if audio_format == "wav" else sound
    except soundfile.LibsndfileError as error:
        raise OSError(error.error_string) from None


def _wav_header(sample_rate: int) -> bytes:
    """RIFF header of 16-bit mono PCM with unknown lengths (Microsoft, RIFF MCI, 1991)."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    data = struct.pack("<4sI", b"data", _UNKNOWN_BYTES)
    return struct.pack("<4sI4s", b"RIFF", _UNKNOWN_BYTES, b"WAVE") + form + data
