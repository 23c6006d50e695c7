"""Whisper base, real multilingual weights in the Hugging Face layout, on speech in six languages.

Bounds of error rates are measured values and a margin; docs/quantization.md has the full tables.
Chinese and Japanese are bounded loosely: the model writes traditional characters and homophones.
"""

from __future__ import annotations

import json
import re
import unicodedata
import warnings
from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_voice
from benchmarks.wer import WordErrors, align
from edge_voice.audio import read
from edge_voice.language_id import identify
from edge_voice.manifest import Manifest
from edge_voice_export import export_bundle

pytestmark = pytest.mark.weights

# Character error rates in percent: fp32 1.7, 4.8, 2.7, 14.8, 10.8; int8 within 1.5 of them, with
# 17 and 30 for the only Japanese clip, 37 and 41 for three Chinese ones.
CHARACTER_ERROR_RATE = {
    "en": 0.04, "de": 0.07, "es": 0.05, "fr": 0.19, "pt": 0.14, "ja": 0.36, "zh": 0.47,
}  # fmt: skip
COHERE = ("en", "fr", "de", "es", "it", "pt", "nl", "pl", "el", "ar", "ja", "zh", "vi", "ko")
COMMON_ENGLISH = {
    "a", "an", "and", "at", "be", "by", "for", "from", "have", "in", "is", "it", "not", "of", "on",
    "that", "the", "they", "to", "was",
}  # fmt: skip


@pytest.fixture(scope="session")
def checkpoint(shared: Path) -> Path:
    folder = shared / "weights/whisper-base"
    if not folder.is_dir():
        pytest.skip(f"no weights at {folder}")
    return folder


@pytest.fixture(scope="session")
def bundle(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("whisper-base")

    def exported(precision: str) -> Path:
        folder = root / precision
        if not folder.exists():
            export_bundle(checkpoint, folder, precision=precision)
        return folder

    return exported


@pytest.fixture(scope="session")
def speech(shared: Path) -> dict[str, list[tuple[Path, str]]]:
    """Language → (recording, what is said); LJ Speech left out, it is most of the English."""
    folder = shared / "data/speech"
    found: dict[str, list[tuple[Path, str]]] = {}
    for row in json.loads((folder / "manifest.json").read_text(encoding="utf-8")):
        if not row["file"].startswith("LJ"):
            found.setdefault(row["language"], []).append((folder / row["file"], row["text"]))
    return found


def characters(text: str) -> list[str]:
    return [c for c in unicodedata.normalize("NFKC", text).lower() if c.isalnum()]


def test_the_manifest_says_what_the_checkpoint_is(bundle):
    manifest = Manifest.load(bundle("int8"))
    assert manifest.config["multilingual"]
    assert len(manifest.languages) == 99
    assert (manifest.config["end_of_text"], manifest.config["first_timestamp"]) == (50257, 50364)
    assert manifest.config["suppress_at_start"] == [220, 50257]


@pytest.mark.parametrize("language", CHARACTER_ERROR_RATE)
@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_languages_are_recognised_and_understood(bundle, speech, precision, language):
    model, total = edge_voice.load(bundle(precision)), WordErrors()
    for path, text in speech[language]:
        transcript = model.transcribe(path)
        assert transcript.language == language, path.name
        total += align(characters(text), characters(transcript.text))
    assert total.rate < CHARACTER_ERROR_RATE[language]


# Of 32 pieces of 2 s one (int8) or two (int4) are taken for another language, of longer ones none.
@pytest.mark.parametrize(("seconds", "mistakes"), [(None, 0), (10, 0), (5, 0), (3, 0), (2, 2)])
@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_language_of_a_piece_is_identified_among_fourteen(
    bundle, speech, precision, seconds, mistakes
):
    pieces = [
        (piece, language)
        for language, recordings in speech.items()
        for path, _ in recordings
        if (piece := middle(read(path), seconds)) is not None
    ]
    folder = bundle(precision)
    guesses = [(identify(piece, COHERE, 2, bundle=folder), code) for piece, code in pieces]
    wrong = [(guess, code) for guess, code in guesses if guess.language != code]
    assert len(pieces) > 15
    assert len(wrong) <= mistakes, wrong
    if seconds is None:
        assert min(guess.probability for guess, _ in guesses) > 0.8


def middle(waveform: np.ndarray, seconds: int | None) -> np.ndarray | None:
    """So many seconds from the middle; None if there are not so many."""
    count = len(waveform) if seconds is None else seconds * 16_000
    at = (len(waveform) - count) // 2
    return waveform[at : at + count] if at >= 0 else None


@pytest.mark.parametrize("language", ["de", "es", "fr", "pt"])
def test_translations_are_english(bundle, speech, language):
    model = edge_voice.load(bundle("int8"))
    path, _ = speech[language][0]
    translated = model.transcribe(path, task="translate").text
    original = model.transcribe(path).text
    assert english_share(translated) > 0.3
    assert english_share(original) < 0.15


def english_share(text: str) -> float:
    """How many of the words are among the commonest of English."""
    words = re.findall(r"\w+", text.lower())
    return sum(word in COMMON_ENGLISH for word in words) / len(words)


@pytest.fixture(scope="session")
def theirs(checkpoint: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("torch")
        transformers = pytest.importorskip("transformers")
        model = transformers.WhisperForConditionalGeneration.from_pretrained(checkpoint)
        return model.float().eval()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "pt", "ja", "zh"])
