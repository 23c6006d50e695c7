"""Vocabularies of pieces out of tokenizer.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_voice.errors import ModelNotFound, UnsupportedModel
from edge_voice.pieces import BYTE_PIECES, PieceTokenizer
from edge_voice_export.pieces import PieceVocabulary, read_pieces

CONTROL = ("<unk>", "<|nospeech|>", "<pad>", "<|endoftext|>", "<|en|>", "<|fr|>", "<|pnc|>")
PIECES = (*CONTROL, *BYTE_PIECES, *"▁ab", "▁a", "ab")
MERGES = ["▁ a", "a b"]
PREPEND = {"type": "Prepend", "prepend": "▁"}
REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
LLAMA = {"type": "Sequence", "normalizers": [PREPEND, REPLACE]}


def tokenizer(**changes: Any) -> dict[str, Any]:
    """Contents of a small tokenizer.json; changes to its BPE model are named `model_...`."""
    model = {
        "type": "BPE",
        "byte_fallback": True,
        "unk_token": "<unk>",
        "vocab": {piece: i for i, piece in enumerate(PIECES)},
        "merges": MERGES,
    }
    added = [{"content": name, "id": i, "special": True} for i, name in enumerate(CONTROL)]
    found = {"added_tokens": added, "normalizer": LLAMA, "pre_tokenizer": None, "model": model}
    for key, value in changes.items():
        target = model if key.startswith("model_") else found
        target[key.removeprefix("model_")] = value
    return found


def read(
    folder: Path, content: Any = None, rows: int = len(PIECES), required: tuple[str, ...] = ()
) -> PieceVocabulary:
    content = tokenizer() if content is None else content
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    return read_pieces(folder, embedding_rows=rows, required=required)


def opened(folder: Path, vocabulary: PieceVocabulary) -> PieceTokenizer:
    path = folder / "vocabulary.pieces"
    path.write_bytes(vocabulary.content())
    return PieceTokenizer(path)


def with_pieces(*more: str, **changes: Any) -> dict[str, Any]:
    vocab = {piece: i for i, piece in enumerate((*PIECES, *more))}
    return tokenizer(model_vocab=vocab, **changes)


def test_what_is_read(tmp_path):
    found = read(tmp_path, required=("<|endoftext|>", "▁"))

    assert found.pieces == PIECES
    a, b, blank = (PIECES.index(piece) for piece in "ab▁")
    assert found.merges == ((blank, a), (a, b))
    assert found.control_tokens == {name: i for i, name in enumerate(CONTROL)}
    assert found.language_tokens == {"en": 4, "fr": 5}
    assert found.steps == (("prepend", "▁"), ("replace", " ", "▁"))


def test_the_runtime_opens_it(tmp_path):
    found = read(tmp_path)
    runtime = opened(tmp_path, found)

    assert len(runtime) == len(PIECES)
    assert runtime.control == set(range(len(CONTROL)))
    assert runtime.encode("a ab\n") == [
        PIECES.index(piece) for piece in ("▁a", "▁a", "b", "<0x0A>")
    ]


def test_the_tiny_checkpoint(data):
    found = read_pieces(data / "cohere_transcribe_tiny/published", embedding_rows=781)

    assert (len(found.pieces), len(found.merges), len(found.control_tokens)) == (781, 213, 195)
    assert found.control_tokens["<|startofcontext|>"] == 7
    assert found.language_tokens["vi"] == 194
    assert not {"pnc", "itn"} & found.language_tokens.keys()


def test_merges_written_as_pairs(tmp_path):
    as_pairs = tokenizer(model_merges=[merge.split() for merge in MERGES])
    assert read(tmp_path, as_pairs) == read(tmp_path)


def test_tokens_of_a_fine_tune(tmp_path):
    """More tokens than the vocabulary, and rows that fill the embedding up."""
    more = ["<|spk0|>", "[laughter]", "Cohere"]
    added = [
        *tokenizer()["added_tokens"],
        *({"content": name, "id": len(PIECES) + i, "special": name != "Cohere"}
          for i, name in enumerate(more)),
    ]  # fmt: skip
    found = read(tmp_path, tokenizer(added_tokens=added), rows=len(PIECES) + 60)
    runtime = opened(tmp_path, found)

    assert found.pieces[-3:] == tuple(more)
    assert found.control_tokens.keys() == {*CONTROL, "<|spk0|>", "[laughter]"}
    ids = [runtime.id(name) for name in (*more, "▁a")]
    assert runtime.decode([*ids, len(PIECES) + 59]) == "Cohere a"


@pytest.mark.parametrize("added", [None, []])
def test_control_tokens_that_the_file_does_not_list(tmp_path, added):
    found = read(tmp_path, tokenizer(added_tokens=added))
    assert found.control_tokens.keys() == set(CONTROL)


METASPACE = {"type": "Metaspace", "replacement": "▁"}
BLANKS = ("replace", " ", "▁")
PREFIX, SPLIT = ("prefix", "▁"), ("split", "▁")


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({"normalizer": None}, ()),
        ({"normalizer": REPLACE}, (BLANKS,)),
        ({"normalizer": None, "pre_tokenizer": METASPACE}, (BLANKS, PREFIX, SPLIT)),
        (
            {"normalizer": None, "pre_tokenizer": METASPACE | {"prepend_scheme": "never"}},
            (BLANKS, SPLIT),
        ),
        (
            {
                "normalizer": None,
                "pre_tokenizer": METASPACE | {"prepend_scheme": "first", "split": False},
            },
            (BLANKS, PREFIX),
        ),
        (
            {"normalizer": None, "pre_tokenizer": METASPACE | {"add_prefix_space": False}},
            (BLANKS, SPLIT),
        ),
        (
            {
                "normalizer": {
                    "type": "Sequence",
                    "normalizers": [
                        {"type": "Precompiled", "precompiled_charsmap": "AAAA"},
                        {"type": "Strip", "strip_left": False, "strip_right": True},
                        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"},
                        {"type": "Sequence", "normalizers": [{"type": "Lowercase"}]},
                        {"type": "NFC"},
                    ],
                }
            },
            (
                ("unicode", "NFKC"),
                ("strip", False, True),
                ("squeeze", " ", "▁"),
                ("lower",),
                ("unicode", "NFC"),
            ),
        ),
    ],
)
def test_steps_before_a_text_is_cut(tmp_path, changes, steps):
    found = read(tmp_path, tokenizer(**changes))
    assert found.steps == steps
    assert opened(tmp_path, found).encode("a") != []


@pytest.mark.parametrize(
    "changes",
    [
        {"normalizer": {"type": "Nmt"}},
        {"normalizer": "NFC"},
        {"normalizer": {"type": "Sequence", "normalizers": None}},
        {"normalizer": {"type": "Replace", "pattern": {"Regex": "a|b"}, "content": ""}},
        {"pre_tokenizer": {"type": "ByteLevel"}},
        {"model_dropout": 0.1},
        {"model_end_of_word_suffix": "</w>"},
        {"model_ignore_merges": True},
    ],
)
def test_what_is_not_understood_forbids_encoding_only(tmp_path, changes):
    runtime = opened(tmp_path, read(tmp_path, tokenizer(**changes)))

    assert runtime.decode([PIECES.index("▁a")]) == " a"
    with pytest.raises(UnsupportedModel, match="texts cannot be encoded"):
        runtime.encode("a")


def without(*names: str) -> dict[str, Any]:
    kept = [piece for piece in PIECES if piece not in names]
    return tokenizer(
        model_vocab={piece: i for i, piece in enumerate(kept)}, added_tokens=[], model_merges=[]
    )


def renumbered(**ids: int) -> dict[str, Any]:
    return tokenizer(model_vocab={piece: i for i, piece in enumerate(PIECES)} | ids)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([], "holds a JSON list"),
        ({}, "its model is of type None"),
        (tokenizer(model="BPE"), "its model is of type None"),
        (tokenizer(model_type="Unigram"), r"is of type 'Unigram' \(the only one known: BPE\)"),
        (tokenizer(model_byte_fallback=False), "no byte_fallback"),
        (tokenizer(model_vocab=None), "no table of tokens"),
        (tokenizer(model_vocab=[["a", 0.5]]), "no table of tokens"),
        (renumbered(ab=0), "one id for two tokens"),
        (renumbered(ab=-1), "negative token ids"),
        (renumbered(ab=True), "no table of tokens"),
        (renumbered(ab=len(PIECES)), f"no token with the id {len(PIECES) - 1}"),
        (with_pieces("\ud800"), rf"token {len(PIECES)} is no text: '\\ud800'"),
        (tokenizer(added_tokens={}), "added_tokens are not a list"),
        (tokenizer(added_tokens={"<|en|>": 4}), "added_tokens are not a list"),
        (tokenizer(added_tokens=["<|en|>"]), "added token without content and id"),
        (
            tokenizer(added_tokens=[{"content": "<|en|>", "id": 5}]),
            r"gives '<\|en\|>' the id 4, its added_tokens 5",
        ),
        (
            tokenizer(added_tokens=[{"content": "<|de|>", "id": 5}]),
            "one id for two tokens",
        ),
        (without("<|endoftext|>"), r"has no token <\|endoftext\|>$"),
        (without("▁"), "has no token ▁$"),
        (tokenizer(model_merges=None), "no list of merges"),
        (tokenizer(model_merges=["ab"]), "no merge of known tokens: 'ab'"),
        (tokenizer(model_merges=["a b b"]), "no merge of known tokens: 'a b b'"),
        (tokenizer(model_merges=[["a", "c"]]), r"no merge of known tokens: \['a', 'c'\]"),
        (tokenizer(model_merges=["b a"]), "no merge of known tokens: 'b a'"),
        (tokenizer(model_merges=[7]), "no merge of known tokens: 7"),
    ],
)
def test_bad_files(tmp_path, content, found):
    with pytest.raises(UnsupportedModel, match=found) as caught:
        read(tmp_path, content, rows=len(PIECES) + 1, required=("<|endoftext|>", "▁"))
    assert "tokenizer.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rows", [len(PIECES) - 1, len(PIECES) + 128, 16384])
def test_another_models_vocabulary(tmp_path, rows):
    message = rf"tokenizer\.json has {len(PIECES)} tokens and the checkpoint embeds {rows} "
    with pytest.raises(UnsupportedModel, match=message):
        read(tmp_path, rows=rows)


def test_bytes_are_required(tmp_path):
    with pytest.raises(UnsupportedModel, match="no token <0x00>, <0x01>, <0x02> and 253 more"):
        read(tmp_path, without(*BYTE_PIECES), rows=len(PIECES) - 256)


def test_required_tokens_come_first_in_the_message(tmp_path):
    with pytest.raises(UnsupportedModel, match=r"no token <\|itn\|>, ▁x$"):
        read(tmp_path, required=("<|itn|>", "<|en|>", "▁x"))


@pytest.mark.parametrize("content", [b"", b"{", b'{"model": \xff}', b'{"a": 1, "a": 2}'])
def test_what_is_not_json(tmp_path, content):
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(UnsupportedModel, match=r"tokenizer\.json"):
        read_pieces(tmp_path, embedding_rows=1)


def test_a_missing_file(tmp_path):
    with pytest.raises(ModelNotFound, match=r"no tokenizer\.json in "):
        read_pieces(tmp_path, embedding_rows=1)
