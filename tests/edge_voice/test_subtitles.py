"""Each format, byte for byte, and texts that would break it."""

from __future__ import annotations

import dataclasses
import io
import json
import re

import pytest

from edge_voice import subtitles
from edge_voice.errors import OptionError
from edge_voice.results import Segment, Transcript, Word

HELLO = Segment(
    0.0, 1.2345, "Hello, wörld.", (50257, 7), -0.25, 0.01, 0.2, token_logprobs=(-0.125, -0.375)
)
LATE = Segment(3661.5, 360_000.0004, "Später <b>&</b> more")
TALK = Transcript("Hello, wörld. Später <b>&</b> more", "de", 3700.25, (HELLO, LATE))
SAID = Segment(
    1.0,
    4.0,
    "« Q & A » <now> --> or A.",
    words=(
        Word(1.0, 1.5, "« Q", 0.5),
        Word(1.5, 1.6, "&"),
        Word(1.6, 2.0, "A »"),
        Word(2.2, 2.2, "<now>"),
        Word(2.2, 3.0, "-->"),
        Word(3.0, 3.5, "or"),
        Word(3.5, 4.0, "A."),
    ),
)
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
    talk = dataclasses.replace(TALK, segments=(SAID, HELLO))
    text = render("json", talk)
    assert "wörld" in text
    expected = dataclasses.asdict(talk)
    for segment in expected["segments"]:
        for key in ("tokens", "token_logprobs", "words"):
            segment[key] = list(segment[key])
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


def said(*words: tuple[float, float, str], text: str = "") -> Transcript:
    """One segment of timed words."""
    timed = tuple(Word(*word) for word in words)
    text = text or " ".join(word.text for word in timed)
    return Transcript(text, "en", 9, (Segment(timed[0].start, timed[-1].end, text, words=timed),))


def test_a_timed_word_is_a_cue_of_srt() -> None:
    transcript = dataclasses.replace(TALK, segments=(SAID, LATE))
    cues = render("srt", transcript).split("\n\n")
    assert cues[0] == "1\n00:00:01,000 --> 00:00:01,500\n« Q"
    assert cues[3] == "4\n00:00:02,200 --> 00:00:02,201\n<now>"
    assert cues[4] == "5\n00:00:02,200 --> 00:00:03,000\n->"
    assert cues[7].startswith("8\n01:01:01,500 --> ")
    assert len(cues) == 9


def test_times_inside_a_cue_of_vtt() -> None:
    """They rise, they lie inside, and what is read without them is the text, escaped."""
    found = render("vtt", dataclasses.replace(TALK, segments=(SAID,)))
    assert found == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:04.000\n"
        "« Q <00:00:01.500>&amp; <00:00:01.600>A » <00:00:02.200>&lt;now&gt; --&gt; "
        "<00:00:03.000>or <00:00:03.500>A.\n\n"
    )


def test_times_of_words_on_several_lines() -> None:
    words = [(i, i + 0.5, text) for i, text in enumerate(["one", "two »", "three", "four"])]
    found = render("vtt", said(*words), max_line_width=9).splitlines()[3:]
    plain = [re.sub("<[^>]*>", "", line) for line in found if line]
    assert plain == ["one two", "» three", "four"]
    assert found[:3] == ["one <00:00:01.000>two", "» <00:00:02.000>three", "<00:00:03.000>four"]


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        # no time before the start or at the end of the cue, none twice, none backwards
        ([(1, 1, "a"), (1, 2, "b"), (2, 2, "c")], "a b c"),
        ([(1, 2, "a"), (2, 2.5, "b"), (2, 3, "c")], "a <00:00:02.000>b c"),
        ([(1, 2, "a"), (1.5, 2.5, "b"), (1.2, 3, "c")], "a <00:00:01.500>b c"),
        # words without blanks between them, and one that the text does not have
        ([(1, 2, "日"), (2, 3, "本。")], "日<00:00:02.000>本。"),
        ([(1, 2, "a"), (1.5, 2, "x"), (2, 3, "b")], "a <00:00:02.000>b"),
    ],
)
def test_words_that_are_marked(words: list[tuple[float, float, str]], lines: str) -> None:
    text = re.sub("<[^>]*>", "", lines)
    assert render("vtt", said(*words, text=text)).splitlines()[3] == lines


@pytest.mark.parametrize("name", ["txt", "tsv"])
def test_formats_without_words(name: str) -> None:
    bare = dataclasses.replace(SAID, words=())
    timed, plain = (
        render(name, dataclasses.replace(TALK, segments=(segment,))) for segment in (SAID, bare)
    )
    assert timed == plain


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
