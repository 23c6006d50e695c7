"""Kokoro's published files become a bundle: the same samples, or a clear error."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

import edge_voice
from edge_voice.errors import OptionError, UnsupportedModel
from edge_voice.graph import GraphSpec
from edge_voice.manifest import Manifest
from edge_voice.models.kokoro.model import KokoroModel
from edge_voice.session import Session
from edge_voice_export import export_bundle
from edge_voice_export.checkpoint import open_checkpoint
from edge_voice_export.models.hibari import recipe as hibari
from edge_voice_export.models.kokoro import recipe
from edge_voice_export.models.kokoro.facts import voice_facts
from edge_voice_export.models.kokoro.published import PublishedGraph
from tests import hibari_files, kokoro_files

PHONEMES = "həlˈO wˈɜɹld."
WHOLE = GraphSpec(("input_ids", "style", "speed"), ("waveform",))


def published_samples(folder: Path, ids: list[int], voice: str, speed: float) -> np.ndarray:  # type: ignore[type-arg]
    styles = np.fromfile(folder / f"{voice}.bin", np.float32).reshape(-1, 256)
    feeds = {
        "input_ids": np.array([[0, *ids, 0]]),
        "style": styles[len(ids) - 1][None],
        "speed": np.array([speed], np.float32),
    }
    return Session(folder / "model.onnx", WHOLE).run(feeds)["waveform"][0]


@pytest.mark.parametrize(("precision", "error"), [("fp32", 1e-5), ("int8", 0.01)])
@pytest.mark.parametrize(("voice", "speed"), [("af_heart", 1.0), ("bf_emma", 1.3)])
def test_the_samples_of_the_published_graph(
    kokoro_published: Path,
    kokoro_bundle: Callable[[str], Path],
    precision: str,
    error: float,
    voice: str,
    speed: float,
) -> None:
    model = edge_voice.load(kokoro_bundle(precision), threads=1)
    assert isinstance(model, KokoroModel)
    ids = [model.config.phoneme_ids[phoneme] for phoneme in PHONEMES]
    expected = published_samples(kokoro_published, ids, voice, speed)
    spoken = model.speak_phonemes(PHONEMES, voice=voice, speed=speed)
    assert spoken.shape == expected.shape
    assert np.linalg.norm(spoken - expected) < error * np.linalg.norm(expected)


def test_a_bundle(kokoro_bundle: Callable[[str], Path]) -> None:
    folder = kokoro_bundle("int8")
    manifest = Manifest.load(folder)
    assert (manifest.model_type, manifest.task) == ("kokoro", "speak")
    assert manifest.languages == ("en", "es", "ja")
    assert list(manifest.config["voices"]) == list(kokoro_files.VOICES)
    assert manifest.config["voices"]["bf_emma"] == {
        "language": "en-gb", "gender": "female", "grade": "B-",
    }  # fmt: skip
    assert manifest.config["voices"]["ef_dora"]["grade"] is None
    layers = json.loads((folder / "report.json").read_text())["layers"]
    schemes = {layer["name"]: layer["scheme"] for layer in layers}
    assert schemes["generator.resblocks.0.convs1.0"] == "int8"
    assert schemes["generator.conv_post.weight"] == "float32"


def test_precisions_differ_in_what_is_stored(kokoro_bundle: Callable[[str], Path]) -> None:
    styles = {p: np.load(kokoro_bundle(p) / "styles.npy") for p in ("fp32", "int8")}
    assert styles["fp32"].dtype == np.float32
    assert styles["int8"].dtype == np.float16
    np.testing.assert_allclose(styles["int8"], styles["fp32"], atol=1e-3)


def test_it_recognises_its_own_graph_only(kokoro_published: Path, tmp_path: Path) -> None:
    with open_checkpoint(kokoro_published) as checkpoint:
        assert recipe.recognises(checkpoint)
        assert not hibari.recognises(checkpoint)
    with open_checkpoint(hibari_files.write_published(tmp_path / "hibari")) as checkpoint:
        assert not recipe.recognises(checkpoint)


@pytest.mark.parametrize("precision", ["int4", "balanced"])
def test_other_precisions(kokoro_published: Path, tmp_path: Path, precision: str) -> None:
    with pytest.raises(OptionError, match=r"unknown precision .*\(known: fp32, int8\)"):
        export_bundle(kokoro_published, tmp_path / "bundle", precision=precision)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vocab.json", None, r"no vocab\.json in"),
        ("vocab.json", b'{"a": "b"}', r"vocab\.json: expected phonemes"),
        ("vocab.json", b'{"a": 1}', r"vocab\.json: no phoneme"),
        ("af_heart.bin", None, r"no af_heart\.bin in"),
        ("bf_emma.bin", b"12", r"bf_emma\.bin: expected rows of 256"),
        ("bf_emma.bin", bytes(1024), r"bf_emma\.bin: 1 rows \(expected 60"),
        ("bf_emma.bin", np.full(256 * 60, np.nan, np.float32).tobytes(), r"bf_emma\.bin: expected"),
        ("oov_gb.onnx", None, r"no oov_gb\.onnx in"),
        ("lexicon_gb_gold.json.gz", b"?", r"lexicon_gb_gold\.json\.gz: cannot be read"),
    ],
)
def test_files_that_are_missing_or_damaged(
    kokoro_published: Path, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    folder = tmp_path / "published"
    shutil.copytree(kokoro_published, folder)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(UnsupportedModel, match=message):
        export_bundle(folder, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_another_graph_with_the_same_inputs(kokoro_published: Path, tmp_path: Path) -> None:
    model = ir.load(kokoro_published / "model.onnx")
    for node in model.graph:
        if node.name == "/decoder/decoder/encode/conv1/Conv":
            node.name = "other"
    ir.save(model, tmp_path / "model.onnx")
    graph = PublishedGraph(tmp_path / "model.onnx")
    with pytest.raises(UnsupportedModel, match=r"not Kokoro's graph: no encode/conv1/Conv"):
        graph.convolution("encode/conv1")
    with pytest.raises(UnsupportedModel, match=r"no generator\.alpha: its weights"):
        graph.vector("generator.alpha")
    with pytest.raises(UnsupportedModel, match=r"no /encoder/nothing"):
        graph.part({"/encoder/nothing": "text"})


def test_a_graph_of_half_precision(kokoro_published: Path, tmp_path: Path) -> None:
    model = ir.load(kokoro_published / "model.onnx")
    node = next(n for n in model.graph if n.name == "/decoder/decoder/encode/conv1/Conv")
    weight = node.inputs[1]
    assert weight is not None
    assert weight.const_value is not None
    weight.const_value = ir.tensor(weight.const_value.numpy().astype(np.float16))
    ir.save(model, tmp_path / "model.onnx")
    with pytest.raises(UnsupportedModel, match=r"float16 \(allowed: the float32 graph\)"):
        PublishedGraph(tmp_path / "model.onnx").convolution("encode/conv1")


@pytest.mark.parametrize("name", ["model", "xf_bob", "ax_bob", "afbob", ""])
def test_names_that_are_no_voices(name: str) -> None:
    assert voice_facts(name) is None
