"""What passes to the decoders, and what people are told about the rest."""

from __future__ import annotations

import pytest

from edge_voice import sniff
from edge_voice.errors import AudioError

MP4 = b"\0\0\0\x20ftypM4A \0\0\0\0"


@pytest.mark.parametrize(
    ("head", "container"),
    [
        (b"RIFF\x24\0\0\0WAVEfmt ", "WAV"),
        (b"RIFX\x24\0\0\0WAVEfmt ", "WAV"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "WAV"),
        (b"FORM\0\0\0\x24AIFFCOMM", "AIFF"),
        (b"FORM\0\0\0\x24AIFCFVER", "AIFF"),
        (b"fLaC\0\0\0\x22", "FLAC"),
        (b"OggS\0\x02", "OGG"),
        (b"ID3\x04\0\0", "MP3"),
        (b"\xff\xfb\x90\x64", "MP3"),
        (b"\xff\xe3\x18\xc4", "MP3"),
    ],
)
def test_sound_that_is_read(head: bytes, container: str) -> None:
    assert sniff.check(head, "x") == container


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (MP4, "MP4 or M4A"),
        (b"\x1aE\xdf\xa3\x01\0", "WebM"),
        (b"\xff\xf1\x50\x80", "AAC"),
        (b"\xff\xf9\x50\x80", "AAC"),
        (b"RIFF\0\0\0\0AVI LIST", "AVI"),
        (b"caff\0\x01\0\0", "CAF"),
    ],
)
def test_sound_that_must_be_converted_names_ffmpeg(head: bytes, says: str) -> None:
    with pytest.raises(AudioError, match=f"{says}.*allowed: wav.*ffmpeg"):
        sniff.check(head, "talk")


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a WebP picture"),
        (b"PK\x03\x04\x14\0", "a ZIP archive"),
        (b"hello, world\n", "text that begins with 'hello, world"),
        (b"\0" * 64, r"begins with b'\\x00"),
        (b"\xff", r"begins with b'\\xff'"),
        (b"\x1b[2Jboo", "begins with b'"),
        (b"RIFF", "not audio"),
    ],
)
def test_what_is_no_sound_is_named(head: bytes, says: str) -> None:
    with pytest.raises(AudioError, match=f"talk: not audio.*{says}|talk: {says}") as caught:
        sniff.check(head, "talk")
    assert str(caught.value).isprintable()


def test_empty_file() -> None:
    with pytest.raises(AudioError, match="talk: no audio in it: 0 bytes"):
        sniff.check(b"", "talk")