def test_fp32_computes_what_transformers_does(bundle, theirs, speech, language):
    """Features aside: encoder output, and the ids of plain greedy decoding of 40 tokens."""
    import torch

    model = edge_voice.load(bundle("fp32"))
    waveform = read(speech[language][0][0])
    features, config = model.features(waveform), model.config
    start = [config.start_of_transcript, config.language_tokens[language], config.transcribe]
    ids, past = [*start, config.no_timestamps], None
    with torch.no_grad():
        encoded = theirs.model.encoder(torch.tensor(features[None]))
        hidden = encoded.last_hidden_state[0].numpy()
        np.testing.assert_allclose(model.encode(features), hidden, rtol=0, atol=2e-3)
        new = torch.tensor([ids])
        while len(ids) < 44 and ids[-1] != config.end_of_text:
            step = theirs(encoder_outputs=encoded, decoder_input_ids=new, past_key_values=past)
            ids.append(int(step.logits[0, -1].argmax()))
            new, past = torch.tensor([ids[-1:]]), step.past_key_values
    assert model.generate(waveform, language=language, max_new_tokens=40) == ids[4:]


@pytest.mark.parametrize("vad", [True, False])
@pytest.mark.parametrize("language", CHARACTER_ERROR_RATE)
def test_words_have_times_in_every_language(bundle, speech, language, vad):
    """Segments are made of their words, which are in order, inside, and of human length."""
    model, lengths = edge_voice.load(bundle("int8")), []
    for path, _ in speech[language]:
        transcript = model.transcribe(path, timestamps="word", vad=vad)
        words = [word for segment in transcript.segments for word in segment.words]
        assert all(0 <= word.start <= word.end <= transcript.duration for word in words)
        assert all(before.end <= after.start for before, after in pairwise(words))
        for segment in transcript.segments:
            assert (segment.start, segment.end) == (segment.words[0].start, segment.words[-1].end)
            said = "".join(word.text for word in segment.words)
            assert "".join(said.split()) == "".join(segment.text.split())
        assert transcript.text == model.transcribe(path, vad=vad).text
        lengths += [word.end - word.start for word in words]
    assert 0.1 < np.median(lengths) < 0.5
    assert np.mean(np.array(lengths) < 0.02) < 0.05


# PocketSphinx's forced alignment of the known text, another method.
KENNEDY = (
    "And 0.29 so 0.63 my 0.97 fellow 1.24 Americans 1.63 ask 3.25 not 3.99 what 5.37 your 5.61 "
    "country 5.86 can 6.42 do 6.66 for 6.91 you 7.05 ask 8.15 what 8.53 you 8.82 can 9.20 do 9.37 "
    "for 9.63 your 9.78 country 9.99"
)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_words_start_when_they_are_spoken(bundle, data, precision):
    """Measured: half of them within 0.05 s, all within 0.2 s but those that were misheard."""
    expected = dict(enumerate(zip(KENNEDY.split()[::2], KENNEDY.split()[1::2], strict=True)))
    transcript = edge_voice.load(bundle(precision)).transcribe(
        data / "jfk.wav", language="en", timestamps="word"
    )
    words = [word for segment in transcript.segments for word in segment.words]
    errors = {}
    for at, to, size in SequenceMatcher(
        None,
        [word for word, _ in expected.values()],
        [re.sub(r"\W", "", word.text) for word in words],
        autojunk=False,
    ).get_matching_blocks():
        for i in range(size):
            errors[at + i] = abs(words[to + i].start - float(expected[at + i][1]))
    assert len(errors) >= 20
    assert np.median(list(errors.values())) < 0.1
    assert np.mean([error < 0.2 for error in errors.values()]) >= 0.9
