"""Words of Whisper's segments. The scripted model looks at each token of a text for 0.1 s."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from edge_voice.errors import ManifestError
from edge_voice.models.whisper.clips import Clip
from edge_voice.models.whisper.config import SAMPLE_RATE
from edge_voice.models.whisper.model import WhisperModel
from edge_voice.models.whisper.window import Prompt, WindowDecoder
from edge_voice.results import Segment, Transcript
from tests.edge_voice.models.whisper.script import FakeSession, Script, Take, Window

ENGLISH: dict[str, Any] = {"language": "en", "vad": False, "timestamps": "word"}


def sound(seconds: float) -> np.ndarray:
    count = round(seconds * SAMPLE_RATE)
    return np.random.default_rng(0).uniform(-0.5, 0.5, count).astype(np.float32)


def words_of(segment: Segment) -> list[tuple[float, float, str]]:
    return [(word.start, word.end, word.text) for word in segment.words]


def check_order(transcript: Transcript) -> None:
    words = [word for segment in transcript.segments for word in segment.words]
    assert all(0 <= word.start <= word.end <= transcript.duration for word in words)
    assert all(before.end <= after.start for before, after in pairwise(words))
    for segment in transcript.segments:
        assert " ".join(word.text for word in segment.words) == segment.text
        if segment.words:
            assert segment.start == segment.words[0].start
            assert segment.end == segment.words[-1].end
    for before, after in pairwise(transcript.segments):
        assert before.end <= after.start


def test_words_and_the_segments_that_they_make(script: Script, whisper: WhisperModel) -> None:
    script.hear([0.1, " a b.", 0.8, 0.9, " cd", 1.4])
    found = whisper.transcribe(sound(1.5), **ENGLISH)
    first, second = found.segments
    # Blanks are tokens here: " a" is spoken from 0 to 0.2 s, but "a" itself from 0.1 s on.
    assert words_of(first) == [(0.1, 0.2, "a"), (0.3, 0.4, "b.")]
    assert words_of(second)[0][2] == "cd"
    assert second.words[0].start == pytest.approx(0.6, abs=0.03)
    assert (first.start, first.end) == (0.1, 0.4)
    assert first.tokens == tuple(Take([0.1, " a b.", 0.8]).tokens(script.config))
    assert first.words[0].probability == pytest.approx(1, abs=1e-6)
    check_order(found)


@pytest.mark.parametrize("timestamps", ["segment", "none"])
def test_nobody_looks_unless_words_are_wanted(
    script: Script, whisper: WhisperModel, monkeypatch: pytest.MonkeyPatch, timestamps: str
) -> None:
    monkeypatch.setattr("edge_voice.models.whisper.window.token_starts", None)
    script.hear([0.1, " a", 0.8])
    found = whisper.transcribe(sound(1.5), **ENGLISH | {"timestamps": timestamps})
    assert [segment.words for segment in found.segments] == [()]


def test_the_probability_of_a_word_is_that_of_its_tokens(
    script: Script, whisper: WhisperModel
) -> None:
    script.hear(Window([Take([0.0, "ab", 1.0], logit=8.0)]))
    [segment] = whisper.transcribe(sound(1.5), temperatures=(0.0,), **ENGLISH).segments
    # Softmax of 8 among others with 0, timestamps left out or not.
    assert 0.85 < segment.words[0].probability < 0.99


def test_words_of_a_second_try(script: Script, whisper: WhisperModel) -> None:
    script.hear(Window([Take([0.0, "x"], logit=0.5), Take([0.0, " ab c", 1.0])]))
    found = whisper.transcribe(sound(2), **ENGLISH)
    assert found.segments[0].temperature == 0.2
    assert words_of(found.segments[0]) == [(0.1, 0.3, "ab"), (0.4, 0.5, "c")]


def test_words_do_not_reach_into_the_next_window(script: Script, whisper: WhisperModel) -> None:
    """The window closes at 0.3 s, though its words seem to last longer."""
    script.hear([0.0, " abc def", 0.3, 0.3, " x"], [0.0, " yz", 0.4])
    found = whisper.transcribe(sound(2.2), **ENGLISH)
    assert words_of(found.segments[0]) == [(0.1, 0.3, "abc"), (0.3, 0.3, "def")]
    assert found.segments[1].words[0].start == pytest.approx(0.4)
    check_order(found)


def test_a_segment_that_has_no_length_is_kept(script: Script, whisper: WhisperModel) -> None:
    script.hear([0.0, " abc", 0.1, 0.1, " d", 0.2, 0.2, " x"], [0.0, " y", 0.2])
    found = whisper.transcribe(sound(1.0), **ENGLISH)
    assert [segment.text for segment in found.segments] == ["abc", "d", "y"]
    check_order(found)


def test_a_segment_without_text_has_no_words(script: Script, whisper: WhisperModel) -> None:
    script.hear([0.0, "a", 0.5, 0.5, " ", 0.9])
    found = whisper.transcribe(sound(1), **ENGLISH)
    assert [words_of(segment) for segment in found.segments] == [[(0.0, 0.1, "a")]]


def test_silence_has_no_words(script: Script, whisper: WhisperModel) -> None:
    script.hear(*[Window([Take([0.0, "you"], logit=0.0)], no_speech=True)] * 9)
    assert whisper.transcribe(sound(1), **ENGLISH).segments == ()


def test_several_clips_side_by_side(script: Script, whisper: WhisperModel) -> None:
    """Each is timed by what its own window looks at, also in a group of several."""
    takes = [Window([Take([0.0, f" {text} w", 1.0])]) for text in ("a", "bcd", "ef")]
    script.hear(*takes)
    waveforms = [sound(1.9) + i for i in range(3)]
    prompt = Prompt(language="en", words=True)
    results, _ = whisper.listener.look(waveforms, prompt, 0.0)
    lasts = [result.starts[-1] for result in results]
    assert [len(result.starts) for result in results] == [5, 7, 6]
    assert lasts == pytest.approx([0.4, 0.6, 0.5])


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_said_words_are_in_order(
    script: Script, whisper: WhisperModel, seed: int
) -> None:
    random = np.random.default_rng(seed)
    windows = []
    for _ in range(6):
        times = np.sort(random.choice(np.arange(0, 50), 2 * random.integers(1, 4), replace=False))
        said: list[str | float] = []
        for start, end in zip(times[::2] / 25, times[1::2] / 25, strict=True):
            said += [float(start), [" ab", " a. b", "c,", " "][random.integers(4)], float(end)]
        windows.append(said[: len(said) - int(random.integers(0, 2))])
    script.hear(*windows)
    check_order(whisper.transcribe(sound(float(random.uniform(1, 4))), **ENGLISH))


def test_conditions_on_previous_text_and_prompts(script: Script, whisper: WhisperModel) -> None:
    """What came before stands in no alignment."""
    script.hear([0.0, " ab", 1.0], [0.0, " cd", 1.0])
    found = whisper.transcribe(
        sound(4), initial_prompt="Jô", condition_on_previous_text=True, **ENGLISH
    )
    assert [words_of(segment) for segment in found.segments] == [
        [(0.1, 0.3, "ab")], [(2.1, 2.3, "cd")]
    ]  # fmt: skip


def test_where_speech_was_heard() -> None:
    heard = ((1600, 3200), (4800, 8000))
    clip = Clip(800, [sound(1)], heard, SAMPLE_RATE)
    assert clip.speech(0) == [(0.05, 0.15), (0.25, 0.45)]
    assert clip.speech(3200) == [(0.05, 0.25)]
    assert clip.speech(800 * 9) == []
    assert Clip(0, [sound(1)], None).speech(0) is None


@pytest.mark.parametrize("heads", [((0, 1),), ((0, 0), (1, 0)), ((0,),), ((0, 0, 0),), ((-1, 0),)])
def test_heads_that_the_graph_does_not_have(
    open_model: Callable[..., WhisperModel], heads: tuple[tuple[int, ...], ...]
) -> None:
    message = r"alignment_heads has .* \(the graph has heads \(0, 0\) to \(0, 0\)\)"
    with pytest.raises(ManifestError, match=message):
        open_model(alignment_heads=heads)


class ManyHeads(FakeSession):
    layers = 200


@pytest.mark.parametrize(("kind", "heads"), [(FakeSession, ()), (ManyHeads, ((0, 0),))])
def test_published_heads_are_for_models_with_many(
    script: Script, kind: type[FakeSession], heads: tuple[Any, ...]
) -> None:
    config = dataclasses.replace(script.config, alignment_heads=((0, 0),))
    session: Any = kind(script.decode)
    tokenizer: Any = None
    assert WindowDecoder(session, config, tokenizer).alignment_heads == heads
