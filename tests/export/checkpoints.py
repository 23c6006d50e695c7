"""Tiny Whisper checkpoints with random weights, complete in either published layout."""

from __future__ import annotations

import base64
import json
import math
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from benchmarks.synthetic import Dtype, stored_bytes, write_folder
from benchmarks.synthetic_whisper import SyntheticCheckpoint
from benchmarks.whisper_sizes import WhisperSize

from .torch_files import TorchTensor, write_torch_file

TEXT_TOKENS = 512
"""Text tokens of a tiny Hugging Face checkpoint: the first ones of the published vocabulary."""

_SPECIAL_TOKENS = 1608
_OPENAI_NAMES = (
    ("model.", ""),
    ("layers.", "blocks."),
    ("self_attn_layer_norm", "attn_ln"),
    ("encoder_attn_layer_norm", "cross_attn_ln"),
    ("final_layer_norm", "mlp_ln"),
    ("encoder.layer_norm", "encoder.ln_post"),
    ("decoder.layer_norm", "decoder.ln"),
    ("self_attn", "attn"),
    ("encoder_attn", "cross_attn"),
    ("q_proj", "query"),
    ("k_proj", "key"),
    ("v_proj", "value"),
    ("out_proj", "out"),
    ("fc1", "mlp.0"),
    ("fc2", "mlp.2"),
    ("embed_tokens", "token_embedding"),
    ("embed_positions.weight", "positional_embedding"),
)
# Every special token in its order from the end of text on, but for the timestamps.
_LANGUAGES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th "
    "ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr "
    "pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt "
    "haw ln ha ba jw su"
)
_TASKS = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")


