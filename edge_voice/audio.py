"""Audio in: any readable file, bytes, stream or array becomes float32 mono blocks at one rate.

The only door to soundfile (libsndfile) and soxr. Memory stays at a few blocks, however long the
recording is and however well it was compressed.
"""

from __future__ import annotations

import io
import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

import numpy as np

from edge_voice.binary_input import open_binary
from edge_voice.errors import AudioError

if TYPE_CHECKING:
    import numpy.typing as npt
    import soundfile

    Block = npt.NDArray[np.float32]

AudioInput: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | npt.NDArray[Any]"

SAMPLE_RATE = 16_000
MAX_SECONDS = 86_400.0
MIN_RATE, MAX_RATE = 2_000, 768_000
MAX_CHANNELS = 64
# Full scale is 1.0. Beyond this, squares of sums overflow float32 in the features.
MAX_AMPLITUDE = 1e9
_BLOCK_SAMPLES = 1 << 20
_DTYPES = ("float16", "float32", "float64", "uint8", "int16", "int32")

_log = logging.getLogger(__name__)


class AudioStream:
    """Blocks of float32 mono samples, each of shape (n,) with 1 <= n <= `sample_rate`.

    Iterate once, or use as a context manager; what it opened is closed at the end either way.

    Attributes:
        sample_rate: Samples per second of the blocks.
        seconds: Best-known length of the whole, from the header or array; None when unknown.
            A compressed file's header can be an estimate.
    """

    def __init__(
        self,
        blocks: Iterator[Block],
        *,
        sample_rate: int,
        seconds: float | None,
        resources: ExitStack,
    ) -> None:
        self.sample_rate = sample_rate
        self.seconds = seconds
        self._blocks = blocks
        self._resources = resources

    def __iter__(self) -> Iterator[Block]:
        try:
            yield from self._blocks
        finally:
            self.close()

    def __enter__(self) -> AudioStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file if this stream opened it; harmless when done twice."""
        self._resources.close()


@dataclass(frozen=True, slots=True)
class _Source:
    """Blocks of shape (n,) or (n, channels) at their own rate, and what is known about them."""

    name: str
    rate: int
    frames: int | None
    blocks: Callable[[], Iterator[npt.NDArray[Any]]]
    exact: bool


def open_stream(
    audio: AudioInput,
    *,
    sample_rate: int = SAMPLE_RATE,
    source_rate: int | None = None,
    max_seconds: float = MAX_SECONDS,
) -> AudioStream:
    """Opens audio and checks its header; the samples are decoded while iterating.

    Channels are averaged, the rate converted. A seekable file object that stands at its
    beginning is read in place, any other is copied first (memory, then an unnamed file).

    Args:
        audio: Path, file contents, binary file object, or array of shape (n,) or (n, channels)
            with full scale 1.0 (integers: their own full scale).
        sample_rate: Samples per second of the blocks that come out.
        source_rate: Samples per second of an array, `sample_rate` by default; files know theirs.
        max_seconds: Longer audio is refused, by its header where that says so, else on the way.

    Raises:
        AudioError: Here or while iterating: not found, not audio, cannot be decoded, empty,
            too long, not finite, or a rate or channel count out of range.
    """
    resources = ExitStack()
    try:
        if isinstance(audio, np.ndarray):
            source = _from_array(audio, source_rate or sample_rate)
        else:
            source = _from_file(*open_binary(audio, resources), resources)
        seconds = None if source.frames is None else source.frames / source.rate
        if source.exact and seconds is not None and seconds > max_seconds:
            raise _too_long(source.name, max_seconds)
        blocks = _checked(source, max_seconds)
        if source.rate != sample_rate:
            blocks = _resampled(blocks, source.rate, sample_rate)
        pieces = _cut(blocks, source.name, sample_rate)
    except BaseException:
        resources.close()
        raise
    return AudioStream(pieces, sample_rate=sample_rate, seconds=seconds, resources=resources)


def read(
    audio: AudioInput,
    *,
    sample_rate: int = SAMPLE_RATE,
    source_rate: int | None = None,
    max_seconds: float = MAX_SECONDS,
) -> Block:
    """Reads all of `audio` into one array of shape (n,); arguments and errors of `open_stream`."""
    stream = open_stream(
        audio, sample_rate=sample_rate, source_rate=source_rate, max_seconds=max_seconds
    )
    return np.concatenate(list(stream))


def arriving(
    chunks: Iterable[npt.NDArray[Any]], *, source_rate: int, sample_rate: int = SAMPLE_RATE
) -> Iterator[Block]:
    """Audio that is still being recorded: each chunk is passed on as soon as it is there.

    Args:
        chunks: Arrays as `open_stream` takes them, of any length, empty ones too; without end if
            need be.
        source_rate: Samples per second of the chunks.
        sample_rate: Samples per second of the blocks that come out.

    Returns:
        Blocks of shape (n,) with 1 <= n <= `sample_rate`.

    Raises:
        AudioError: Here: a rate out of range. While iterating: a chunk that is no such array or
            holds samples that are not finite; no audio at all.
    """
    name = "stream"
    _check_header(name, source_rate, channels=1)

    def blocks() -> Iterator[npt.NDArray[Any]]:
        for chunk in chunks:
            _check_array(chunk, name)
            if len(chunk):
                yield _to_float(chunk)

    mono = _checked(_Source(name, source_rate, None, blocks, exact=False), math.inf)
    if source_rate != sample_rate:
        mono = _resampled(mono, source_rate, sample_rate)
    return _cut(mono, name, sample_rate)


def libsndfile_version() -> str:
    """Version of the decoder library."""
    import soundfile

    return str(soundfile.__libsndfile_version__)


def _from_array(samples: npt.NDArray[Any], rate: int) -> _Source:
    name = "array"
    _check_array(samples, name)
    if len(samples) == 0:
        raise AudioError(f"{name}: no audio in it: 0 samples")
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    _check_header(f"{name} of shape {samples.shape}", rate, channels)

    def blocks() -> Iterator[npt.NDArray[Any]]:
        size = _block_frames(rate, channels)
        for start in range(0, len(samples), size):
            yield _to_float(samples[start : start + size])

    return _Source(name, rate, len(samples), blocks, exact=True)


def _check_array(samples: Any, name: str) -> None:
    if not isinstance(samples, np.ndarray):
        raise AudioError(f"{name}: {type(samples).__name__} in it (allowed: numpy arrays)")
    if samples.dtype.name not in _DTYPES:
        raise AudioError(f"{name}: {samples.dtype} samples (allowed: {', '.join(_DTYPES)})")
    if samples.ndim not in (1, 2) or samples.shape[1:] == (0,):
        raise AudioError(f"{name}: shape {samples.shape} (allowed: (n,) or (n, channels))")


def _to_float(block: npt.NDArray[Any]) -> Block:
    if block.dtype.kind == "f":
        with np.errstate(over="ignore"):  # becomes infinite, which is refused later
            return block.astype(np.float32, copy=False)
    full_scale = np.float32(1 << 8 * block.dtype.itemsize - 1)
    centre = full_scale if block.dtype.kind == "u" else np.float32(0)
    return cast("Block", (block.astype(np.float32) - centre) / full_scale)


def _from_file(file: IO[bytes], name: str, container: str, resources: ExitStack) -> _Source:
    import soundfile

    # libsndfile reads a descriptor without a call back into Python for every few kilobytes.
    target = file.fileno() if isinstance(file, io.FileIO) else file
    try:
        sound = resources.enter_context(soundfile.SoundFile(target, closefd=False))
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise AudioError(f"{name}: cannot be decoded as {container}: {reason}") from None
    # Else soundfile seeks to where it already is after every read, and that loses MP3 data.
    sound.seekable = lambda: False
    _check_header(name, sound.samplerate, sound.channels)
    if sound.frames == 0:
        raise AudioError(f"{name}: no audio in it: 0 samples")
    frames = sound.frames if sound.frames < 1 << 62 else None  # libsndfile's "unknown"

    def blocks() -> Iterator[npt.NDArray[Any]]:
        return _decoded(sound, file, name)

    return _Source(name, sound.samplerate, frames, blocks, exact=sound.format != "MP3")


def _decoded(sound: soundfile.SoundFile, file: IO[bytes], name: str) -> Iterator[Block]:
    import soundfile

    size = _block_frames(sound.samplerate, sound.channels)
    shape = (size,) if sound.channels == 1 else (size, sound.channels)
    done = 0
    while True:
        try:
            block = sound.read(out=np.empty(shape, np.float32))
        except soundfile.SoundFileRuntimeError as error:
            reason = str(error).removeprefix("Error : ").rstrip(".")
            where = f"after {done / sound.samplerate:.1f} s"
            raise AudioError(f"{name}: damaged {where}: {reason}") from None
        if len(block) == 0:
            break
        done += len(block)
        yield block
    _warn_if_cut(sound, done, file, name)


def _warn_if_cut(sound: soundfile.SoundFile, done: int, file: IO[bytes], name: str) -> None:
    """Tells about a file that ends early, or goes on after what libsndfile calls its end."""
    seconds = done / sound.samplerate
    if sound.frames < 1 << 62 and sound.frames - done > sound.samplerate:
        promised = sound.frames / sound.samplerate
        _log.warning("%s: cut short? it has %.1f s of sound, not %.1f s", name, seconds, promised)
    if sound.format in ("MP3", "OGG"):
        position = file.tell()
        left = file.seek(0, io.SEEK_END) - position
        if left > 1 << 16:  # room for tags; more is a second recording joined to the first
            _log.warning("%s: %d bytes after %.1f s were not decoded", name, left, seconds)


def _check_header(name: str, rate: int, channels: int) -> None:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(f"{name}: {rate} samples a second (allowed: {MIN_RATE} to {MAX_RATE})")
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(f"{name}: {channels} channels (allowed: 1 to {MAX_CHANNELS})")


def _block_frames(rate: int, channels: int) -> int:
    """One second, or less where that would be a large block."""
    return min(rate, _BLOCK_SAMPLES // channels)


def _checked(source: _Source, max_seconds: float) -> Iterator[Block]:
    """Mixes to mono and refuses what is too long or not finite."""
    done, limit = 0, max_seconds * source.rate
    for block in source.blocks():
        with np.errstate(over="ignore", invalid="ignore"):
            mono = block if block.ndim == 1 else block.mean(axis=1, dtype=np.float32)
        if not np.abs(mono).max() <= MAX_AMPLITUDE:  # NaN compares false
            second = done / source.rate
            raise AudioError(
                f"{source.name}: a sample near {second:.1f} s is not a finite number in range"
            )
        done += len(mono)
        if done > limit:
            raise _too_long(source.name, max_seconds)
        yield mono


def _too_long(name: str, max_seconds: float) -> AudioError:
    return AudioError(f"{name}: longer than {max_seconds:g} s, the most that is read")


def _resampled(blocks: Iterator[Block], rate: int, sample_rate: int) -> Iterator[Block]:
    import soxr

    resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield resampler.resample_chunk(np.ascontiguousarray(block))
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _cut(blocks: Iterator[Block], name: str, size: int) -> Iterator[Block]:
    """Splits blocks to at most `size` samples and drops empty ones; none at all is an error."""
    empty = True
    for block in blocks:
        for start in range(0, len(block), size):
            empty = False
            yield block[start : start + size]
    if empty:
        raise AudioError(f"{name}: no audio in it: 0 samples")
