"""Front end, chunks and tokens of Cohere Transcribe against PyTorch, transformers and tokenizers.

Runs where the extra `parity` is installed.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_voice.models.cohere_transcribe.chunks import CutRule
from edge_voice.models.cohere_transcribe.dither import FEWEST_SAMPLES, seeded_noise
from edge_voice.models.cohere_transcribe.frontend import FrontEnd
from edge_voice.pieces import BYTE_PIECES, PieceTokenizer
from edge_voice_export.pieces import read_pieces
from tests.golden.cohere_tiny import FEATURES, FEATURES_MEAN

with warnings.catch_warnings():  # theirs, not ours
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    tokenizers = pytest.importorskip("tokenizers")
    pytest.importorskip("transformers", minversion="5.4")
    from transformers import CohereAsrFeatureExtractor

pytestmark = pytest.mark.filterwarnings("ignore")

RATE = 16_000
# Letters, marks and signs of several scripts, unknown ones among them.
SCRIPTS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCÀÉßñçöłę", "αβγδεζηθικλμνξοπρςστυφχψω", "ابتثجحخدذرزسشصضطظ",
    "的一是不了在人有我他这中大来上", "あいうえおかきくけこアイウエオ", "가나다라마바사아자차카타",
    "ăâđêôơưạảấầẩẫậ", "0123456789", ".,!?'-–…«»()", "🎙👩‍🚀\u0301\u200b\t\n",
]  # fmt: skip


def speech(samples: int, seed: int) -> Any:
    """Noise whose loudness changes every so often."""
    random = np.random.default_rng(seed)
    loudness = np.repeat(random.uniform(0.05, 1, samples // 700 + 1), 700)[:samples]
    return (random.normal(0, 0.1, samples) * loudness).astype(np.float32)


@pytest.mark.parametrize(
    "samples", [FEWEST_SAMPLES, 17, 24, 31, 32, 33, 320, 999, 16_000, 20_807, 480_001, 559_999]
)
def test_dither(samples):
    generator = torch.Generator().manual_seed(samples)
    expected = torch.randn(samples, generator=generator).numpy()
    np.testing.assert_allclose(seeded_noise(samples), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("mels", [80, 128])
@pytest.mark.parametrize("samples", [1600, 4007, 48_000, 160_159, 479_999])
@pytest.mark.parametrize("dither", [0.0, 1e-5])
def test_features(mels, samples, dither):
    waveform = speech(samples, samples + mels)
    extractor = CohereAsrFeatureExtractor(feature_size=mels, dither=dither)
    expected = extractor(waveform, sampling_rate=RATE, return_tensors="np")["input_features"][0]

    found = FrontEnd(mels, dither=dither)(waveform)
    assert len(found) == len(expected) - 1
    np.testing.assert_allclose(found, expected[:-1], **FEATURES)
    assert np.abs(found - expected[:-1]).mean() < FEATURES_MEAN


@pytest.mark.parametrize("seed", range(6))
def test_chunks(seed):
    random = np.random.default_rng(seed)
    waveform = speech(int(random.integers(30 * RATE, 200 * RATE)), seed)
    expected = CohereAsrFeatureExtractor()._split_audio_chunks_energy(torch.from_numpy(waveform))

    chunks = CutRule.of().chunks(waveform)
    assert [stop - start for start, stop in chunks] == [len(chunk) for chunk in expected]


@pytest.mark.parametrize(
    ("max_seconds", "overlap_seconds", "window"),
    [(35.0, 5.0, 1600), (20.0, 4.0, 777), (10.0, 0.05, 1600), (6.0, 5.0, 4000), (8.0, 7.5, 16_000)],
)
def test_chunks_of_other_lengths(max_seconds, overlap_seconds, window):
    waveform = speech(47 * RATE + 11, window)
    extractor = CohereAsrFeatureExtractor(
        max_audio_clip_s=max_seconds,
        overlap_chunk_second=overlap_seconds,
        min_energy_window_samples=window,
    )
    expected = extractor._split_audio_chunks_energy(torch.from_numpy(waveform))

    rule = CutRule.of(
        max_seconds=max_seconds, overlap_seconds=overlap_seconds, window_samples=window
    )
    chunks = rule.chunks(waveform)
    assert [stop - start for start, stop in chunks] == [len(chunk) for chunk in expected]


def random_texts(count: int, seed: int) -> list[str]:
    """Words of one script and now and then of another, with blanks in odd places."""
    random = np.random.default_rng(seed)

    def word() -> str:
        letters = [*SCRIPTS[random.integers(len(SCRIPTS))]]
        return "".join(random.choice(letters[:6], random.integers(1, 9)))

    def text() -> str:
        gaps = random.choice([" ", "  ", "", " ▁"], 20, p=[0.8, 0.1, 0.05, 0.05])
        return "".join(str(gap) + word() for gap in gaps[: random.integers(1, 20)])

    return [text() for _ in range(count)]


LLAMA = "prepend and replace"


def trained(folder: Path, style: str, size: int) -> Any:
    """A byte-pair tokenizer with byte fallback, trained on random texts and saved."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    control = ["<unk>", "<|nospeech|>", "<pad>", "<|endoftext|>", "<|en|>"]
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    if style == LLAMA:
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        )
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
            prepend_scheme=style.partition(" ")[0], split="split" in style
        )
        if "NFKC" in style:
            tokenizer.normalizer = normalizers.NFKC()
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[*control, *BYTE_PIECES],
        limit_alphabet=60,
        show_progress=False,
    )
    tokenizer.train_from_iterator(random_texts(600, seed=99), trainer)
    plain = Tokenizer.from_str(tokenizer.to_str())
    plain.save(str(folder / "tokenizer.json"))
    return plain


STYLES = [LLAMA, "always split", "first", "never split", "always split NFKC"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [330, 700, 2000])
def test_tokens(tmp_path, style, size):
    reference = trained(tmp_path, style, size)
    vocabulary = read_pieces(tmp_path, embedding_rows=reference.get_vocab_size())
    path = tmp_path / "vocabulary.pieces"
    path.write_bytes(vocabulary.content())
    tokenizer = PieceTokenizer(path)

    assert len(tokenizer) == reference.get_vocab_size()
    for text in ["", " ", "a", *random_texts(300, seed=size)]:
        ids = reference.encode(text, add_special_tokens=False).ids
        assert tokenizer.encode(text) == ids, text
        assert tokenizer.decode(ids) == reference.decode(ids, skip_special_tokens=True)
