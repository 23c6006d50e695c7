"""Exported graphs against the model in plain numpy, for shapes that nobody has published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.voxtral_agreement import compare, forced, relative_error, told_frames
from benchmarks.voxtral_sizes import StackSize
from edge_voice.models.voxtral_tts.codec import CodecStream
from edge_voice.models.voxtral_tts.model import VoxtralModel

from .models import TinyVoxtral, published_voices, random_codes, tiny_voxtral

SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "another seed": {"seed": 1},
    "float32": {"dtype": "float32"},
    "float16": {"dtype": "float16"},
    "one layer each": {
        "backbone": StackSize(1, 4, 4, 16, 32),
        "acoustic": StackSize(1, 4, 1, 16, 32),
    },
    "two acoustic layers, wide heads": {
        "backbone": StackSize(3, 3, 1, 32, 40),
        "acoustic": StackSize(2, 2, 2, 8, 48),
    },
    "uneven width": {"width": 40},
    "other codes": {"levels": 9, "codebooks": 5, "semantic_codes": 130, "semantic_size": 12},
    "another codec": {
        "codec_kernels": (5, 6, 4), "codec_strides": (1, 3, 2), "codec_layers": (1, 3, 2),
        "window": 12, "patch": 50, "output_kernel": 5, "codec_heads": 2,
    },
    "three steps": {"steps": 3},
    "other voices": {"voices": {"one_row": 1, "de_long": 40, "hi_b": 3}, "vocab": 1300},
    "all else": {
        "seed": 5, "width": 48, "backbone": StackSize(4, 6, 3, 16, 72),
        "acoustic": StackSize(4, 8, 4, 8, 56), "vocab": 1700, "levels": 5, "codebooks": 12,
        "semantic_codes": 200, "semantic_size": 4, "codec_heads": 4, "codec_head_size": 16,
        "codec_kernels": (3, 4, 8), "codec_strides": (1, 2, 4), "codec_layers": (2, 1, 1),
        "window": 8, "patch": 96, "voices": {"it_a": 13, "pt_b": 2}, "steps": 5,
    },
}  # fmt: skip


def agree(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, atol=5e-5 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("shape", SHAPES)
def test_fp32_computes_what_the_description_says(tmp_path, shape):
    tiny = tiny_voxtral(tmp_path, **SHAPES[shape])
    model = tiny.model(tmp_path / "out", "fp32")
    check_backbone(tiny, model)
    check_acoustic(tiny, model)
    check_codec(tiny, model)
    check_loop(tiny, model)
    assert model.config.steps == (tiny.checkpoint.size.steps or 7)


def check_backbone(tiny: TinyVoxtral, model: VoxtralModel) -> None:
    random = np.random.default_rng(3)
    x = random.standard_normal((21, model.backbone.width)).astype(np.float32)
    expected = tiny.reference.hidden_states(x)
    model.backbone.reserve(40)
    agree(model.backbone.states(x, np.arange(21)), expected)
    model.backbone.truncate(0)
    agree(model.backbone.prefill(x[:8])[0], expected[7])
    agree(model.backbone.states(x[8:15], np.array([6, 0])), expected[[14, 8]])
    for i in range(15, 21):
        agree(model.backbone.step(x[i])[0], expected[i])


def check_acoustic(tiny: TinyVoxtral, model: VoxtralModel) -> None:
    random = np.random.default_rng(4)
    hidden = random.standard_normal(model.backbone.width).astype(np.float32)
    noise = random.standard_normal(model.config.acoustic_codebooks).astype(np.float32)
    model.acoustic.listen(hidden)
    rows = slice(1, model.config.code_limits[0])
    agree(model.acoustic.semantic_logits[rows], tiny.reference.semantic_logits(hidden)[rows])
    for steps, guidance in ((4, 1.2), (1, 0.0), (3, 2.5)):
        expected = tiny.reference.euler(noise, hidden, steps, guidance)
        found = [x.copy() for x in model.acoustic.integrate(noise, steps, guidance)]
        agree(np.stack(found), expected[1:])
        expected = tiny.reference.adams_bashforth(noise, hidden, steps, guidance)
        found = [x.copy() for x in model.acoustic.integrate(noise, steps, guidance, "ab2")]
        agree(np.stack(found), expected[1:])


def check_codec(tiny: TinyVoxtral, model: VoxtralModel) -> None:
    for frames in (1, 2, 31):
        codes = random_codes(tiny.checkpoint.size, frames)
        expected = tiny.reference.waveform(codes - 2)
        assert len(expected) == frames * model.config.samples_per_frame
        agree(model.decode_codes(codes), expected)


def check_loop(tiny: TinyVoxtral, model: VoxtralModel) -> None:
    """From text to codes, every voice; codes must be equal, not close."""
    text, steps = "Quite a fine day.", model.config.steps
    drawn = np.random.default_rng(7).standard_normal((9, model.config.acoustic_codebooks))
    noise = drawn.astype(np.float32)
    for voice, rows in published_voices(tiny.checkpoint.size).items():
        ids = model.prompt_ids(text, voice)
        assert ids[: 3 + len(rows)] == [1, 25, *[24] * len(rows), 36]
        assert ids[-2:] == [35, 25]
        expected = tiny.reference.speak(tiny.reference.embed(ids, rows), noise, steps, 1.2)
        found = list(model.frames(text, voice, noise=noise, max_frames=9, normalize=False))
        assert len(expected) > 0
        np.testing.assert_array_equal(found, expected)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, VoxtralModel]:
    folder = tmp_path_factory.mktemp("voxtral")
    wide = StackSize(3, 4, 2, 32, 256)
    tiny = tiny_voxtral(folder, width=128, backbone=wide, acoustic=wide)
    return {p: tiny.model(folder / p, p) for p in ("fp32", "int8", "int4", "balanced")}


@pytest.mark.parametrize(("solver", "least", "most"), [("euler", 0.35, 0.65), ("ab2", 0.1, 0.33)])
def test_the_order_of_a_solver(bundles, solver, least, most):
    """Half as long steps: half the error by the first order, a quarter by the second."""
    acoustic = bundles["fp32"].acoustic
    random = np.random.default_rng(3)
    ratios = []
    for _ in range(8):
        acoustic.listen(random.standard_normal(128).astype(np.float32))
        noise = random.standard_normal(36).astype(np.float32)
        ends = {}
        for steps in (8, 16, 64):
            for x in acoustic.integrate(noise, steps, 1.2, "ab2" if steps == 64 else solver):
                ends[steps] = x.copy()
        coarse, fine = (relative_error(ends[64], ends[steps]) for steps in (8, 16))
        ratios.append(fine / coarse)
    assert least < np.median(ratios) < most


@pytest.mark.parametrize("sizes", [(1,) * 31, (5, 10, 16), (31,), (2, 29)])
@pytest.mark.parametrize(("precision", "limit"), [("fp32", 2e-6), ("int8", 2e-3), ("int4", 2e-3)])
def test_chunks_of_a_stream_are_the_whole(bundles, precision, limit, sizes):
    """Rounded products add what one step of their inputs' 8 bits is worth."""
    model = bundles[precision]
    codes = np.random.default_rng(0).integers(0, 9, (31, 37))
    whole = model.decode_codes(codes + 2)
    stream = CodecStream(model._codec)
    parts = [stream.decode(part) for part in np.split(codes, np.cumsum(sizes)[:-1])]
    assert np.abs(whole).max() > 0.1
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=limit)


