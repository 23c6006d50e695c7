"""Whisper against what openai-whisper computed, stage by stage."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_voice
from benchmarks.wer import align
from edge_voice.decoding import decode
from edge_voice.manifest import Manifest, from_dict
from edge_voice.models.whisper.config import WhisperConfig
from edge_voice.models.whisper.rules import window_rules
from edge_voice.results import Transcript
from edge_voice.sampling import Sampler, log_sum_exp
from tests.export.models.whisper.models import Graphs

from .whisper_tiny_en import ENCODER, FEATURES, LOGITS, Clip

CLIPS = ["jfk", "sense"]
FULL_CLIPS = ["jfk", *(f"sense_and_sensibility_01_austen_64kb-{n}" for n in ("0870", "0880"))]


def check_features(model: Any, clip: Clip) -> None:
    features = model.features(clip.waveform)
    assert features.shape == (80, 3000)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features[:, clip.columns], clip.features, **FEATURES)
    np.testing.assert_allclose(features[:, clip.heard :], clip.rest, **FEATURES)


def check_encoder(model: Any, clip: Clip) -> None:
    encoded = model.encode(model.features(clip.waveform))
    assert encoded.shape == (1500, 384)
    np.testing.assert_allclose(encoded[clip.rows], clip.encoded, **ENCODER)
    assert np.abs(encoded[clip.rows] - clip.encoded).mean() < 1e-4
    np.testing.assert_allclose(encoded.mean(axis=0), clip.encoder_mean, **ENCODER)
    np.testing.assert_allclose(encoded.std(axis=0), clip.encoder_std, **ENCODER)


def check_logits(logits: Any, clip: Clip) -> None:
    """(n, vocabulary) logits behind each of the teacher-forced tokens."""
    top = np.take_along_axis(logits, clip.top_ids, axis=1)
    np.testing.assert_allclose(top, clip.top_logits, **LOGITS)
    np.testing.assert_allclose(log_sum_exp(logits), clip.log_sum_exp, **LOGITS)
    assert (logits.argmax(axis=1) == clip.top_ids[:, 0]).all()


@pytest.mark.parametrize("name", CLIPS)
def test_features(random_model, expected, name):
    check_features(random_model, expected[name])


@pytest.mark.parametrize("name", FULL_CLIPS)
def test_features_in_full(random_model, all_expected, name):
    check_features(random_model, all_expected[name])


def test_the_strided_files_are_parts_of_the_complete_ones(expected, all_expected):
    for name, full_name in (("jfk", FULL_CLIPS[0]), ("sense", FULL_CLIPS[2])):
        part, whole = expected[name], all_expected[full_name]
        np.testing.assert_array_equal(part.waveform, whole.waveform)
        np.testing.assert_array_equal(part.features, whole.features[:, part.columns])
        kept = np.isin(whole.rows, part.rows)
        np.testing.assert_array_equal(part.encoded, whole.encoded[kept])
        np.testing.assert_array_equal(part.top_logits, whole.top_logits)
        assert part.greedy == whole.greedy
        assert part.segments == whole.segments


def check_everything(bundle: Path, clip: Clip) -> None:
    model, graphs = edge_voice.load(bundle), Graphs(bundle, Manifest.load(bundle))
    check_features(model, clip)
    check_encoder(model, clip)
    encoded = graphs.encode(model.features(clip.waveform)[None])
    check_logits(graphs.logits(encoded, clip.ids[None])[0], clip)
    run = graphs.decoder(encoded, 1)
    steps = [run.feed(clip.ids[None, i : i + 1])[0] for i in range(len(clip.ids))]
    check_logits(np.concatenate(steps), clip)
    assert model.generate(clip.waveform) == clip.greedy
    assert model.generate(clip.waveform, max_new_tokens=3) == clip.greedy[:3]


@pytest.mark.weights
@pytest.mark.parametrize("name", CLIPS)
def test_fp32_agrees_at_every_stage(tiny_en, expected, name):
    check_everything(tiny_en("fp32"), expected[name])


@pytest.mark.weights
@pytest.mark.parametrize("name", FULL_CLIPS)
def test_fp32_agrees_in_full(tiny_en, all_expected, name):
    check_everything(tiny_en("fp32"), all_expected[name])


@pytest.mark.weights
@pytest.mark.parametrize("name", CLIPS)
def test_the_rules_for_timestamps(tiny_en, expected, name):
    """A full window of 30 s, as the reference decodes it."""
    bundle, clip = tiny_en("fp32"), expected[name]
    manifest = Manifest.load(bundle)
    graphs, config = Graphs(bundle, manifest), from_dict(WhisperConfig, manifest.config, "config")
    encoded = graphs.encode(edge_voice.load(bundle).features(clip.waveform)[None])
    run = graphs.decoder(encoded, 1)
    (row,) = decode(
        lambda tokens: run.feed(tokens[:, None])[:, 0],
        run.feed(np.array([[config.start_of_transcript]]))[:, -1],
        sampler=Sampler(),
        end_token=config.end_of_text,
        max_new_tokens=224,
        rules=window_rules(config, timestamps=True, seconds=30.0),
    )
    assert row.tokens == clip.with_timestamps
    assert row.complete


def transcribe(bundle: Path, clip: Clip) -> Transcript:
    """As the reference does it, but in a shorter window."""
    model = edge_voice.load(bundle)
    transcript = model.transcribe(clip.waveform, vad=False, temperatures=(0.0,), sample_rate=16_000)
    assert abs(transcript.duration - len(clip.waveform) / 16_000) < 1e-3
    assert abs(transcript.segments[0].start - clip.segments[0][0]) < 0.3
    assert abs(transcript.segments[-1].end - clip.segments[-1][1]) < 0.5
    return transcript


@pytest.mark.weights
@pytest.mark.parametrize("name", CLIPS)
def test_fp32_hears_the_words_of_the_reference(tiny_en, expected, name):
    clip = expected[name]
    transcript = transcribe(tiny_en("fp32"), clip)
    assert words(transcript.text) == words(clip.text)
    assert [words(segment.text) for segment in transcript.segments] == [
        words(text) for _, _, text in clip.segments
    ]


@pytest.mark.weights
@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("precision", ["int8", "balanced", "int4"])
def test_quantized_models_hear_what_is_said(tiny_en, expected, name, precision):
    """No worse than the reference by more than a word of 22 or 8."""
    clip = expected[name]
    transcript = transcribe(tiny_en(precision), clip)
    spoken = words(clip.spoken)
    reference = align(spoken, words(clip.text)).errors
    assert align(spoken, words(transcript.text)).errors <= reference + 1


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())
