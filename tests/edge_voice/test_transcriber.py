"""A stream of segments, and the options that every model knows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edge_voice.errors import OptionError
from edge_voice.results import Segment, Transcript
from edge_voice.transcriber import SegmentStream, TranscribeOptions, check_keys, wanted_language


def decided(stream: SegmentStream, *texts: str) -> Iterator[Segment]:
    for second, text in enumerate(texts):
        stream.language, stream.position = "de", second + 1.0
        yield Segment(float(second), second + 1.0, text)
    stream.duration = float(len(texts))


def filled(*texts: str) -> SegmentStream:
    stream = SegmentStream()
    return stream.attach(decided(stream, *texts))


def test_join_is_the_whole() -> None:
    transcript = filled("one", "two").join()
    assert transcript == Transcript(
        "one two", "de", 2.0, (Segment(0.0, 1.0, "one"), Segment(1.0, 2.0, "two"))
    )


def test_texts_are_joined_by_single_blanks() -> None:
    assert filled("one", "", "two").join().text == "one two"


def test_nothing_said() -> None:
    assert filled().join() == Transcript("", None, 0.0, ())


def test_segments_come_one_by_one() -> None:
    stream = filled("one", "two")
    assert (stream.language, stream.position) == (None, 0.0)
    segments = iter(stream)
    assert next(segments).text == "one"
    assert (stream.language, stream.position) == ("de", 1.0)
    assert [segment.text for segment in segments] == ["two"]


def test_counted_passes_blocks_on_and_keeps_the_duration() -> None:
    stream = SegmentStream()
    blocks = stream.counted([[0.0] * 8, [0.0] * 4], 4)
    assert stream.duration == 0.0
    seen = []
    for block in blocks:
        seen.append((len(block), stream.duration))
    assert seen == [(8, 2.0), (4, 3.0)]


def test_known_options_pass() -> None:
    check_keys(dict.fromkeys(TranscribeOptions.__annotations__))
    check_keys({})


def test_unknown_option_is_refused_as_python_does() -> None:
    with pytest.raises(TypeError, match="unexpected option 'beam'"):
        check_keys({"language": "en", "beam": 5})


@pytest.mark.parametrize("name", ["language_model", "word_list"])
def test_options_of_some_models_are_refused_by_the_others(name: str) -> None:
    with pytest.raises(OptionError, match=f"this model has no {name}"):
        check_keys({name: "file"})
    check_keys({name: "file"}, own=(name,))


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, None),
        ({"language": None}, None),
        ({"language": "auto"}, None),
        ({"language": "de"}, "de"),
    ],
)
def test_auto_means_that_no_language_is_named(
    options: TranscribeOptions, wanted: str | None
) -> None:
    assert wanted_language(options) == wanted