@pytest.mark.parametrize(("precision", "decibels"), [("int8", 38), ("int4", 38)])
def test_a_codec_of_8_bits_sounds_as_one_of_float32(bundles, precision, decibels):
    codes = np.random.default_rng(1).integers(2, 11, (40, 37))
    exact, rounded = (bundles[p].decode_codes(codes) for p in ("fp32", precision))
    error = relative_error(exact, rounded)
    assert 0 < error < 10 ** (-decibels / 20)
    np.testing.assert_array_equal(bundles["balanced"].decode_codes(codes), exact)


# Cosine of hidden states, share of equal semantic codes, mean distance of levels: what the
# precisions did when this was written, with room. Random weights are harder to round than
# trained ones, whose large values are few.
LIMITS = {"int8": (0.9998, 0.95, 0.15), "int4": (0.985, 0.75, 1.4), "balanced": (0.991, 0.7, 0.6)}


@pytest.mark.parametrize("precision", LIMITS)
def test_quantized_against_fp32_under_teacher_forcing(bundles, precision):
    exact, rounded = bundles["fp32"], bundles[precision]
    text, voice = "Quite a fine day, is it not?", "calm"
    noise = np.random.default_rng(5).standard_normal((24, 36)).astype(np.float32)
    told = told_frames(exact, text, voice, noise)
    found = compare(*(forced(model, text, voice, told, noise) for model in (exact, rounded)))
    similarity, agreement, distance = LIMITS[precision]
    assert similarity < found.cosine < 1
    assert found.worst_cosine > similarity - 0.02
    assert found.semantic >= agreement
    assert 0 < found.levels < distance
    assert 0 < found.point_error < 0.5
    assert compare(*[forced(exact, text, voice, told, noise)] * 2).levels == 0


@pytest.mark.parametrize("precision", LIMITS)
def test_the_semantic_code_is_that_of_a_head_in_float32(bundles, precision):
    """Also where a row that only fills the matrix up has the largest logit of all."""
    exact, rounded = bundles["fp32"].acoustic, bundles[precision].acoustic
    allowed = slice(1, bundles["fp32"].config.code_limits[0])
    states = np.random.default_rng(6).standard_normal((200, 128)).astype(np.float32)
    for state in states:
        exact.listen(state)
        rounded.listen(state)
        first, second = exact.semantic_logits[allowed], rounded.semantic_logits[allowed]
        top = np.argsort(first)[-8:]
        np.testing.assert_allclose(second[top], first[top], rtol=1e-5, atol=1e-5)
        assert second.argmax() == first.argmax()
        assert not np.array_equal(first, second)


def test_the_reference_is_sensitive(tmp_path: Path):
    """A reference that ignores its input would agree with anything."""
    tiny = tiny_voxtral(tmp_path)
    random = np.random.default_rng(0)
    x = random.standard_normal((6, 64))
    changed = x.copy()
    changed[3] += 1
    one, other = (tiny.reference.hidden_states(y) for y in (x, changed))
    np.testing.assert_array_equal(one[:3], other[:3])
    assert np.abs(one[3:] - other[3:]).min(axis=1).max() > 1e-3
    noise = random.standard_normal(36)
    calls = ((x[0], 1.2), (x[1], 1.2), (x[0], 2))
    points = [tiny.reference.euler(noise, y, 3, g) for y, g in calls]
    assert np.abs(points[0] - points[1]).max() > 0.01
    assert np.abs(points[0] - points[2]).max() > 0.01
    codes = random_codes(tiny.checkpoint.size, 4) - 2
    later = codes.copy()
    later[2, 5] = (later[2, 5] + 3) % 21
    waves = [tiny.reference.waveform(c) for c in (codes, later)]
    np.testing.assert_array_equal(waves[0][: 2 * 1920], waves[1][: 2 * 1920])
    assert np.abs(waves[0][2 * 1920 :] - waves[1][2 * 1920 :]).max() > 1e-3
