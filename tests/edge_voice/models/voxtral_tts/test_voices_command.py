"""`edge-voice voices`: listing, preparing, removing and repairing with a small bundle."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import edge_voice
from edge_voice.errors import ModelError, OptionError
from edge_voice.hub.verify import verify_bundle
from edge_voice.manifest import Manifest
from edge_voice.models.voxtral_tts.backbone import Backbone

VOICE = "fr_female"
Call = Callable[..., Result]


def test_the_command_prepares_all_or_some(call: Call, bundle: Path) -> None:
    some = call("voices", "prepare", str(bundle), "--voice", VOICE)
    assert (some.exit_code, some.stdout) == (0, f"{VOICE}  0 MB\n")
    assert some.stderr == "edge-voice: prepared: 1, 0 MB in all\n"
    listed = call("voices", str(bundle))
    assert listed.stdout == f"casual_male\n{VOICE}  (prepared, 0 MB)\n"
    everything = call("voices", "prepare", str(bundle), "--threads", "1")
    assert everything.stdout.split() == ["casual_male", "0", "MB", VOICE, "0", "MB"]
    sizes = json.loads(call("voices", str(bundle), "--json").stdout)["prepared_bytes"]
    assert sizes == {voice: path.stat().st_size for voice, path in paths(bundle).items()}
    assert verify_bundle(bundle) == []


def paths(bundle: Path) -> dict[str, Path]:
    return {path.name.split("-")[1]: path for path in bundle.glob("prefix-*")}


def test_voices_are_listed_without_opening_anything(call: Call, bundle: Path) -> None:
    model = edge_voice.load(bundle, threads=1)
    for graph in Manifest.load(bundle).graphs.values():
        (bundle / graph).write_bytes(b"not opened")
    assert call("voices", str(bundle)).stdout.split() == list(model.voices)
    record = json.loads(call("voices", str(bundle), "--json").stdout)
    assert record["languages"] == list(model.languages)
    assert record["sample_rate"] == model.sample_rate


def test_the_command_removes_all_or_some(call: Call, bundle: Path) -> None:
    call("voices", "prepare", str(bundle))
    refused = call("voices", "prepare", str(bundle), "--remove", "--voice", "bob")
    assert refused.exit_code == OptionError.exit_code
    assert "'bob' is not prepared (prepared: casual_male, fr_female)" in refused.stderr
    one = call("voices", "prepare", str(bundle), "--remove", "--voice", VOICE)
    assert one.stderr == f"edge-voice: removed {VOICE} (0 MB)\n"
    assert list(paths(bundle)) == ["casual_male"]
    call("voices", "prepare", str(bundle), "--remove")
    assert verify_bundle(bundle) == []
    assert call("voices", "prepare", str(bundle), "--remove").stderr.endswith("nothing (0 MB)\n")


def test_an_interrupted_command_goes_on_where_it_stopped(
    call: Call, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefill = Backbone.prefill
    rows: list[int] = []

    def interrupted(self: Backbone, embeddings: np.ndarray) -> np.ndarray:
        rows.append(len(embeddings))
        if len(rows) == 2:
            raise KeyboardInterrupt
        return prefill(self, embeddings)

    monkeypatch.setattr(Backbone, "prefill", interrupted)
    assert call("voices", "prepare", str(bundle)).exit_code == 130
    assert list(paths(bundle)) == ["casual_male"]
    assert verify_bundle(bundle) == []
    assert call("voices", "prepare", str(bundle)).exit_code == 0
    assert rows == [13, 9, 9]
    assert set(paths(bundle)) == {"casual_male", VOICE}


def test_the_command_repairs(call: Call, bundle: Path) -> None:
    call("voices", "prepare", str(bundle), "--voice", VOICE)
    paths(bundle)[VOICE].write_bytes(b"damaged")
    spoken = call("speak", "Hello.", "--model", str(bundle), "-o", str(bundle / "a.wav"))
    assert spoken.exit_code == ModelError.exit_code
    assert "prefix-fr_female" in spoken.stderr
    result = call("voices", "prepare", str(bundle), "--voice", VOICE)
    assert result.exit_code == 0
    assert f"what was prepared of {VOICE} is damaged: removed" in result.stderr
    assert verify_bundle(bundle) == []
