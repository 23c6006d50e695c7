"""A CTC bundle as a transcriber: text, times, options."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_voice
from edge_voice.errors import GraphMismatch, ManifestError, OptionError
from edge_voice.models.ctc.frontend import FrontEnd, standardised
from edge_voice.models.ctc.model import CtcModel
from tests.edge_voice.models.ctc.test_search import ARPA
from tests.ready_files import SAMPLES, TOKENS, spoken

TEXT = "THE LAST OLD TREE"


def test_text_and_what_belongs_to_it(model: CtcModel) -> None:
    found = model.transcribe(spoken(TEXT), vad=False)
    assert (found.text, found.language) == (TEXT, "en")
    assert found.duration == pytest.approx(len(spoken(TEXT)) / 16000)
    [segment] = found.segments
    assert [TOKENS[token] for token in segment.tokens] == list(TEXT.replace(" ", "|"))
    assert segment.words == ()
    assert -0.1 < segment.avg_logprob < 0
    assert len(segment.token_logprobs) == len(segment.tokens)


def test_words_have_the_times_of_their_rows(model: CtcModel) -> None:
    found = model.transcribe(spoken("A BAD"), vad=False, timestamps="word")
    [segment] = found.segments
    # A letter is two rows of 20 ms, and one of silence behind it.
    assert [(w.text, w.start, w.end) for w in segment.words] == [
        ("A", 0, 0.04),
        ("BAD", 0.12, 0.28),
    ]
    assert all(0.9 < word.probability <= 1 for word in segment.words)
    assert (segment.start, segment.end) == (0, 0.28)


def test_pauses_and_full_stops_end_a_segment(model: CtcModel) -> None:
    silence = np.zeros(60 * SAMPLES, np.float32)
    waveform = np.concatenate([spoken("ONE."), spoken(" TWO "), silence, spoken("TEA")])
    found = model.transcribe(waveform, vad=False)
    assert [segment.text for segment in found.segments] == ["ONE.", "TWO", "TEA"]
    assert found.text == "ONE. TWO TEA"
    whole = model.transcribe(waveform, vad=False, timestamps="none")
    assert [segment.text for segment in whole.segments] == ["ONE. TWO TEA"]


def test_a_long_recording_is_cut_and_times_go_on(model: CtcModel) -> None:
    waveform = np.tile(np.concatenate([spoken("TREE "), np.zeros(8000, np.float32)]), 60)
    found = model.transcribe(waveform, vad=False, timestamps="word")
    words = [word for segment in found.segments for word in segment.words]
    assert found.duration > 40
    assert len(words) >= 60
    assert all(a.end <= b.start for a, b in pairwise(words))
    period = len(waveform) / 60 / 16000
    trees = [word.start for word in words if word.text == "TREE"]
    assert len(trees) > 55  # a cut may go through one
    assert all(min(start % period, period - start % period) < 0.03 for start in trees)


def test_silence_and_hardly_any_audio(model: CtcModel) -> None:
    assert model.transcribe(np.zeros(32000, np.float32)).segments == ()
    assert model.transcribe(np.zeros(5, np.float32), vad=False).text == ""


def test_beams_hear_the_same_where_nothing_is_doubtful(model: CtcModel) -> None:
    greedy = model.transcribe(spoken(TEXT), vad=False, timestamps="word")
    beams = model.transcribe(spoken(TEXT), vad=False, timestamps="word", beam_size=4)
    assert beams.segments[0].words == greedy.segments[0].words


def test_language_model_and_words(model: CtcModel, tmp_path: Path) -> None:
    (tmp_path / "small.arpa").write_text(ARPA)
    (tmp_path / "words").write_text("bad\nhead\n")
    waveform = spoken("BAD HEAD")
    for option in ({"language_model": tmp_path / "small.arpa"}, {"word_list": tmp_path / "words"}):
        assert model.transcribe(waveform, vad=False, **option).text == "BAD HEAD"  # type: ignore[arg-type]
    (tmp_path / "words").write_text("ça\n")
    with pytest.raises(OptionError, match="no word in it that this model can spell"):
        model.transcribe(waveform, word_list=tmp_path / "words")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language": "de"}, r"unknown language 'de' \(known: en\)"),
        ({"task": "translate"}, "unknown task 'translate'"),
        ({"timestamps": "frame"}, "unknown timestamps 'frame'"),
        ({"punctuation": False}, "writes as it was trained"),
        ({"initial_prompt": "Names"}, "takes no initial prompt"),
        ({"condition_on_previous_text": True}, "on its own"),
        ({"temperatures": (0.0, 0.2)}, "does not sample"),
        ({"length_penalty": 1.0}, "no length_penalty"),
        ({"beam_size": 9}, "beam_size 9"),
    ],
)
def test_options_that_are_refused(model: CtcModel, options: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        model.transcribe(np.zeros(16000, np.float32), **options)


def test_unknown_options(model: CtcModel) -> None:
    with pytest.raises(TypeError, match="unexpected option 'colour'"):
        model.transcribe(np.zeros(16000, np.float32), colour="red")  # type: ignore[call-arg]


def test_letters_in_the_models_own_case(model: CtcModel) -> None:
    encode = model.vocabulary.encode
    assert encode(" bad  head") == [TOKENS.index(c) for c in "|BAD|HEAD"]
    assert encode("b-a,d") == [TOKENS.index(c) for c in "BAD"]
    assert model.vocabulary.spells("don't")
    assert not model.vocabulary.spells("déjà")
    assert model.vocabulary.decode([1, 5, 4, 4, 6, 0]) == "A B"


def test_features(model: CtcModel) -> None:
    assert model.features(np.ones(10, np.float32))["input_values"].shape == (1, SAMPLES)
    config = type(model.config)(**{**_dict(model), "attention_mask": True, "normalize": True})
    feeds = FrontEnd(config)(np.arange(1000, dtype=np.float32))
    assert feeds["attention_mask"].tolist() == [[1] * 1000]
    np.testing.assert_array_equal(
        feeds["input_values"][0], standardised(np.arange(1000, dtype=np.float32))
    )


def _dict(model: CtcModel) -> dict[str, Any]:
    return {name: getattr(model.config, name) for name in type(model.config).__dataclass_fields__}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"features": "spectrum"}, ManifestError, "features 'spectrum'"),
        ({"samples_per_position": 0}, ManifestError, "samples_per_position is 0"),
        ({"blank": 99}, ManifestError, "token 99"),
        ({"features": "log_mel"}, GraphMismatch, "'input_features' is missing"),
    ],
)
def test_a_manifest_that_does_not_fit(
    bundle: Path, tmp_path: Path, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in bundle.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["config"] |= change
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(error, match=message):
        edge_voice.load(copy)
