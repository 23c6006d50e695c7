"""A VITS bundle as a synthesizer: letters, phonemes, options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_voice
from edge_voice.errors import ManifestError, OptionError
from edge_voice.models.vits.model import VitsModel
from edge_voice_export import export_bundle
from tests import ready_files

TEXT = "Ana are mere. Ce faci?"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("vits")
    published = ready_files.write_vits(folder / "published", voices=2)
    export_bundle(published, folder / "bundle", precision="fp32", name="toy")
    return folder / "bundle"


@pytest.fixture(scope="module")
def model(bundle: Path) -> VitsModel:
    found = edge_voice.load(bundle, task="speak")
    assert isinstance(found, VitsModel)
    return found


def samples(model: VitsModel, text: str = TEXT, **options: Any) -> np.ndarray:
    return np.concatenate([chunk.waveform for chunk in model.synthesize(text, **options)])


def test_a_chunk_for_each_sentence(model: VitsModel) -> None:
    chunks = list(model.synthesize(TEXT))
    assert [chunk.text for chunk in chunks] == ["Ana are mere.", "Ce faci?"]
    assert all(chunk.sample_rate == model.sample_rate == 16000 for chunk in chunks)
    assert all(np.isfinite(chunk.waveform).all() for chunk in chunks)
    assert (model.voices, model.languages) == (("speaker_0", "speaker_1"), ("ron",))


def test_the_same_seed_is_the_same_speech(model: VitsModel) -> None:
    np.testing.assert_array_equal(samples(model, seed=3), samples(model, seed=3))
    assert len(samples(model, seed=3)) != len(samples(model, seed=4))


def test_speed_comes_from_durations_and_then_from_stretching(model: VitsModel) -> None:
    plain = {"noise_scale": 0.0, "noise_scale_duration": 0.0}
    normal = len(samples(model, "mere", **plain))
    assert len(samples(model, "mere", speed=0.5, **plain)) == pytest.approx(2 * normal, rel=0.15)
    assert len(samples(model, "mere", speed=0.25, **plain)) == pytest.approx(4 * normal, rel=0.15)


def test_noise_scales(model: VitsModel) -> None:
    assert len(samples(model, noise_scale_duration=2.0)) > len(
        samples(model, noise_scale_duration=0.0)
    )
    # Without noise of the sound the hum has one amplitude: 0.2 for the first speaker.
    assert np.abs(samples(model, noise_scale=0.0)).max() == pytest.approx(0.2, abs=1e-3)


def test_speakers(model: VitsModel) -> None:
    assert np.abs(samples(model, voice="speaker_1", noise_scale=0.0)).max() == pytest.approx(
        0.3, abs=1e-3
    )
    with pytest.raises(OptionError, match=r"unknown voice 'bob' \(known: speaker_0, speaker_1\)"):
        model.synthesize("mere", voice="bob")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise_scale": 3.0}, r"noise_scale 3 \(allowed: 0 to 2\)"),
        ({"noise_scale_duration": -1.0}, r"noise_scale_duration -1 \(allowed"),
        ({"noise_scale": float("nan")}, "noise_scale nan"),
        ({"steps": 3}, "has no steps"),
        ({"speed": 9.0}, "speed 9"),
        ({"language": "de"}, r"language 'de' \(allowed: ron\)"),
    ],
)
def test_options_that_are_refused(model: VitsModel, options: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        model.synthesize("mere", **options)


def test_a_voice_that_reads_letters_has_no_phonemes(model: VitsModel) -> None:
    with pytest.raises(OptionError, match="reads letters"):
        model.synthesize("say [[həlˈoʊ]]")


def test_letters(model: VitsModel) -> None:
    assert model.reader.text("Ana, ȚAR!") == "ana ţar"
    a, n = (ready_files.VITS_LETTERS.index(letter) for letter in "an")
    assert model.reader.ids("an") == [0, a, 0, n, 0]
    assert list(model.synthesize("5 + 5")) == []


def test_a_limit_and_long_texts(model: VitsModel) -> None:
    limited = samples(model, max_seconds=0.5)
    assert len(limited) == 8000
    chunks = list(model.synthesize("mere " * 200))
    assert len(chunks) > 2
    assert max(len(chunk.text) for chunk in chunks) <= 300


def changed(bundle: Path, target: Path, **entries: Any) -> VitsModel:
    target.mkdir()
    for file in bundle.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["config"] |= entries
    (target / "manifest.json").write_text(json.dumps(manifest))
    found = edge_voice.load(target)
    assert isinstance(found, VitsModel)
    return found


def test_other_scripts_must_be_romanised(bundle: Path, tmp_path: Path) -> None:
    model = changed(bundle, tmp_path / "roman", romanized=True)
    assert list(model.synthesize("annyeong"))
    with pytest.raises(OptionError, match=r"'안' is no Roman letter.*romanised"):
        list(model.synthesize("안녕"))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"sample_rate": 0}, "sample_rate is 0"),
        ({"voices": []}, "may not be empty"),
        ({"inputs": ["speed"]}, "inputs names 'speed'"),
    ],
)
def test_a_manifest_that_does_not_fit(
    bundle: Path, tmp_path: Path, entries: dict[str, Any], message: str
) -> None:
    with pytest.raises(ManifestError, match=message):
        changed(bundle, tmp_path / "changed", **entries)


FAKE = """#!/usr/bin/env python3
import sys
for line in sys.stdin:
    print("(en)" + line.strip().replace("w", "o^ʊ").replace("r", "ɹ_"))
"""


def test_phonemes_of_espeak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path) -> None:
    command = tmp_path / "espeak"
    command.write_text(FAKE)
    command.chmod(0o755)
    monkeypatch.setenv("EDGE_VOICE_ESPEAK", str(command))
    piper = ready_files.write_piper(tmp_path / "piper", kind="espeak")
    export_bundle(piper, tmp_path / "voice", precision="fp32")
    model = edge_voice.load(tmp_path / "voice")
    assert model.reader.text("row é") == "ɹooʊ e\u0301"  # as written, not Kokoro's letters
    symbols = model.config.symbols
    assert model.reader.ids("ab") == [1, 0, symbols["a"], 0, symbols["b"], 0, 2]
    assert list(model.synthesize("row [[ˈəʊ]]", voice="bob"))
    monkeypatch.setenv("EDGE_VOICE_ESPEAK", str(tmp_path / "gone"))
    model = edge_voice.load(tmp_path / "voice")
    with pytest.raises(OptionError, match="gone, which is not there"):
        list(model.synthesize("row"))
