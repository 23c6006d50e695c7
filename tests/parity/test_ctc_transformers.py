"""Ready exports of CTC models against transformers: tiny random models of every kind.

Both sides compute in float32 in different orders: logits may differ by 1e-4 of the largest value.
Of the quantized ones the cosine with the exact logits is bounded: random weights have no structure
that would help, and two layers of 32 channels average little.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from edge_voice.models.ctc.frontend import KaldiLogMel, standardised
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

STABLE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "wav2vec2": ("Wav2Vec2", {}),
    "mms": ("Wav2Vec2", {**STABLE, "adapter_attn_dim": 8}),
    "hubert": ("Hubert", STABLE),
    "wav2vec2-bert": ("Wav2Vec2Bert", {"add_adapter": True}),
}
# Least cosine of logits with the exact ones. Measured over these kinds: int8 0.9998, balanced
# 0.9999, int4 0.995.
BOUNDS = {"int8": 0.9995, "balanced": 0.9997, "int4": 0.99}


def make(kind: str) -> Any:
    name, settings = KINDS[kind]
    torch.manual_seed(sum(map(ord, kind)))
    sizes: dict[str, Any] = dict(ready.CONVOLUTIONS)
    if name == "Wav2Vec2Bert":
        sizes = {"feature_projection_input_dim": 160, "conv_depthwise_kernel_size": 7,
                 "left_max_position_embeddings": 8, "right_max_position_embeddings": 4,
                 "num_adapter_layers": 1, "output_hidden_size": 32}  # fmt: skip
    config = getattr(transformers, f"{name}Config")(**ready.SMALL, **sizes, **settings)
    return getattr(transformers, f"{name}ForCTC")(config).eval()


@pytest.fixture(scope="module", params=KINDS)
def published(request: pytest.FixtureRequest, tmp_path_factory: Any) -> ready.Published:
    model = make(request.param)
    folder = tmp_path_factory.mktemp("models") / "published"
    if hears_features(model):
        inputs = {"input_features": torch.randn(1, 60, 160)}
    else:
        inputs = {"input_values": torch.randn(1, 16000)}
    if request.param != "wav2vec2":
        shape = next(iter(inputs.values())).shape[:2]
        inputs["attention_mask"] = torch.ones(shape, dtype=torch.long)
    ready.export(model, inputs, "logits", folder / "onnx" / "model.onnx")
    settings = ready.LOG_MEL if hears_features(model) else ready.WAVEFORM
    return ready.Published(model, ready.write_settings(model, folder, settings))


def hears_features(model: Any) -> bool:
    return type(model).__name__ == "Wav2Vec2BertForCTC"


def noise(samples: int, seed: int = 0) -> Array:
    drawn = np.random.default_rng(seed).normal(0, 0.1, samples)
    return np.asarray(drawn.astype(np.float32))


def expected(model: Any, waveform: Array) -> Array:
    """Logits as transformers computes them, features included."""
    if hears_features(model):
        extractor = transformers.SeamlessM4TFeatureExtractor()
    else:
        extractor = transformers.Wav2Vec2FeatureExtractor()
    features = extractor(waveform, sampling_rate=16000, return_tensors="pt")
    features = {name: value for name, value in features.items() if name != "attention_mask"}
    with torch.no_grad():
        return np.asarray(model(**features).logits[0].numpy())


@pytest.mark.parametrize("samples", [4400, 16240, 22640])  # an even number of frames
def test_logits_in_float32(published: ready.Published, samples: int) -> None:
    waveform = noise(samples)
    found = published.bundle("fp32").logits(waveform)
    wanted = expected(published.model, waveform)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("precision", BOUNDS)
def test_quantized_logits(published: ready.Published, precision: str) -> None:
    waveform = noise(16240, seed=1)
    found = published.bundle(precision).logits(waveform)
    assert cosine(found, expected(published.model, waveform)) >= BOUNDS[precision]


def test_greedy_text_is_that_of_the_tokenizer(published: ready.Published) -> None:
    bundle = published.bundle("fp32")
    tokenizer = transformers.Wav2Vec2CTCTokenizer(str(published.folder / "vocab.json"))
    waveform = noise(32240, seed=2)
    text = tokenizer.decode(expected(published.model, waveform).argmax(axis=-1))
    for special in ("<s>", "</s>", "<unk>"):
        text = text.replace(special, "")
    assert bundle.vocabulary.decode(bundle.generate(waveform)) == " ".join(text.split())


@pytest.mark.parametrize("samples", [560, 16000 // 2 + 80, 40080])
def test_log_mel_features(samples: int) -> None:
    extractor = transformers.SeamlessM4TFeatureExtractor()
    waveform = noise(samples) + 0.05
    wanted = extractor(waveform, sampling_rate=16000, return_tensors="np")
    rows = int(wanted["attention_mask"][0].sum())
    found = KaldiLogMel()(waveform)
    assert len(found) == rows
    np.testing.assert_allclose(found, wanted["input_features"][0, :rows], rtol=0, atol=1e-4)


def test_normalised_samples() -> None:
    waveform = noise(12345) * 3 + 0.2
    wanted = transformers.Wav2Vec2FeatureExtractor()(waveform, sampling_rate=16000)
    np.testing.assert_allclose(standardised(waveform), wanted["input_values"][0], atol=1e-6)
