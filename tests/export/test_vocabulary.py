"""Vocabularies in tiktoken's format, the checkpoint's own and the published ones."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from benchmarks.synthetic_whisper import SyntheticCheckpoint
from benchmarks.whisper_sizes import SIZES, WhisperSize
from edge_voice.errors import UnsupportedModel
from edge_voice_export.checkpoint import open_checkpoint
from edge_voice_export.vocabulary import added_tokens, byte_alphabet, vocabulary_for

from .checkpoints import published_tokens, special_tokens, write_tiny_whisper

TINY = {"layers": 1, "width": 8, "heads": 2, "mels": 4, "audio_ctx": 6, "text_ctx": 5}


def shipped(name: str) -> bytes:
    return (resources.files("edge_voice_export") / "data" / name).read_bytes()


def tokens_of(text: bytes) -> list[tuple[bytes, int]]:
    pairs = (line.split() for line in text.splitlines())
    return [(base64.b64decode(token), int(index)) for token, index in pairs]


def folder_with(tmp_path: Path, **files: Any) -> SyntheticCheckpoint:
    """A checkpoint of no published size, with these JSON files beside it."""
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    return SyntheticCheckpoint(WhisperSize(1, 8, 2, vocab=2000), tmp_path)


def bpe(vocab: Any, added: Any = ()) -> dict[str, Any]:
    return {"added_tokens": added, "model": {"type": "BPE", "vocab": vocab}}


@pytest.mark.parametrize(
    ("name", "sha256"),
    [
        ("gpt2.tiktoken", "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"),
        (
            "multilingual.tiktoken",
            "b34b360dbb493e781e479794586d661700670d65564001f23024971d1f2fa126",
        ),
    ],
)
def test_the_shipped_files_are_those_that_openai_publishes(name, sha256):
    assert hashlib.sha256(shipped(name)).hexdigest() == sha256


def test_the_shipped_files_have_their_notice():
    notice = shipped("whisper-vocabulary.LICENSE").decode()

    assert "Copyright (c) 2022 OpenAI" in notice
    assert "Permission is hereby granted" in notice


@pytest.mark.parametrize(
    ("size", "name"),
    [
        ("tiny.en", "gpt2.tiktoken"),
        ("tiny", "multilingual.tiktoken"),
        ("large-v3", "multilingual.tiktoken"),
    ],
)
def test_without_a_tokenizer_the_number_of_tokens_decides(tmp_path, size, name):
    checkpoint = SyntheticCheckpoint(SIZES[size], tmp_path)

    assert vocabulary_for(checkpoint) == shipped(name)
    assert added_tokens(checkpoint) == {}


@pytest.mark.parametrize(("multilingual", "name"), [(False, "gpt2"), (True, "multilingual")])
def test_openai_files_ignore_what_lies_beside_them(tmp_path, multilingual, name):
    source = write_tiny_whisper(tmp_path, layout="openai", multilingual=multilingual, **TINY)
    (tmp_path / "tokenizer.json").write_text("another model's")

    with open_checkpoint(source) as checkpoint:
        assert vocabulary_for(checkpoint) == shipped(f"{name}.tiktoken")
        assert added_tokens(checkpoint) == {}


@pytest.mark.parametrize("vocab", [None, 1000, 51863, "many"])
def test_without_a_tokenizer_other_numbers_are_refused(tmp_path, vocab):
    checkpoint = folder_with(tmp_path)
    checkpoint.config["vocab_size"] = vocab

    with pytest.raises(UnsupportedModel, match=r"no tokenizer\.json and vocab_size"):
        vocabulary_for(checkpoint)


@pytest.mark.parametrize("multilingual", [False, True])
@pytest.mark.parametrize("own_size", [None, "published"])
def test_a_tokenizer_beside_the_weights(tmp_path, multilingual, own_size):
    published = 51865 if multilingual else 51864
    vocab = published if own_size else None
    source = write_tiny_whisper(tmp_path, multilingual=multilingual, vocab=vocab, **TINY)
    all_tokens = published_tokens("multilingual" if multilingual else "gpt2")

    with open_checkpoint(source) as checkpoint:
        text = vocabulary_for(checkpoint)
        special = added_tokens(checkpoint)

    size = WhisperSize(1, 8, 2, vocab=vocab or 2120, multilingual=multilingual)
    assert tokens_of(text) == all_tokens[: size.end_of_text]
    assert special == special_tokens(size)
    assert special["<|fr|>"] == size.end_of_text + 8


def test_the_multilingual_tokenizer_of_the_shared_weights(shared):
    with open_checkpoint(shared / "weights" / "whisper-base") as checkpoint:
        assert vocabulary_for(checkpoint) == shipped("multilingual.tiktoken")
        assert added_tokens(checkpoint)["<|de|>"] == 50261


def test_text_tokens_that_a_fine_tune_added_are_special(tmp_path):
    added = [{"content": "<|xx|>", "id": 3}, {"content": "Ġnew", "id": 1, "special": False}]
    checkpoint = folder_with(tmp_path, tokenizer=bpe({"a": 0, "Ġnew": 1, "Ċ": 2}, added))

    assert tokens_of(vocabulary_for(checkpoint)) == [(b"a", 0), (b"\n", 2)]
    assert added_tokens(checkpoint) == {"<|xx|>": 3, "Ġnew": 1}


def test_older_tokenizers_in_two_files(tmp_path):
    vocab = {"Ã©": 2, "Ġ": 1, "": 3, "!": 0, "<|endoftext|>": 4}
    checkpoint = folder_with(tmp_path, vocab=vocab, added_tokens={"<|en|>": 5})

    assert vocabulary_for(checkpoint) == b"IQ== 0\nIA== 1\nw6k= 2\n= 3\n"
    assert added_tokens(checkpoint) == {"<|endoftext|>": 4, "<|en|>": 5}


def test_the_byte_alphabet_is_gpt2s():
    alphabet = byte_alphabet()

    assert sorted(alphabet) == list(range(256))
    assert len(set(alphabet.values())) == 256
    assert alphabet[ord("A")] == "A"
    assert [alphabet[byte] for byte in (0, 0x20, 0x0A, 0x7F, 0xA0, 0xAD)] == list("ĀĠĊġłŃ")


@pytest.mark.parametrize(
    ("tokenizer", "found"),
    [
        ({}, "not a BPE tokenizer"),
        ({"model": {"type": "Unigram", "vocab": {}}}, "not a BPE tokenizer"),
        (bpe(None), "no table of tokens"),
        (bpe([["a", 0]]), "no table of tokens"),
        (bpe({"a": "0"}), "no table of tokens"),
        (bpe({"a": True}), "no table of tokens"),
        (bpe({"a": 0, "b": 0}), "one id for two tokens"),
        (bpe({"a": -1}), "negative token ids"),
        (bpe({"▁the": 0}), "not byte-level"),
        (bpe({"a": 0}, [{"content": "<|en|>"}]), "without content and id"),
        (bpe({"a": 0}, ["<|en|>"]), "without content and id"),
        (bpe({"a": 0}, 5), "added_tokens"),
    ],
)
def test_tokenizers_that_cannot_be_used(tmp_path, tokenizer, found):
    checkpoint = folder_with(tmp_path, tokenizer=tokenizer)

    with pytest.raises(UnsupportedModel, match=found) as caught:
        vocabulary_for(checkpoint)

    assert str(tmp_path) in str(caught.value)
