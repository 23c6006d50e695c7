"""Writers of transcripts: txt, json, srt, vtt and tsv.

A cue is one segment; its text is wrapped for reading on a screen. Of a transcript with timed words,
an srt cue is one word, and a vtt cue tells inside when each word begins. Text is UTF-8 whatever the
locale, and what would break a format is replaced or escaped.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TextIO

from edge_voice.errors import OptionError
from edge_voice.results import Phrase, Segment, Transcript, Word
from edge_voice.wrapping import wrap

MAX_LINE_WIDTH = 42

Writer = Callable[[Transcript, TextIO, int], None]


def write(
    format_name: str,
    transcript: Transcript,
    stream: TextIO,
    *,
    max_line_width: int = MAX_LINE_WIDTH,
) -> None:
    """Writes the whole transcript in one format.

    Args:
        format_name: A key of `FORMATS`.
        transcript: What to write.
        stream: Open for text; should encode as UTF-8.
        max_line_width: Columns of a subtitle line in srt and vtt; wide characters take two.

    Raises:
        OptionError: No such format.
    """
    FORMATS[check_format(format_name)](transcript, stream, max_line_width)


def check_format(format_name: str) -> str:
    """Returns the name if it is known.

    Raises:
        OptionError: Lists the known formats.
    """
    if format_name not in FORMATS:
        raise OptionError(f"unknown format {format_name!r} (known: {', '.join(FORMATS)})")
    return format_name


def line(segment: Segment | Phrase) -> str:
    """One segment or phrase as a line of the txt format, newline included; empty for empty text.

    Writing the lines of a stream one by one gives the same bytes as writing its transcript.
    """
    text = _flat(segment.text)
    return text + "\n" if text else ""


def _write_txt(transcript: Transcript, stream: TextIO, _: int) -> None:
    stream.writelines(line(segment) for segment in transcript.segments)


def _write_json(transcript: Transcript, stream: TextIO, _: int) -> None:
    plain = _finite(dataclasses.asdict(transcript))
    json.dump(plain, stream, ensure_ascii=False, indent=1, allow_nan=False)
    stream.write("\n")


def _write_srt(transcript: Transcript, stream: TextIO, width: int) -> None:
    cues = (cue for segment in transcript.segments for cue in segment.words or (segment,))
    for number, (start, end, text) in enumerate(_cues(cues), 1):
        # SRT has no escape; an arrow inside a text can be taken for a timing line.
        lines = "\n".join(wrap(text.replace("-->", "->"), width))
        stream.write(f"{number}\n{_timecode(start, ',')} --> {_timecode(end, ',')}\n{lines}\n\n")


def _write_vtt(transcript: Transcript, stream: TextIO, width: int) -> None:
    stream.write("WEBVTT\n\n")
    for segment in transcript.segments:
        for start, end, text in _cues([segment]):
            # Before escaping and marking: people see one column, not five.
            lines = _marked("\n".join(wrap(text, width)), segment.words, start, end)
            stream.write(f"{_timecode(start, '.')} --> {_timecode(end, '.')}\n{lines}\n\n")


def _marked(lines: str, words: Sequence[Word], start: int, end: int) -> str:
    """Escapes the lines of a cue and puts its time before each word, as WebVTT has it.

    Timestamps inside a cue must rise, and lie between its start and its end (milliseconds).
    """
    parts, at, last = [], 0, start
    for word in words:
        text = re.escape(_flat(word.text)).replace(r"\ ", r"\s")
        found = re.compile(text).search(lines, at) if text else None
        if found is None:
            continue
        parts.append(_escaped(lines[at : found.start()]))
        if last < (time := _milliseconds(word.start)) < end:
            parts.append(f"<{_timecode(time, '.')}>")
            last = time
        parts.append(_escaped(found[0]))
        at = found.end()
    return "".join(parts) + _escaped(lines[at:])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _write_tsv(transcript: Transcript, stream: TextIO, _: int) -> None:
    stream.write("start\tend\ttext\n")
    for segment in transcript.segments:
        start, end = _milliseconds(segment.start), _milliseconds(segment.end)
        stream.write(f"{start}\t{end}\t{_flat(segment.text)}\n")


FORMATS: dict[str, Writer] = {
    "txt": _write_txt,
    "json": _write_json,
    "srt": _write_srt,
    "vtt": _write_vtt,
    "tsv": _write_tsv,
}


def _cues(parts: Iterable[Segment | Word]) -> Iterator[tuple[int, int, str]]:
    """Start and end in milliseconds and text; players refuse a cue without text or length."""
    for part in parts:
        if text := _flat(part.text):
            start = _milliseconds(part.start)
            yield start, max(_milliseconds(part.end), start + 1), text


def _flat(text: str) -> str:
    """One line with single blanks; control characters that no text file should hold are gone."""
    words = "".join(c if c.isprintable() or c.isspace() or c in _JOINERS else "" for c in text)
    return " ".join(words.split())


# Joiners and direction marks count as unprintable, but Persian, Hindi and emoji are spelled
# with them.
_JOINERS = frozenset("\u200c\u200d\u200e\u200f\u2066\u2067\u2068\u2069\u00ad")


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _timecode(milliseconds: int, separator: str) -> str:
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{separator}{milliseconds:03d}"


def _finite(value: Any) -> Any:
    """JSON has no infinity and no NaN: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
