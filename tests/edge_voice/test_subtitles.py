"""Each format, byte for byte, and texts that would break it."""

from __future__ import annotations

import dataclasses
import io
import json
import re

import pytest

from edge_voice import subtitles
from edge_voice.errors import OptionError
from edge_voice.results import Segment, Transcript

HELLO = Segment(0.0, 1.2345, "Hello, wörld.", (50257, 7), -0.25, 0.01, 0.2, (-0.125, -0.375))
LATE = Segment(3661.5, 360_000.0004, "Später <b>&</b> more")
TALK = Transcript("Hello, wörld. Später <b>&</b> more", "de", 3700.25, (HELLO, LATE))
SILENCE = Transcript("", None, 5.0, ())
NASTY = "a --> b\n\n3\r\n00:00:01,000 --> 00:00:02,000\tx\x00\x1b[2J\u2028y"


def render(name: str, transcript: Transcript, **options: int) -> str:
    stream = io.StringIO()
    subtitles.write(name, transcript, stream, **options)
    return stream.getvalue()


def one(text: str, start: float = 1.0, end: float = 2.0) -> Transcript:
    return Transcript(text, "en", 3.0, (Segment(start, end, text),))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("txt", "Hello, wörld.\nSpäter <b>&</b> more\n"),
        (
            "srt",
            "1\n00:00:00,000 --> 00:00:01,234\nHello, wörld.\n\n"
            "2\n01:01:01,500 --> 100:00:00,000\nSpäter <b>&</b> more\n\n",
        ),
        (
            "vtt",
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.234\nHello, wörld.\n\n"
            "01:01:01.500 --> 100:00:00.000\nSpäter &lt;b&gt;&amp;&lt;/b&gt; more\n\n",
        ),
        (
            "tsv",
            "start\tend\ttext\n0\t1234\tHello, wörld.\n3661500\t360000000\tSpäter <b>&</b> more\n",
        ),
    ],
)
def test_text_formats(name: str, expected: str) -> None:
    assert render(name, TALK) == expected


def test_json_has_every_field() -> None:
    text = render("json", TALK)
    assert "wörld" in text
    expected = dataclasses.asdict(TALK)
    for segment in expected["segments"]:
        segment["tokens"] = list(segment["tokens"])
        segment["token_logprobs"] = list(segment["token_logprobs"])
    expected["segments"] = list(expected["segments"])
    assert json.loads(text) == expected


def test_json_has_no_numbers_that_json_does_not_know() -> None:
    odd = dataclasses.replace(HELLO, avg_logprob=float("-inf"), no_speech_prob=float("nan"))
    found = json.loads(render("json", dataclasses.replace(TALK, segments=(odd,))))["segments"][0]
    assert (found["avg_logprob"], found["no_speech_prob"]) == (None, None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("txt", ""), ("srt", ""), ("vtt", "WEBVTT\n\n"), ("tsv", "start\tend\ttext\n")],
)
def test_silence(name: str, expected: str) -> None:
    assert render(name, SILENCE) == expected
    assert json.loads(render("json", SILENCE))["segments"] == []


def test_nasty_text_stays_within_its_cue() -> None:
    flat = "a -> b 3 00:00:01,000 -> 00:00:02,000 x[2J y"
    srt = render("srt", one(NASTY), max_line_width=100)
    assert srt == f"1\n00:00:01,000 --> 00:00:02,000\n{flat}\n\n"
    vtt = render("vtt", one(NASTY))
    assert vtt.count("-->") == 1
    assert len(re.findall("\n\n", vtt)) == 2
    assert len(render("tsv", one(NASTY)).splitlines()[1].split("\t")) == 3
    assert len(render("txt", one(NASTY)).splitlines()) == 1


def test_joiners_that_hold_characters_together_stay() -> None:
    family = "👨\u200d👩\u200d👧"
    assert render("txt", one(family)) == family + "\n"


def test_long_text_is_wrapped_before_it_is_escaped() -> None:
    text = "& " * 20 + "&"
    assert render("vtt", one(text)).splitlines()[3] == text.replace("&", "&amp;")
    assert len(render("srt", one(text), max_line_width=21).splitlines()) == 2 + 2 + 1


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_cues_have_text_and_length(name: str) -> None:
    assert "00:01" not in render(name, one("  "))
    assert re.search(r"00:01.000 --> 00:00:01.001", render(name, one("x", 1.0, 1.0)))


def test_lines_of_a_stream_equal_the_written_transcript() -> None:
    segments = (HELLO, Segment(2, 3, " "), LATE)
    lines = "".join(map(subtitles.line, segments))
    assert lines == render("txt", dataclasses.replace(TALK, segments=segments))


def test_unknown_format_lists_the_known() -> None:
    with pytest.raises(OptionError, match=r"'doc' .known: txt, json, srt, vtt, tsv"):
        render("doc", TALK)
