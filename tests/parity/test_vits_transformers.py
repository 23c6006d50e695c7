"""Ready exports of VITS voices against transformers: tiny random models, the same noise.

Noise is random inside the reference: its two draws are replaced by ours. Waveforms may then differ
by 1e-4 of the largest sample, and have the same length.
"""

from __future__ import annotations

import json
import warnings
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from edge_voice_export.numeric_check import cosine

with warnings.catch_warnings():  # theirs, not ours
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tests.parity import ready

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.usefixtures("one_thread"),
]

Array = np.ndarray[Any, np.dtype[Any]]

LETTERS = {text: i for i, text in enumerate("_ abcdefghijklmnopqrstuvwxyz'-ţ")}
SIZES: dict[str, Any] = {
    "vocab_size": len(LETTERS),
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "ffn_dim": 16,
    "flow_size": 16,
    "spectrogram_bins": 33,
    "upsample_initial_channel": 16,
    "upsample_rates": (8, 4),
    "upsample_kernel_sizes": (16, 8),
    "resblock_kernel_sizes": (3,),
    "resblock_dilation_sizes": ((1, 3),),
    "depth_separable_num_layers": 1,
    "duration_predictor_flow_bins": 4,
    "duration_predictor_num_flows": 2,
    "duration_predictor_filter_channels": 16,
    "prior_encoder_num_flows": 2,
    "prior_encoder_num_wavenet_layers": 1,
    "posterior_encoder_num_wavenet_layers": 1,
}
KINDS: dict[str, dict[str, Any]] = {
    "one voice": {"speaking_rate": 0.5},
    "three voices": {"num_speakers": 3, "speaker_embedding_size": 8},
    "no noise in durations": {"use_stochastic_duration_prediction": False},
}


@pytest.fixture(scope="module", params=KINDS)
def published(request: pytest.FixtureRequest, tmp_path_factory: Any) -> ready.Published:
    torch.manual_seed(0)
    config = transformers.VitsConfig(**SIZES, **KINDS[request.param])
    model = transformers.VitsModel(config).eval()
    folder = tmp_path_factory.mktemp("models") / "published"
    inputs = {
        "input_ids": torch.arange(1, 21)[None],
        "attention_mask": torch.ones(1, 20, dtype=torch.long),
    }
    if config.num_speakers > 1:
        inputs["speaker_id"] = torch.tensor([1])
    ready.export(model, inputs, "waveform", folder / "model.onnx", fixed=("speaker_id",))
    (folder / "config.json").write_text(json.dumps(config.to_dict(), default=str))
    (folder / "vocab.json").write_text(json.dumps(LETTERS))
    settings = {"language": "ron", "phonemize": False, "add_blank": True, "normalize": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return ready.Published(model, folder)


def expected(model: Any, ids: list[int], speaker: int, speed: float, noise: list[Array]) -> Array:
    """What transformers speaks with the given noise."""

    def drawn(shape: tuple[int, ...], values: Array) -> Any:
        return torch.tensor(np.resize(values, shape))

    model.speaking_rate = model.config.speaking_rate * speed
    with (
        patch.object(torch, "randn", lambda *shape, **_: drawn(shape, noise[0])),
        patch.object(torch, "randn_like", lambda x: drawn(tuple(x.shape), noise[1])),
        torch.no_grad(),
    ):
        given = {"speaker_id": torch.tensor([speaker])} if model.config.num_speakers > 1 else {}
        return np.asarray(model(torch.tensor([ids]), **given).waveform[0].numpy())


def noises() -> list[Array]:
    random = np.random.default_rng(0)
    return [random.standard_normal(size, np.float32) for size in (64, 1000)]


@pytest.mark.parametrize(("speaker", "speed"), [(0, 1.0), (2, 0.5), (1, 1.6)])
def test_the_same_speech(published: ready.Published, speaker: int, speed: float) -> None:
    bundle = published.bundle("fp32")
    if len(bundle.voices) == 1:
        speaker = 0
    ids = bundle.reader.ids("ana are mere")
    first, second = noises()
    found = bundle.speak_ids(
        ids, speaker=speaker, speed=speed, duration_noise=first, latent_noise=second
    )
    wanted = expected(published.model, ids, speaker, speed, [first, second])
    assert found.shape == wanted.shape
    assert np.ptp(wanted) > 1e-3
    assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("precision", ["int8"])
def test_quantized_speech(published: ready.Published, precision: str) -> None:
    bundle = published.bundle(precision)
    ids = bundle.reader.ids("ana are mere")
    first, second = noises()
    found = bundle.speak_ids(ids, duration_noise=first, latent_noise=second)
    wanted = expected(published.model, ids, 0, 1.0, [first, second])
    # A duration may be rounded the other way: by one frame of each id at most.
    assert abs(len(found) - len(wanted)) <= 32 * len(ids)
    if len(found) == len(wanted):
        assert cosine(found, wanted) >= 0.9


def test_ids_are_those_of_the_tokenizer(published: ready.Published) -> None:
    bundle = published.bundle("fp32")
    tokenizer = transformers.VitsTokenizer(
        str(published.folder / "vocab.json"), language="ron", phonemize=False, pad_token="_"
    )
    for text in ("Ana are mere.", "ȚAR țar, it's 5 o'clock!", "  two  blanks "):
        wanted = tokenizer(text)["input_ids"]
        assert bundle.reader.ids(bundle.reader.text(text)) == wanted
