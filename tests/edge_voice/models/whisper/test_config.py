"""The numbers of a checkpoint, as they stand in a manifest."""

from __future__ import annotations

import dataclasses
import json

import pytest

from edge_voice.errors import ManifestError
from edge_voice.manifest import from_dict
from edge_voice.models.whisper.config import (
    FRAMES_PER_POSITION,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    SECONDS_PER_POSITION,
    WhisperConfig,
)


def test_a_window_of_1500_positions_is_30_seconds(config: WhisperConfig) -> None:
    full = dataclasses.replace(config, audio_positions=1500)
    assert full.window_samples == 30 * SAMPLE_RATE
    assert config.window_samples == 2 * SAMPLE_RATE


def test_a_position_lasts_as_long_as_a_timestamp_step() -> None:
    samples = SAMPLES_PER_FRAME * FRAMES_PER_POSITION
    assert samples / SAMPLE_RATE == pytest.approx(SECONDS_PER_POSITION)


def test_round_trip_through_a_manifest(config: WhisperConfig) -> None:
    raw = json.loads(json.dumps(dataclasses.asdict(config)))
    assert from_dict(WhisperConfig, raw, "config") == config


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(WhisperConfig)])
def test_nothing_may_be_missing(config: WhisperConfig, name: str) -> None:
    raw = dataclasses.asdict(config)
    del raw[name]
    with pytest.raises(ManifestError, match=f"missing key '{name}'"):
        from_dict(WhisperConfig, raw, "config")
