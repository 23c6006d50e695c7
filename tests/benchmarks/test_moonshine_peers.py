"""The peers of Moonshine: prepared, or listed with the reason."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import corpus, moonshine_peers, packages
from benchmarks.peers.child import PlainOnnxruntime
from benchmarks.whisper_peers import chosen_clips, summarize


@pytest.fixture
def environment() -> SimpleNamespace:
    return SimpleNamespace(
        python=Path("python"), failures={"moonshine-voice": "not installable: no"}, version=str
    )


def test_peers_that_can_be_had(
    environment: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "wheel_tree", lambda name, cache: cache / name)
    monkeypatch.setattr(packages, "npm_tree", lambda name, cache: cache / "npm")
    own, plain = moonshine_peers.peer_rows(environment, tmp_path)  # type: ignore[arg-type]
    assert own.skipped == "not installable: no"
    assert (plain.skipped, plain.path) == ("", tmp_path / "npm/dist/model/tiny/quantized")
    assert plain.detector is not None
    assert plain.detector.name == "tokenizer.bin"


def test_peers_that_cannot(
    environment: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, cache: Path) -> Path:
        raise packages.FetchFailed(f"no {name}")

    monkeypatch.setattr(packages, "wheel_tree", lambda name, cache: cache / name)
    monkeypatch.setattr(packages, "npm_tree", refuse)
    _, plain = moonshine_peers.peer_rows(environment, tmp_path)  # type: ignore[arg-type]
    assert plain.skipped.startswith("no @moonshine-ai/moonshine-js")
    assert summarize(plain, [])["skipped"] == plain.skipped


def test_a_trial_keeps_the_clip_that_warms_up() -> None:
    clips = [
        corpus.Clip(part, part, Path(), "", 1.0) for part in ("lj", "lj", "librivox", "jfk", "long")
    ]
    prepared = corpus.Corpus(tuple(clips[:-1]), clips[-1], ())
    assert chosen_clips(prepared, None) == clips
    assert [clip.part for clip in chosen_clips(prepared, 1)] == ["lj", "jfk", "long"]


def test_plain_pieces_and_cuts() -> None:
    import numpy as np

    assert PlainOnnxruntime._read_pieces(b"\x01a\x00\x02bc") == [b"a", b"", b"bc"]
    samples = np.ones(30 * 16_000, np.float32)
    samples[7 * 16_000 : 7 * 16_000 + 1600] = 0
    first, second = PlainOnnxruntime._cut(samples)
    assert (len(first), len(first) + len(second)) == (7 * 16_000 + 800, 30 * 16_000)
