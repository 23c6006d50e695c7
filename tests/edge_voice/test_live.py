"""Speech as it is spoken, with a detector and a model that hear sample values."""

from __future__ import annotations

import tracemalloc
from itertools import groupby, pairwise

import numpy as np
import pytest

from edge_voice import live
from edge_voice.errors import AudioError, OptionError
from edge_voice.live import listen
from edge_voice.results import Phrase
from edge_voice.vad import SAMPLE_RATE, ChunkRules
from tests.edge_voice.live_fakes import (
    RULES,
    VOCABULARY,
    WORD_SECONDS,
    Loudness,
    Reader,
    finals,
    follow,
    spoken,
)

TALK = spoken(0.5, 1, 2, 3, 4, 5, 0.8, 6, 7, 8, 0.3, 9, 10, 11, 1.0)
FIRST, SECOND = "and so my fellow Americans", "ask not what your country can"


@pytest.fixture
def loudness(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `listen` uses as its detector."""
    monkeypatch.setattr(live, "VoiceActivity", Loudness)


def cut(samples: np.ndarray, sizes: list[int]) -> list[np.ndarray]:
    return np.split(samples, np.cumsum(sizes))


def test_phrases_end_at_pauses() -> None:
    assert finals(follow([TALK], Reader())) == [FIRST, SECOND]


def test_times_are_seconds_of_the_stream() -> None:
    first, second = (phrase for phrase in follow([TALK], Reader()) if phrase.is_final)
    assert (first.index, first.start, first.end) == (0, pytest.approx(0.5, abs=0.04), 2.112)
    assert (second.index, second.start) == (1, pytest.approx(2.9, abs=0.04))
    assert second.end == pytest.approx(5.12, abs=0.04)


def test_words_are_shown_while_they_are_spoken() -> None:
    phrases = follow([TALK], Reader())
    for index, group in groupby(phrases, lambda phrase: phrase.index):
        *growing, last = group
        assert last.is_final, index
        assert len(growing) >= 3
        assert not any(phrase.is_final for phrase in growing)
        assert [len(phrase.text) for phrase in growing] == sorted(
            len(phrase.text) for phrase in growing
        )
        assert growing[-1].stable
    assert last.tail == ""


def test_stable_words_are_never_taken_back() -> None:
    draw = np.random.default_rng(0)

    def confused(waveform: np.ndarray) -> list[str]:
        return [str(draw.integers(2)) for _ in range(len(waveform) // 5000)]

    reader = Reader()
    reader.hears = confused
    done = shown = ""
    stable = 0
    rules = ChunkRules(
        pad_seconds=0.25, max_pause_seconds=0.5, target_chunk_seconds=4, max_chunk_seconds=4
    )
    for phrase in follow([np.tile(TALK, 20)], reader, rules, 0.1):
        now = f"{done} {phrase.stable}".strip()
        assert now.startswith(shown)
        stable += not phrase.is_final and phrase.stable != ""
        # At a cut, words from behind it belong to the next phrase, which shows them at once.
        shown = now if len(now) > len(shown) or phrase.is_final else shown
        done = now if phrase.is_final else done
    assert stable > 20


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("most", [7, 700, 70_000])
def test_results_do_not_depend_on_chunks(seed: int, most: int) -> None:
    sizes = np.random.default_rng(seed).integers(0, most, 100).tolist()
    assert follow(cut(TALK, sizes), Reader()) == follow([TALK], Reader())


def test_silence_is_nothing_and_costs_nothing() -> None:
    reader = Reader()
    assert follow([np.zeros(10 * SAMPLE_RATE, np.float32)], reader) == []
    assert reader.looks == []


def test_a_stream_that_ends_inside_a_word_keeps_it() -> None:
    talk = TALK[: round(1.95 * SAMPLE_RATE)]
    assert finals(follow([talk], Reader())) == [FIRST]


def test_without_partials_each_phrase_is_heard_once() -> None:
    reader = Reader()
    phrases = follow([TALK], reader, interval=None)
    assert [phrase.is_final for phrase in phrases] == [True, True]
    assert finals(phrases) == [FIRST, SECOND]
    assert len(reader.looks) == 2


def test_the_end_of_a_phrase_is_transcribed_while_its_pause_goes_on() -> None:
    """The last look has heard what the final one would: there is no other."""
    reader = Reader()
    looks_at: list[tuple[int, bool]] = []
    blocks = cut(TALK, [512] * (len(TALK) // 512))

    def fed() -> object:
        for block in blocks:
            yield block
            looks_at.append((len(reader.looks), False))

    phrases = follow(fed(), reader)  # type: ignore[arg-type]
    end = next(phrase.end for phrase in phrases if phrase.is_final)
    rows = [round((end + seconds) * SAMPLE_RATE / 512) for seconds in (0.2, 0.35, 0.7)]
    before, padded, over = (looks_at[row][0] for row in rows)
    assert padded == before + 1
    assert over == padded


@pytest.mark.parametrize("breath", [[], [0.2]], ids=["unbroken", "short pauses"])
@pytest.mark.parametrize("interval", [None, 0.3])
def test_long_phrases_are_cut_without_losing_or_repeating_words(
    breath: list[float], interval: float | None
) -> None:
    talk = [part for n in range(60) for part in [1 + n % 11, *(breath if n % 3 == 2 else [])]]
    heard = finals(follow([spoken(*talk, 1.0)], Reader(), limited(4.0), interval))
    assert len(heard) > 4
    assert " ".join(heard) == " ".join(VOCABULARY[n % 11] for n in range(60))


def limited(seconds: float) -> ChunkRules:
    return ChunkRules(
        pad_seconds=0.25,
        max_pause_seconds=0.5,
        target_chunk_seconds=seconds,
        max_chunk_seconds=seconds,
    )


def test_slow_models_skip_partials_but_no_end() -> None:
    talk = np.tile(TALK, 5)
    fast, slow, slower = Reader(seconds=0.01), Reader(seconds=0.6), Reader(seconds=30.0)
    texts = [finals(follow([talk], reader)) for reader in (fast, slow, slower)]
    assert texts[0] == texts[1] == texts[2] == [FIRST, SECOND] * 5
    assert len(fast.looks) > len(slow.looks) > len(slower.looks)
    assert slow.now < 0.6 * len(talk) / SAMPLE_RATE + 10 * slow.seconds
    # The first look shows how slow it is; from then on only ends are heard.
    assert len(slower.looks) <= 11


def test_the_same_words_are_not_shown_twice() -> None:
    phrases = follow([TALK], Reader(), interval=0.1)
    shown = [(phrase.index, phrase.stable, phrase.tail, phrase.is_final) for phrase in phrases]
    assert all(before != after for before, after in pairwise(shown))


def test_what_turns_out_to_be_nothing_is_taken_back() -> None:
    reader = Reader()
    reader.hears = lambda waveform: ["hm"] if len(waveform) < 1.2 * SAMPLE_RATE else []
    phrases = follow([TALK[: 2 * SAMPLE_RATE]], reader)
    assert [phrase.text for phrase in phrases] == ["hm", ""]
    assert [phrase.is_final for phrase in phrases] == [False, True]


def test_phrases_without_words_are_not_there() -> None:
    reader = Reader()
    reader.hears = lambda waveform: [] if waveform.max() < 7 else ["loud"]
    phrases = [phrase for phrase in follow([TALK], reader) if phrase.is_final]
    assert [(phrase.index, phrase.text) for phrase in phrases] == [(0, "loud")]


def test_the_language_is_kept_after_the_first_phrase() -> None:
    reader = Reader(language="de")
    follow([TALK], reader)
    first = reader.languages_asked.index("de")
    assert set(reader.languages_asked[:first]) == {None}
    assert set(reader.languages_asked[first:]) == {"de"}


def test_memory_is_bounded() -> None:
    def hours() -> object:
        for _ in range(20):
            yield TALK
            yield np.zeros(SAMPLE_RATE, np.float32)

    reader = Reader()
    follow(cut(TALK, [512]), reader)
    tracemalloc.start()
    follow(hours(), reader, RULES, None)  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_only_the_ends_of_phrases_are_worth_second_tries() -> None:
    reader = Reader()
    phrases = follow([TALK], reader)
    confirmed = [
        seconds
        for seconds, options in zip(reader.looks, reader.options, strict=True)
        if not options["draft"]
    ]
    assert confirmed[0] == pytest.approx(5 * WORD_SECONDS + 0.5, abs=0.1)  # padded
    assert len(confirmed) == 3  # at two ends, and at a pause that turned out to be short
    assert len(reader.looks) > 6
    assert finals(phrases) == [FIRST, SECOND]


def test_a_draft_is_never_final() -> None:
    """Also where the stream ends at the very moment of a look."""
    for rows in range(40):
        talk = TALK[: 16_000 + 512 * rows]
        reader = Reader()
        reader.hears = lambda waveform: ["a", "b"]
        assert finals(follow([talk], reader))
        assert not reader.options[-1]["draft"]


@pytest.mark.usefixtures("loudness")
def test_listen_takes_chunks_of_any_kind() -> None:
    stereo = np.stack((TALK, TALK), axis=1)
    for chunks in ([TALK], [stereo], [np.zeros(0, np.float32), TALK.astype(np.float64)]):
        assert finals(list(listen(Reader(), chunks))) == [FIRST, SECOND]
    reader = Reader()
    reader.hears = lambda waveform: [f"{waveform.max():.4f}"]
    integers = (TALK * 1000).astype(np.int16)
    expected = [f"{value / 32768:.4f}" for value in (5000, 11_000)]
    assert finals(list(listen(reader, [integers]))) == expected


@pytest.mark.usefixtures("loudness")
def test_listen_converts_the_rate() -> None:
    reader = Reader()
    reader.hears = lambda waveform: ["heard"]
    slow = np.repeat(TALK, 3)
    slow[slow == 0] = 0.0
    (first, *_) = [p for p in listen(reader, cut(slow, [1000] * 90), sample_rate=48_000) if p.text]
    assert first.start == pytest.approx(0.5, abs=0.1)
    assert max(reader.looks) < 4


@pytest.mark.usefixtures("loudness")
def test_options_reach_the_model() -> None:
    reader = Reader()
    list(listen(reader, [TALK], language="de", initial_prompt="names", beam_size=2))
    assert all(
        options == {
            "language": "de", "initial_prompt": "names", "beam_size": 2,
            "vad": False, "timestamps": "none", "draft": options["draft"],
        }
        for options in reader.options
    )  # fmt: skip


@pytest.mark.usefixtures("loudness")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"silence_seconds": 0.05}, r"silence_seconds is 0.05 \(allowed: 0.1 to 5\)"),
        ({"max_phrase_seconds": 31}, r"max_phrase_seconds is 31 \(allowed: 2 to 30\)"),
        ({"interval_seconds": 0}, r"interval_seconds is 0 \(allowed: 0.1 to 10\)"),
        ({"interval_seconds": float("nan")}, "interval_seconds is nan"),
        ({"timestamps": "word"}, "timestamps cannot be chosen"),
        ({"vad": True}, "vad cannot be chosen"),
    ],
)
def test_options_are_checked_at_once(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        listen(Reader(), [], **options)  # type: ignore[arg-type]


@pytest.mark.usefixtures("loudness")
def test_unknown_options_are_refused_at_once() -> None:
    with pytest.raises(TypeError, match="unexpected option 'nonsense'"):
        listen(Reader(), [], nonsense=1)  # type: ignore[call-arg]


@pytest.mark.usefixtures("loudness")
def test_bad_audio_is_an_error_where_it_arrives() -> None:
    broken = np.full(1600, np.nan, np.float32)
    found: list[Phrase] = []
    with pytest.raises(AudioError, match=r"stream: a sample near 6\.\d s is not a finite number"):
        found.extend(listen(Reader(), [TALK, broken]))
    with pytest.raises(AudioError, match="stream: complex64 samples"):
        list(listen(Reader(), [TALK.astype(np.complex64)]))
    with pytest.raises(AudioError, match="stream: bytes in it"):
        list(listen(Reader(), [b"1234"]))  # type: ignore[list-item]
    with pytest.raises(AudioError, match="no audio in it"):
        list(listen(Reader(), []))
    with pytest.raises(AudioError, match="1000 samples a second"):
        listen(Reader(), [TALK], sample_rate=1000)


@pytest.mark.usefixtures("loudness")
def test_phrases_come_as_soon_as_they_are_certain() -> None:
    """The next chunk is asked for only when nothing is left to say about those before."""
    asked = 0

    def chunks() -> object:
        nonlocal asked
        for chunk in cut(TALK, [512] * (len(TALK) // 512)):
            asked += 1
            yield chunk

    for phrase in listen(Reader(), chunks()):  # type: ignore[arg-type]
        if phrase.is_final:
            break
    assert asked * 512 / SAMPLE_RATE == pytest.approx(phrase.end + 0.5, abs=0.07)
