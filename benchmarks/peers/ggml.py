"""Writes OpenAI's Whisper checkpoint in whisper.cpp's model format.

Runs in the peers' environment, which has PyTorch and openai-whisper (mel filters, vocabulary).

    python ggml.py tiny.en.pt f16 OUT.bin     (also q8_0 and q5_1)

Layout (little endian): magic; eleven sizes; mel filters; vocabulary; then every tensor as
number of dimensions, length of name, type, dimensions from the innermost, name, values. As in
whisper.cpp's own tools, only matrices are stored small; convolutions are float16, and vectors,
the convolutions' biases and the position tables float32.
"""

from __future__ import annotations

import base64
import struct
import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np

_MAGIC = 0x67676D6C
_QUANTIZATION_VERSION = 2
_BLOCK = 32
# file type, tensor type of matrices
_TYPES = {"f16": (1, 1), "q8_0": (7, 8), "q5_1": (9, 7)}
_F32, _F16 = 0, 1
_SIZES = (
    *("n_vocab", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer"),
    *("n_text_ctx", "n_text_state", "n_text_head", "n_text_layer", "n_mels"),
)


def convert(source: Path, kind: str, target: Path) -> None:
    """Reads the `.pt`, writes the whole model, renames it into place."""
    import torch

    checkpoint = torch.load(source, map_location="cpu", weights_only=True)
    file_type, matrix_type = _TYPES[kind]
    if kind != "f16":
        file_type += 1000 * _QUANTIZATION_VERSION
    partial = target.with_suffix(".part")
    with partial.open("wb") as file:
        sizes = [checkpoint["dims"][name] for name in _SIZES]
        file.write(struct.pack("<12i", _MAGIC, *sizes, file_type))
        _write_filters(file, checkpoint["dims"]["n_mels"])
        _write_vocabulary(file, multilingual=sizes[0] >= 51865)
        for name, tensor in checkpoint["model_state_dict"].items():
            _write_tensor(file, name, tensor.float().numpy(), matrix_type)
    partial.rename(target)


def _assets() -> Path:
    import whisper

    return Path(whisper.__file__).parent / "assets"


def _write_filters(file: BinaryIO, mels: int) -> None:
    filters = np.load(_assets() / "mel_filters.npz")[f"mel_{mels}"].astype("<f4")
    file.write(struct.pack("<2i", *filters.shape) + filters.tobytes())


def _write_vocabulary(file: BinaryIO, *, multilingual: bool) -> None:
    name = "multilingual.tiktoken" if multilingual else "gpt2.tiktoken"
    lines = (_assets() / name).read_text().splitlines()
    tokens = [base64.b64decode(line.split()[0]) for line in lines if line]
    if not multilingual:
        tokens.append(b"<|endoftext|>")
    file.write(struct.pack("<i", len(tokens)))
    file.writelines(struct.pack("<i", len(token)) + token for token in tokens)


def _write_tensor(file: BinaryIO, name: str, values: np.ndarray, matrix_type: int) -> None:
    if name in ("encoder.conv1.bias", "encoder.conv2.bias"):
        values = values[:, None]
    small = values.ndim > 1 and not name.endswith((".bias", "positional_embedding"))
    kind = (matrix_type if values.ndim == 2 else _F16) if small else _F32
    encoded_name = name.encode()
    file.write(struct.pack("<3i", values.ndim, len(encoded_name), kind))
    file.write(struct.pack(f"<{values.ndim}i", *reversed(values.shape)) + encoded_name)
    file.write(_encode(values, kind))


def _encode(values: np.ndarray, kind: int) -> bytes:
    if kind == _F32:
        return values.astype("<f4").tobytes()
    if kind == _F16:
        return values.astype("<f2").tobytes()
    blocks = values.reshape(-1, _BLOCK).astype(np.float32)
    return _encode_q8_0(blocks) if kind == _TYPES["q8_0"][1] else _encode_q5_1(blocks)


def _encode_q8_0(blocks: np.ndarray) -> bytes:
    """Per block a float16 scale and 32 signed bytes."""
    scale = np.abs(blocks).max(axis=1) / 127
    codes = np.rint(blocks * _reciprocal(scale)[:, None]).astype(np.int8)
    return np.concatenate([_half(scale), codes.view(np.uint8)], axis=1).tobytes()


def _encode_q5_1(blocks: np.ndarray) -> bytes:
    """Per block float16 scale and minimum, 32 high bits, then two low nibbles a byte."""
    low, high = blocks.min(axis=1), blocks.max(axis=1)
    scale = (high - low) / 31
    codes = (blocks - low[:, None]) * _reciprocal(scale)[:, None] + 0.5
    codes = np.clip(codes.astype(np.int32), 0, 31).astype(np.uint8)
    top_bits = np.packbits(codes >> 4, axis=1, bitorder="little")
    nibbles = (codes[:, :16] & 15) | ((codes[:, 16:] & 15) << 4)
    return np.concatenate([_half(scale), _half(low), top_bits, nibbles], axis=1).tobytes()


def _reciprocal(scale: np.ndarray) -> np.ndarray:
    return np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)


def _half(values: np.ndarray) -> np.ndarray:
    return values.astype("<f2")[:, None].view(np.uint8)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
