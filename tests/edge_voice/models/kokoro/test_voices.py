"""Voices by name, alone and blended."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from edge_voice.errors import ManifestError, OptionError
from edge_voice.models.kokoro.config import VoiceFacts
from edge_voice.models.kokoro.voices import check_language, open_styles, parse_voice, style_of

VOICES = {
    "af_heart": VoiceFacts("en-us", "female", "A"),
    "af_bella": VoiceFacts("en-us", "female", "A-"),
    "bf_emma": VoiceFacts("en-gb", "female", "B-"),
    "ef_dora": VoiceFacts("es", "female", None),
}


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("af_heart", {"af_heart": 1.0}),
        ("af_heart:0.6+af_bella:0.4", {"af_heart": 0.6, "af_bella": 0.4}),
        ("af_heart+af_bella", {"af_heart": 0.5, "af_bella": 0.5}),
        (" af_heart : 3 + af_bella ", {"af_heart": 0.75, "af_bella": 0.25}),
    ],
)
def test_shares(text: str, weights: dict[str, float]) -> None:
    blend = parse_voice(text, VOICES)
    assert dict(blend.weights) == pytest.approx(weights)
    assert blend.language == "en-us"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"unknown voice '' \(known: af_heart, af_bella"),
        ("bob", r"unknown voice 'bob' \(known: af_heart"),
        ("af_heart+", r"unknown voice ''"),
        ("af_heart:1+bob:2", r"unknown voice 'bob'"),
        ("af_heart+af_heart", r"af_heart comes twice"),
        ("af_heart:", r"weight '' \(allowed: more than 0\)"),
        ("af_heart:0+af_bella", r"weight '0' \(allowed: more than 0\)"),
        ("af_heart:-1", r"weight '-1'"),
        ("af_heart:nan", r"weight 'nan'"),
        ("af_heart:inf", r"weight 'inf'"),
        ("af_heart:x", r"weight 'x'"),
        ("af_heart+bf_emma", r"speak en-gb and en-us \(allowed: voices of one language\)"),
    ],
)
def test_voices_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_voice(text, VOICES)


def test_a_blend_is_between_its_voices() -> None:
    styles = np.arange(4 * 3 * 256, dtype=np.float32).reshape(4, 3, 256)
    order = {name: row for row, name in enumerate(VOICES)}
    style = style_of(parse_voice("af_heart:0.25+af_bella:0.75", VOICES), styles, order, 2)
    assert style.shape == (1, 256)
    np.testing.assert_allclose(style[0], 0.25 * styles[0, 1] + 0.75 * styles[1, 1], rtol=1e-6)


@pytest.mark.parametrize(("phonemes", "row"), [(1, 0), (3, 2), (4, 2), (1000, 2)])
def test_the_style_goes_with_the_length(phonemes: int, row: int) -> None:
    styles = np.random.default_rng(0).normal(size=(1, 3, 256)).astype(np.float16)
    style = style_of(parse_voice("af_heart", VOICES), styles, {"af_heart": 0}, phonemes)
    assert style.dtype == np.float32
    np.testing.assert_array_equal(style[0], styles[0, row].astype(np.float32))


@pytest.mark.parametrize("language", ["en", "en-us", "EN_US"])
def test_languages_that_a_voice_speaks(language: str) -> None:
    check_language(language, parse_voice("af_heart", VOICES), VOICES)


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en-gb", r"af_heart speaks en-us \(allowed: en-us; en-gb is spoken by bf_emma\)"),
        ("es", r"language 'es': af_heart speaks en-us .*spoken by ef_dora"),
        ("de", r"language 'de': af_heart speaks en-us \(allowed: en-us\)"),
    ],
)
def test_languages_that_it_does_not(language: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        check_language(language, parse_voice("af_heart", VOICES), VOICES)


def saved(array: np.ndarray) -> bytes:  # type: ignore[type-arg]
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no array",
        saved(np.zeros((2, 5, 256), np.float32))[:-1],
        saved(np.zeros((3, 5, 256), np.float32)),
        saved(np.zeros((2, 0, 256), np.float32)),
        saved(np.zeros((2, 5, 255), np.float32)),
        saved(np.zeros((2, 256), np.float32)),
        saved(np.zeros((2, 5, 256), np.int8)),
    ],
)
def test_damaged_styles(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "styles.npy").write_bytes(content)
    with pytest.raises(ManifestError, match=r"styles\.npy: "):
        open_styles(tmp_path / "styles.npy", 2)
