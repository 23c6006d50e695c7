"""What a file is, from its first bytes: refuses what no decoder here should be shown.

libsndfile opens two dozen formats, most of them relics; only those named here reach it.
"""

from __future__ import annotations

from edge_voice.errors import AudioError

HEAD_BYTES = 64
FORMATS = "wav, flac, ogg (vorbis or opus), mp3, aiff"
SUFFIXES = frozenset(
    {".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc"}
)

# Sound that other programs can turn into something readable: (offset, bytes, name).
_CONVERTIBLE = (
    (4, b"ftyp", "MP4 or M4A"),
    (0, b"\x1aE\xdf\xa3", "WebM or Matroska"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "WMA"),
    (0, b"#!AMR", "AMR"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"caff", "CAF"),
    (0, b".snd", "AU"),
    (0, b"FLV", "Flash video"),
    (8, b"AVI ", "AVI"),
    (0, b"ADIF", "AAC"),
)
_NOT_SOUND = (
    (0, b"%PDF", "a PDF document"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (8, b"WEBP", "a WebP picture"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"\x7fELF", "a program"),
    (0, b"MThd", "MIDI notes, not sound"),
)


def check(head: bytes, name: str) -> str:
    """Returns the container's name for a file that libsndfile may open.

    Args:
        head: The first `HEAD_BYTES` bytes, or all of a shorter file.
        name: Opens the message.

    Raises:
        AudioError: The file is empty, not audio, or audio in a format that is not read here.
    """
    if not head:
        raise AudioError(f"{name}: no audio in it: 0 bytes")
    if container := _readable(head):
        return container
    if found := _match(head, _CONVERTIBLE) or _aac(head):
        raise AudioError(
            f"{name}: {found} is not read here (allowed: {FORMATS}); "
            "convert it first, for example with: ffmpeg -i INPUT output.wav"
        )
    found = _match(head, _NOT_SOUND) or _text(head) or f"it begins with {head[:8]!r}"
    raise AudioError(f"{name}: not audio: {found} (allowed: {FORMATS})")


def _readable(head: bytes) -> str | None:
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return "WAV"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "AIFF"
    if head.startswith((b"fLaC", b"OggS")):
        return "FLAC" if head.startswith(b"fLaC") else "OGG"
    # An ID3 tag may also stand before FLAC; libsndfile finds out.
    return "MP3" if head.startswith(b"ID3") or _mpeg_layer(head) in (1, 2, 3) else None


def _mpeg_layer(head: bytes) -> int | None:
    """MPEG audio layer of a frame header; 4 stands for the reserved value that AAC uses."""
    if len(head) < 2 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    return 4 - (head[1] >> 1 & 3)


def _aac(head: bytes) -> str | None:
    return "AAC" if _mpeg_layer(head) == 4 and head[1] & 0xF0 == 0xF0 else None


def _match(head: bytes, table: tuple[tuple[int, bytes, str], ...]) -> str | None:
    for offset, magic, name in table:
        if head[offset : offset + len(magic)] == magic:
            return name
    return None


def _text(head: bytes) -> str | None:
    try:
        text = head.decode("utf-8", errors="strict")
    except UnicodeDecodeError:
        return None
    if not all(character.isprintable() or character in "\t\r\n" for character in text):
        return None
    return f"it is text that begins with {text[:16]!r}"
