"""Texts and ids of Cohere Transcribe against what transformers makes of them."""

from __future__ import annotations

import pytest

from edge_voice.pieces import PieceTokenizer
from edge_voice.transcriber import join_texts
from edge_voice_export.pieces import read_pieces

from .cohere_tiny import CohereTiny


@pytest.fixture(scope="module")
def texts(cohere: CohereTiny):
    return cohere.facts


@pytest.fixture(scope="module")
def tokenizer(cohere: CohereTiny, tmp_path_factory):
    path = tmp_path_factory.mktemp("pieces") / "vocabulary.pieces"
    path.write_bytes(read_pieces(cohere.published, embedding_rows=781).content())
    return PieceTokenizer(path)


def test_decoding(tokenizer, texts):
    assert len(texts["decode"]) > 10
    for case in texts["decode"]:
        # The reference takes away one blank: the one that the prompt begins with.
        assert tokenizer.decode(case["ids"]) == " " + case["text"]


def test_decoding_what_was_generated(tokenizer, texts):
    for clip in texts["clips"].values():
        for ids, text in zip(clip["generated_ids"], clip["chunk_texts"], strict=True):
            assert tokenizer.decode(ids) == " " + text


def test_encoding(tokenizer, texts):
    for case in texts["decode"]:
        assert tokenizer.encode(case["source"]) == case["plain_ids"]


def test_tokens_of_the_prompt(tokenizer, texts):
    fixed = ("<|noitn|>", "<|notimestamp|>", "<|nodiarize|>")
    first = ("▁", "<|startofcontext|>", "<|startoftranscript|>", "<|emo:undefined|>")
    assert len({case["language"] for case in texts["prompts"]}) == 14
    for case in texts["prompts"]:
        language = f"<|{case['language']}|>"
        punctuation = "<|pnc|>" if case["punctuation"] else "<|nopnc|>"
        pieces = (*first, language, language, punctuation, *fixed)
        assert [tokenizer.id(piece) for piece in pieces] == case["ids"]


def test_joining(texts):
    assert {case["language"] for case in texts["join"]} >= {"en", "ja", "zh", "ko"}
    for case in texts["join"]:
        assert join_texts(case["texts"], case["language"]) == case["joined"]


def test_joining_what_was_generated(texts):
    for clip in texts["clips"].values():
        assert join_texts(clip["chunk_texts"], clip["language"]) == clip["text"][0]