def write_tiny_whisper(
    folder: Path,
    *,
    layout: Literal["huggingface", "openai"] = "huggingface",
    dtype: Dtype = "float32",
    sharded: bool = False,
    multilingual: bool = True,
    layers: int = 2,
    width: int = 64,
    heads: int = 2,
    mels: int = 80,
    audio_ctx: int = 1500,
    text_ctx: int = 448,
    vocab: int | None = None,
    seed: int = 0,
) -> Path:
    """Writes a checkpoint whose weights are those of `tiny_whisper` for the same arguments.

    Args:
        folder: made if missing.
        layout: transformers' folder, or OpenAI's `.pt` (which has no tokenizer).
        dtype: what the weights are stored as.
        sharded: two or more weight files and an index (Hugging Face only).
        multilingual: False makes the special tokens' ids those of an `.en` model.
        layers: of the encoder, and of the decoder.
        width: of the hidden states; each layer's inner width is 4 times that.
        heads: attention heads.
        mels: mel bins.
        audio_ctx: encoder positions.
        text_ctx: decoder positions.
        vocab: tokens, of which the last 1608 are special; None for 2120 in the Hugging Face
            layout and for the published number in OpenAI's.
        seed: makes other weights.

    Returns:
        What `open_checkpoint` takes: the folder, or the `.pt` file in it.
    """
    if vocab is None:
        published = 51865 if multilingual else 51864
        vocab = published if layout == "openai" else TEXT_TOKENS + _SPECIAL_TOKENS
    size = WhisperSize(
        layers, width, heads, mels, vocab, multilingual=multilingual,
        audio_ctx=audio_ctx, text_ctx=text_ctx,
    )  # fmt: skip
    checkpoint = SyntheticCheckpoint(size, folder, dtype=dtype, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    if layout == "openai":
        return _write_openai(checkpoint, folder / "tiny.pt")
    total_bytes = sum(4 * math.prod(checkpoint.shape(name)) for name in checkpoint.names())
    write_folder(checkpoint, folder, shard_bytes=total_bytes // (4 if sharded else 1))
    _write_json(folder / "generation_config.json", _generation_config(size))
    _write_json(folder / "tokenizer.json", _tokenizer(size))
    return folder


def openai_name(name: str) -> str:
    """What OpenAI calls a tensor of transformers' name."""
    for old, new in _OPENAI_NAMES:
        name = name.replace(old, new)
    return name


def special_tokens(size: WhisperSize) -> dict[str, int]:
    """All special tokens but the timestamps, with their ids."""
    languages = [f"<|{language}|>" for language in _LANGUAGES.split()]
    tasks = [f"<|{task}|>" for task in _TASKS]
    names = ["<|endoftext|>", "<|startoftranscript|>", *languages, *tasks]
    return {name: size.end_of_text + index for index, name in enumerate(names)}


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def _write_openai(checkpoint: SyntheticCheckpoint, path: Path) -> Path:
    size = checkpoint.size
    tensors: dict[str, TorchTensor] = {}
    storages: dict[str, bytes] = {}
    for key, name in enumerate(checkpoint.names()):
        values = checkpoint.read(name)
        dtype = checkpoint.dtype(name)
        storages[str(key)] = stored_bytes(values, dtype)
        tensors[openai_name(name)] = TorchTensor(dtype, values.shape, str(key), values.size)
    sides = {
        side: {"ctx": ctx, "state": size.width, "head": size.heads, "layer": size.layers}
        for side, ctx in (("audio", size.audio_ctx), ("text", size.text_ctx))
    }
    dims = {f"n_{side}_{key}": number for side in sides for key, number in sides[side].items()}
    dims |= {"n_mels": size.mels, "n_vocab": size.vocab}
    return write_torch_file(path, {"dims": dims, "model_state_dict": tensors}, storages)


def _generation_config(size: WhisperSize) -> dict[str, Any]:
    special = special_tokens(size)
    end = size.end_of_text
    config: dict[str, Any] = {
        "alignment_heads": [[size.layers - 1, 0]],
        "begin_suppress_tokens": [220, end],
        "bos_token_id": end,
        "decoder_start_token_id": special["<|startoftranscript|>"],
        "eos_token_id": end,
        "is_multilingual": size.multilingual,
        "max_initial_timestamp_index": 50,
        "max_length": size.text_ctx,
        "no_timestamps_token_id": special["<|notimestamps|>"],
        "pad_token_id": end,
        "prev_sot_token_id": special["<|startofprev|>"],
        "suppress_tokens": [1, 2, 7, special["<|startoftranscript|>"], special["<|nospeech|>"]],
    }
    if size.multilingual:
        languages = {name: special[name] for name in special if name[2:-2] in _LANGUAGES.split()}
        tasks = {task: special[f"<|{task}|>"] for task in ("transcribe", "translate")}
        config |= {"lang_to_id": languages, "task_to_id": tasks}
    return config


def _tokenizer(size: WhisperSize) -> dict[str, Any]:
    """A tokenizer.json with as many tokens of the published vocabulary as the size has room for."""
    special = special_tokens(size)
    vocab = {
        _in_byte_alphabet(token): index
        for token, index in published_tokens("multilingual" if size.multilingual else "gpt2")
        if index < size.end_of_text
    }
    added = [
        {"id": index, "content": name, "special": True, "normalized": False}
        for name, index in special.items()
    ]
    end = {"<|endoftext|>": size.end_of_text}
    return {
        "version": "1.0",
        "added_tokens": added,
        "model": {"type": "BPE", "vocab": vocab | end, "merges": []},
    }


def published_tokens(name: str) -> list[tuple[bytes, int]]:
    """The tokens of a vocabulary that ships with the exporter."""
    data = resources.files("edge_voice_export") / "data" / f"{name}.tiktoken"
    pairs = (line.split() for line in data.read_bytes().splitlines())
    return [(base64.b64decode(token), int(index)) for token, index in pairs]


def _in_byte_alphabet(token: bytes) -> str:
    """Written down from GPT-2's rule, apart from the code that these files test."""
    characters = []
    for byte in token:
        if byte <= 0x20:
            characters.append(chr(0x100 + byte))
        elif 0x7F <= byte <= 0xA0:
            characters.append(chr(0x121 + byte - 0x7F))
        else:
            characters.append(chr(0x143) if byte == 0xAD else chr(byte))
    return "".join(characters)
