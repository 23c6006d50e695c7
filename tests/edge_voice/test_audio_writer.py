"""What is written can be read, and nothing half-written has a name."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from edge_voice import audio, audio_writer
from edge_voice.audio_writer import FORMATS, format_of, open_file, open_stream
from edge_voice.errors import OptionError, StoreError

RATE = 24_000
TONE = (np.sin(np.arange(RATE) / 20) * 0.8).astype(np.float32)


@pytest.mark.parametrize("name", ["wav", "flac"])
def test_lossless_formats_keep_sixteen_bits(tmp_path: Path, name: str) -> None:
    with open_file(tmp_path / "a", name, RATE) as writer:
        for start in range(0, RATE, 777):
            writer.write(TONE[start : start + 777])
        assert writer.seconds == 1.0
    samples = audio.read(tmp_path / "a", sample_rate=RATE)
    np.testing.assert_allclose(samples, TONE, atol=1.1 / 32768)


@pytest.mark.parametrize("name", ["ogg", "mp3"])
def test_lossy_formats_sound_the_same(tmp_path: Path, name: str) -> None:
    with open_file(tmp_path / "a", name, RATE) as writer:
        writer.write(np.tile(TONE, 30))  # one call: libsndfile must not get it as one
    samples = audio.read(tmp_path / "a", sample_rate=RATE)
    assert len(samples) == pytest.approx(30 * RATE, abs=3000)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(np.sqrt(np.mean(TONE**2)), rel=0.02)


def test_raw_samples(tmp_path: Path) -> None:
    with open_file(tmp_path / "a.pcm", "pcm", RATE) as writer:
        writer.write(np.array([0, 0.5, 1, -1, 2, np.nan], np.float32))
    expected = [0, 16384, 32767, -32768, 32767, 0]
    assert np.fromfile(tmp_path / "a.pcm", "<i2").tolist() == expected


def test_a_file_has_its_name_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "a.wav"
    with open_file(path, "wav", RATE) as writer:
        writer.write(TONE)
        assert not path.exists()
    assert [found.name for found in path.parent.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_left_of_a_file_that_failed(tmp_path: Path, name: str) -> None:
    def fail() -> None:
        with open_file(tmp_path / "a", name, RATE) as writer:
            writer.write(TONE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["wav", "pcm"])
def test_a_full_disk(name: str) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full")
    with full.open("wb", buffering=0) as stream, pytest.raises(OSError, match="No space"):  # noqa: SIM117
        with open_stream(stream, name, RATE) as writer:  # type: ignore[arg-type]
            writer.write(TONE)


def test_more_than_a_wav_file_can_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_writer, "_MOST_WAV_BYTES", 10_000)
    with pytest.raises(StoreError, match="too much for wav"):  # noqa: SIM117
        with open_file(tmp_path / "a.wav", "wav", RATE) as writer:
            writer.write(TONE)
    assert not list(tmp_path.iterdir())


def test_a_stream_can_be_read_though_its_length_is_unknown() -> None:
    stream = io.BytesIO()
    with open_stream(stream, "wav", RATE) as writer:
        writer.write(TONE)
    samples = audio.read(stream.getvalue(), sample_rate=RATE)
    np.testing.assert_allclose(samples, TONE, atol=1.1 / 32768)


def test_formats_that_cannot_be_streamed() -> None:
    with pytest.raises(OptionError, match=r"flac cannot be streamed .*: wav, pcm"):  # noqa: SIM117
        with open_stream(io.BytesIO(), "flac", RATE):
            pass


@pytest.mark.parametrize(
    ("path", "chosen", "found"),
    [("a.mp3", None, "mp3"), ("a.MP3", None, "mp3"), ("a", None, "wav"), ("a.xyz", "ogg", "ogg")],
)
def test_which_format(path: str, chosen: str | None, found: str) -> None:
    assert format_of(Path(path), chosen) == found


def test_an_unknown_suffix() -> None:
    with pytest.raises(OptionError, match=r"a\.m4a: unknown format 'm4a' \(allowed: wav, flac"):
        format_of(Path("a.m4a"), None)
