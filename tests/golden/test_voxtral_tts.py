"""Voxtral TTS against what vllm_omni, mistral_common and transformers computed, stage by stage.

The checkpoint is a small random one in the published layout; its README beside the data says how
the expected numbers came about. All codes and ids must be equal, not close.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_voice
from edge_voice.errors import OptionError
from edge_voice.models.voxtral_tts.codec import CodecStream
from edge_voice_export import export_bundle
from edge_voice_export.checkpoint import open_checkpoint
from tests.export.models.voxtral_tts.reference import ReferenceVoxtral

STATES: dict[str, Any] = {"rtol": 0, "atol": 5e-5}  # values reach about 10
WAVES: dict[str, Any] = {"rtol": 0, "atol": 5e-6}
PROMPTS = range(6)
FRAMES = (1, 2, 7, 30, 60)


@pytest.fixture(scope="module")
def folder(data: Path) -> Path:
    return data / "voxtral_tts_tiny"


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    bundle = tmp_path_factory.mktemp("voxtral") / "fp32"
    export_bundle(folder / "published", bundle, precision="fp32")
    return edge_voice.load(bundle, threads=1)


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, dict[str, Any]]:
    names = ("backbone", "frame", "loop", "codec")
    return {name: dict(np.load(folder / f"expected_{name}.npz")) for name in names}


@pytest.fixture(scope="module")
def tokens(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "expected_tokens.json").read_text())


def test_token_ids(model: Any, tokens: dict[str, Any]) -> None:
    assert len(tokens["tokenizer"]) == 27
    for entry in tokens["tokenizer"]:
        assert model.prompts.text_ids(entry["text"])[1:-2] == entry["ids"], entry["text"]


def test_prompt_ids(model: Any, tokens: dict[str, Any]) -> None:
    for entry in tokens["prompts"]:
        assert model.prompt_ids(entry["text"], entry["voice"]) == entry["ids"]


@pytest.mark.parametrize("i", PROMPTS)
def test_embeddings(model: Any, tokens: Any, expected: Any, i: int) -> None:
    prompt, arrays = tokens["prompts"][i], expected["backbone"]
    voice = model.prompts.voice(prompt["voice"])
    text = model.prompts.embed(model.prompts.text_ids(prompt["text"]))
    found = np.concatenate([model.prompts.prefix(voice), text])
    np.testing.assert_array_equal(found, arrays[f"p{i}_input_embeds"])
    frames = np.stack([model.prompts.frame(codes) for codes in arrays[f"p{i}_frame_codes"]])
    np.testing.assert_allclose(frames, arrays[f"p{i}_frame_embeds"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("i", PROMPTS)
def test_hidden_states(model: Any, expected: Any, i: int) -> None:
    arrays, backbone = expected["backbone"], model.backbone
    model.forget()
    prompt = arrays[f"p{i}_input_embeds"]
    backbone.reserve(len(prompt) + 12)
    found = backbone.states(prompt, np.arange(len(prompt)))
    np.testing.assert_allclose(found, arrays[f"p{i}_hidden_prompt"], **STATES)
    stepped = [backbone.step(row)[0].copy() for row in arrays[f"p{i}_frame_embeds"]]
    np.testing.assert_allclose(stepped, arrays[f"p{i}_hidden_frames"], **STATES)


@pytest.mark.parametrize("i", PROMPTS)
def test_semantic_logits(model: Any, expected: Any, i: int) -> None:
    arrays, allowed = expected["frame"], slice(1, model.config.code_limits[0])
    for hidden, logits in zip(
        arrays[f"p{i}_hidden"], arrays[f"p{i}_semantic_logits"], strict=True
    ):
        model.acoustic.listen(hidden)
        found = model.acoustic.semantic_logits
        np.testing.assert_allclose(found[allowed], logits[allowed], **STATES)
        assert np.isneginf(np.delete(found, np.r_[allowed])).all()


@pytest.mark.parametrize("i", PROMPTS)
def test_every_euler_step(model: Any, expected: Any, i: int) -> None:
    arrays, acoustic = expected["frame"], model.acoustic
    for t, hidden in enumerate(arrays[f"p{i}_hidden"]):
        acoustic.listen(hidden)
        steps = acoustic.integrate(arrays[f"p{i}_noise"][t], 7, 1.2)
        for k, x in enumerate(steps):
            np.testing.assert_allclose(x, arrays[f"p{i}_x"][t, k + 1], **STATES)
            for branch, name in enumerate(("cond", "uncond")):
                velocity = arrays[f"p{i}_v_{name}"][t, k]
                np.testing.assert_allclose(acoustic.velocities[branch], velocity, **STATES)


@pytest.mark.parametrize("i", PROMPTS)
def test_codes(model: Any, expected: Any, i: int) -> None:
    arrays = expected["frame"]
    found = [
        model.acoustic.frame(hidden, noise, steps=7, guidance=1.2)
        for hidden, noise in zip(arrays[f"p{i}_hidden"], arrays[f"p{i}_noise"], strict=True)
    ]
    np.testing.assert_array_equal(found, arrays[f"p{i}_codes"])


def test_other_steps_and_guidance(model: Any, expected: Any) -> None:
    arrays = expected["frame"]
    for alpha, steps, noise, point, codes in zip(
        *(arrays[f"opt_{name}"] for name in ("alpha", "steps", "noise", "x_final", "codes")),
        strict=True,
    ):
        options = {"steps": int(steps), "guidance": float(alpha)}
        found = model.acoustic.frame(arrays["p0_hidden"][0], noise, **options)
        np.testing.assert_allclose(model.acoustic.x, point, **STATES)
        np.testing.assert_array_equal(found, codes)


@pytest.mark.parametrize("state", ["end", "mask_pad", "mask_empty"])
def test_end_and_masked_rows(model: Any, expected: Any, state: str) -> None:
    arrays = expected["frame"]
    hidden, noise = arrays[f"{state}_hidden"], arrays[f"{state}_noise"]
    found = model.acoustic.frame(hidden, noise, steps=7, guidance=1.2)
    np.testing.assert_array_equal(found, arrays[f"{state}_codes"])


@pytest.mark.parametrize("i", PROMPTS)
def test_closed_loop(model: Any, tokens: Any, expected: Any, i: int) -> None:
    prompt, arrays = tokens["prompts"][i], expected["loop"]
    codes = arrays[f"p{i}_codes"]
    if arrays[f"p{i}_ended"]:
        codes = codes[:-1]
    options = {"noise": arrays[f"p{i}_noise"], "max_frames": 24, "normalize": False}
    found = list(model.frames(prompt["text"], prompt["voice"], **options))
    np.testing.assert_array_equal(found, codes)
    np.testing.assert_allclose(model.decode_codes(np.array(found)), arrays[f"p{i}_wave"], **WAVES)


@pytest.mark.parametrize("frames", FRAMES)
def test_waveform(model: Any, expected: Any, frames: int) -> None:
    arrays = expected["codec"]
    codes, wave = arrays[f"t{frames}_codes"], arrays[f"t{frames}_wave"]
    np.testing.assert_allclose(model.decode_codes(codes + 2), wave, **WAVES)
    for size in (1, 4, 25):
        stream = CodecStream(model._codec)
        parts = [stream.decode(codes[at : at + size]) for at in range(0, frames, size)]
        np.testing.assert_allclose(np.concatenate(parts), wave, **WAVES)


def test_a_stream_with_an_end_in_it(model: Any, expected: Any) -> None:
    arrays = expected["codec"]
    codes = arrays["cut_stream_codes"]
    np.testing.assert_allclose(model.decode_codes(codes), arrays["cut_wave"], **WAVES)
    assert len(model.decode_codes(codes[6:])) == 0


def test_codes_that_no_codebook_has(model: Any, expected: Any) -> None:
    codes = expected["codec"]["t2_codes"] + 2
    for book, wrong in ((0, 64), (0, 0), (7, 23), (36, -1)):
        damaged = codes.copy()
        damaged[1, book] = wrong
        with pytest.raises(OptionError, match=f"codebook {book} of frame 1"):
            model.decode_codes(damaged)
    with pytest.raises(OptionError, match="shape"):
        model.decode_codes(codes[:, :30])


def test_the_reference_in_numpy_agrees_too(folder: Path, expected: Any) -> None:
    """It stands in for the originals where tests try other shapes of the model."""
    with open_checkpoint(folder / "published") as checkpoint:
        reference = ReferenceVoxtral(checkpoint.read, checkpoint.config)
        arrays = expected["backbone"]
        found = reference.hidden_states(arrays["p3_input_embeds"])
        np.testing.assert_allclose(found, arrays["p3_hidden_prompt"], **STATES)
        arrays = expected["frame"]
        hidden, noise = arrays["p3_hidden"][2], arrays["p3_noise"][2]
        logits = arrays["p3_semantic_logits"][2]
        np.testing.assert_allclose(reference.semantic_logits(hidden), logits, **STATES)
        points = reference.euler(noise, hidden, 7, 1.2)
        np.testing.assert_allclose(points, arrays["p3_x"][2], **STATES)
        arrays = expected["codec"]
        for frames in (2, 7):
            latents = reference.latents(arrays[f"t{frames}_codes"])
            np.testing.assert_allclose(latents, arrays[f"t{frames}_latent"], **STATES)
            for name, values in reference.codec_blocks(latents).items():
                np.testing.assert_allclose(values, arrays[f"t{frames}_{name}"], **STATES)
