"""Prepared voices: the same speech, sooner, and never from a file that does not belong."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_voice
from edge_voice import prepared
from edge_voice.errors import ChecksumMismatch, ModelError, OptionError, StoreError
from edge_voice.hub.verify import sha256_file, verify_bundle
from edge_voice.manifest import FileEntry, Manifest
from edge_voice.models.voxtral_tts.model import VoxtralModel

VOICE = "fr_female"


def opened(bundle: Path) -> VoxtralModel:
    """Loading checks every file's hash."""
    model: VoxtralModel = edge_voice.load(bundle, threads=1)
    return model


def first_state(model: VoxtralModel, voice: str = VOICE) -> np.ndarray:
    next(model.frames("Once.", voice))
    return model.acoustic._hidden.copy()


def prefill_rows(model: VoxtralModel, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many embeddings each prefill from now on is fed."""
    rows: list[int] = []
    prefill = model.backbone.prefill

    def counted(embeddings: np.ndarray) -> np.ndarray:
        rows.append(len(embeddings))
        return prefill(embeddings)

    monkeypatch.setattr(model.backbone, "prefill", counted)
    return rows


def only_file(bundle: Path) -> Path:
    (path,) = bundle.glob("prefix-*")
    return path


@pytest.fixture
def ready(bundle: Path) -> Path:
    """A bundle with one voice prepared."""
    opened(bundle).prepare_voice(VOICE)
    return bundle


def test_it_speaks_alike(bundle: Path) -> None:
    plain = opened(bundle)
    states = first_state(plain)
    assert plain.prepare_voice(VOICE) == only_file(bundle).stat().st_size
    stored = np.load(only_file(bundle))
    assert (stored.dtype, stored.shape) == (np.float16, (2, 2, 2, 9, 16))
    model = opened(bundle)
    np.testing.assert_array_equal(first_state(model), first_state(plain))
    difference = np.abs(first_state(model) - states).max()
    assert 0 < difference < 0.01
    assert verify_bundle(bundle) == []
    assert prepared.sizes(Manifest.load(bundle)) == {VOICE: only_file(bundle).stat().st_size}


def test_the_codes_are_those_of_the_original(bundle: Path, data: Path) -> None:
    """Told the frames of the golden closed loops, so that one near tie cannot move the rest."""
    folder = data / "voxtral_tts_tiny"
    prompts = json.loads((folder / "expected_tokens.json").read_text())["prompts"]
    loops = np.load(folder / "expected_loop.npz")
    for voice in opened(bundle).voices:
        opened(bundle).prepare_voice(voice)
    model, same = opened(bundle), []
    for i, prompt in enumerate(prompts):
        told, noise = loops[f"p{i}_codes"], loops[f"p{i}_noise"]
        found = told_codes(model, prompt["text"], prompt["voice"], told, noise)
        np.testing.assert_array_equal(found[:, 0], told[:, 0])
        assert np.abs(found - told).max() <= 1
        same.append(found == told)
    assert np.concatenate(same).mean() > 0.998


def told_codes(
    model: VoxtralModel, text: str, voice: str, told: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """What the model makes of each frame of a prompt when it is told all frames before."""
    next(model.frames(text, voice, noise=noise, max_frames=2, normalize=False), None)
    model.backbone.truncate(len(model.prompt_ids(text, voice)) - 1)
    model.backbone.reserve(model.backbone.length + 1 + len(told))
    inputs = [model.prompts.embed([model.config.begin_audio])[0]]
    inputs += [model.prompts.frame(codes) for codes in told[:-1]]
    return np.stack(
        [
            model.acoustic.frame(model.backbone.step(row), drawn, steps=7, guidance=1.2)
            for row, drawn in zip(inputs, noise, strict=False)
        ]
    )


def test_the_first_frame_waits_for_the_text_alone(
    ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = opened(ready)
    text = len(model.prompts.text_ids("Once."))
    rows = prefill_rows(model, monkeypatch)
    first_state(model)
    assert rows == [text]
    first_state(model, "casual_male")
    assert rows == [text, 2 + model.config.voices["casual_male"], text]


def test_what_is_prepared_is_not_made_again(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = only_file(ready).stat()
    model = opened(ready)
    rows = prefill_rows(model, monkeypatch)
    assert model.prepare_voice(VOICE) == before.st_size
    assert rows == []
    assert only_file(ready).stat() == before


def test_voices_of_ones_own_are_prepared_too(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, path = opened(bundle), tmp_path / "my \udcffoice.npy"
    np.save(path, model.prompts.voice(VOICE)[:4])
    model.prepare_voice(str(path))
    assert list(prepared.sizes(Manifest.load(bundle))) == ["my \\udcffoice.npy"]
    again = opened(bundle)
    rows = prefill_rows(again, monkeypatch)
    first_state(again, str(path))
    assert rows == [len(model.prompts.text_ids("Once."))]
    np.save(path, model.prompts.voice(VOICE)[:3])  # another voice under that name
    other = opened(bundle)
    rows = prefill_rows(other, monkeypatch)
    first_state(other, str(path))
    assert rows[0] == 5
    other.prepare_voice(str(path))
    assert verify_bundle(bundle) == []


def disguise(bundle: Path, name: str, content: bytes | None = None) -> None:
    """Gives the prepared file another name or other bytes, and the manifest agrees."""
    path, manifest = only_file(bundle), Manifest.load(bundle)
    if content is not None:
        path.write_bytes(content)
    entry = FileEntry(path.stat().st_size, sha256_file(path))
    files = {key: value for key, value in manifest.files.items() if key != path.name}
    path.rename(bundle / name)
    replace(
        manifest,
        assets={**manifest.assets, f"prefix.{VOICE}": name},
        files={**files, name: entry},
    ).save(bundle)


def test_one_from_elsewhere_is_passed_over(
    ready: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    disguise(ready, f"prefix-{VOICE}-0123456789abcdef.npy")
    model = opened(ready)
    rows = prefill_rows(model, monkeypatch)
    with caplog.at_level(logging.WARNING):
        first_state(model)
    assert rows[0] == 9
    assert "prepared with another model" in caplog.text
    model.prepare_voice(VOICE)
    assert "0123456789abcdef" not in only_file(ready).name
    assert verify_bundle(ready) == []


def test_other_weights_make_it_another_file(bundle: Path) -> None:
    manifest, rows = Manifest.load(bundle), np.zeros((3, 64), np.float32)
    names = {
        prepared.file_name(manifest, "a", rows),
        prepared.file_name(manifest, "b", rows),
        prepared.file_name(manifest, "a", rows[:2]),
        prepared.file_name(manifest, "a", rows + 1),
    }
    graph = manifest.graph("backbone")
    files = {**manifest.files, graph: FileEntry(1, "0" * 64)}
    names.add(prepared.file_name(replace(manifest, files=files), "a", rows))
    assert len(names) == 5


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (np.zeros((2, 2, 2, 4, 8), np.float16), "saved cache of shape"),
        (np.zeros((2, 2, 2, 8, 16), np.float16), "8 positions, expected 9"),
    ],
)
def test_one_of_another_shape(ready: Path, state: np.ndarray, message: str) -> None:
    model = opened(ready)
    np.save(only_file(ready), state)
    with pytest.raises(ModelError, match=message):
        first_state(model)
    first_state(model, "casual_male")  # other voices still speak


def test_one_that_is_no_table(ready: Path) -> None:
    model = opened(ready)
    only_file(ready).write_bytes(b"no table")
    with pytest.raises(ModelError, match="prefix-fr_female"):
        first_state(model)
    with pytest.raises(ChecksumMismatch, match="prefix-fr_female"):
        opened(ready)


def test_one_that_vanishes_is_computed(ready: Path) -> None:
    model = opened(ready)
    assert list(prepared.remove(ready)) == [VOICE]
    first_state(model)


def test_numbers_that_float16_cannot_hold(bundle: Path) -> None:
    manifest, rows = Manifest.load(bundle), np.zeros((1, 64), np.float32)
    with pytest.raises(ModelError, match="too large for float16"):
        prepared.save(bundle, manifest, VOICE, rows, np.full((2, 2, 2, 3, 16), 1e6, np.float32))
    assert list(bundle.glob("prefix-*")) == []


def test_leftovers_of_a_killed_process_go(ready: Path) -> None:
    (ready / "prefix-casual_male-0123456789abcdef.npy").write_bytes(b"not listed yet")
    (ready / "prefix-casual_male-0123456789abcdef.npy.part").write_bytes(b"half")
    first_state(opened(ready))
    opened(ready).prepare_voice("casual_male")
    assert verify_bundle(ready) == []


@pytest.mark.parametrize("broken", ["np.save", "Path.replace"])
def test_what_fails_leaves_the_bundle_whole(
    ready: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    before = sorted(path.name for path in ready.iterdir())
    model = opened(ready)
    owner = np if broken == "np.save" else Path
    with monkeypatch.context() as patch:
        patch.setattr(owner, broken.partition(".")[2], full)
        with pytest.raises(StoreError, match="No space left"):
            model.prepare_voice("casual_male")
    assert sorted(path.name for path in ready.iterdir()) == before
    assert verify_bundle(ready) == []
    opened(ready).prepare_voice("casual_male")


def test_two_processes_do_not_undo_each_other(bundle: Path) -> None:
    one, other = opened(bundle), opened(bundle)
    one.prepare_voice(VOICE)
    other.prepare_voice("casual_male")
    assert set(prepared.sizes(Manifest.load(bundle))) == {VOICE, "casual_male"}
    assert verify_bundle(bundle) == []


def test_a_bundle_that_is_replaced_meanwhile(bundle: Path) -> None:
    model, manifest = opened(bundle), Manifest.load(bundle)
    other = {**manifest.files, manifest.graph("backbone"): FileEntry(1, "0" * 64)}
    replace(manifest, files=other).save(bundle)
    with pytest.raises(ModelError, match="was replaced while voice 'fr_female' was prepared"):
        model.prepare_voice(VOICE)
    assert list(bundle.glob("prefix-*")) == []


def test_unknown_voices(bundle: Path) -> None:
    with pytest.raises(OptionError, match="unknown voice 'bob'"):
        opened(bundle).prepare_voice("bob")
