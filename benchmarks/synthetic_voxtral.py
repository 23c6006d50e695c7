"""Voxtral TTS checkpoints of any size with random weights, for measuring and testing exports.

`SyntheticVoxtral` makes each tensor up when it is asked for: the 8 GB of the published size cost
no memory and no disk. What stands beside the weights (tokenizer, voices) is written to a folder.
"""

from __future__ import annotations

import base64
import json
import math
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.synthetic import Dtype, RandomCheckpoint, stored_bytes
from benchmarks.voxtral_sizes import VoxtralSize, params, tensor_shapes

_NAMED_TOKENS = {
    1: "<s>", 24: "[AUDIO]", 25: "[BEGIN_AUDIO]", 35: "[REPEAT_AUDIO_TEXT]",
    36: "[NEXT_AUDIO_TEXT]",
}  # fmt: skip
_PATTERN = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+"


class SyntheticVoxtral(RandomCheckpoint):
    """Random weights behind the interface of `edge_voice_export.checkpoint.Checkpoint`."""

    layout: Any = "mistral"

    def __init__(
        self, size: VoxtralSize, folder: Path, *, dtype: Dtype = "bfloat16", seed: int = 0
    ) -> None:
        """Makes up a checkpoint.

        Args:
            size: its numbers.
            folder: where tokenizer and voices lie; see `write_companions`.
            dtype: what values are rounded to.
            seed: makes another checkpoint of the same size.
        """
        super().__init__(
            tensor_shapes(size), _distribution, params(size), folder, dtype=dtype, seed=seed
        )
        self.size = size


def _distribution(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Mean and deviation that keep a random model's numbers in the range of a trained one's."""
    if name.endswith("_scale"):
        return 0.1, 0.02
    if name.endswith(("norm.weight", "original0", "cluster_usage")):
        return 1.0, 0.1
    if "audio_codebook" in name:
        return 0.0, 0.2
    if "embed" in name:
        return 0.0, 1.0
    return 0.0, 1 / math.sqrt(math.prod(shape[1:]))


def write_companions(size: VoxtralSize, folder: Path, *, words: str = "") -> None:
    """Writes `tekken.json` and the voices.

    Args:
        size: The checkpoint's numbers.
        folder: Where to.
        words: A text whose words are tokens of their own, as common ones are in real vocabularies.
    """
    voices = folder / "voice_embedding"
    voices.mkdir(parents=True, exist_ok=True)
    (folder / "tekken.json").write_text(json.dumps(tekken(size, words)))
    random = np.random.default_rng(0)
    for name, rows in size.voices.items():
        values = random.standard_normal((rows, size.width)).astype(np.float32)
        values = (values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
        write_tensor(voices / f"{name}.pt", values, name)


def tekken(size: VoxtralSize, words: str = "") -> dict[str, Any]:
    """A tokenizer of all single bytes, words and, while there is room, pairs and triples of bytes.

    Words stand where triples would; they begin with the blank before them.
    """
    count = size.vocab - size.special_tokens
    tokens = [_bytes_of(rank) for rank in range(count)]
    whole = [word.encode() for word in dict.fromkeys(re.findall(r" \w{2,}|\w{4,}", words))]
    tokens[count - len(whole) :] = whole
    names = _NAMED_TOKENS
    return {
        "config": {
            "pattern": _PATTERN,
            "num_vocab_tokens": count,
            "default_vocab_size": size.vocab,
            "default_num_special_tokens": size.special_tokens,
            "version": "v7",
        },
        "vocab": [
            {"rank": rank, "token_bytes": base64.b64encode(token).decode()}
            for rank, token in enumerate(tokens)
        ],
        "special_tokens": [
            {"rank": rank, "token_str": names.get(rank, f"<special_{rank}>"), "is_control": True}
            for rank in range(size.special_tokens)
        ],
    }


def _bytes_of(rank: int) -> bytes:
    if rank < 256:
        return bytes([rank])
    pair = rank - 256
    if pair < 1 << 16:
        return pair.to_bytes(2, "big")
    return (pair - (1 << 16)).to_bytes(3, "big")


def write_tensor(path: Path, values: NDArray[np.float32], prefix: str) -> None:
    """One bfloat16 tensor as `torch.save` writes it: a zip of a pickle and the bytes."""
    rows, width = values.shape
    storage = (
        b"(" + _text("storage") + b"ctorch\nBFloat16Storage\n" + _text("0") + _text("cpu")
        + _number(values.size) + b"tQ"
    )  # fmt: skip
    arguments = (
        storage + _number(0) + b"(" + _number(rows) + _number(width) + b"t"
        + b"(" + _number(width) + _number(1) + b"t" + b"\x89ccollections\nOrderedDict\n)R"
    )  # fmt: skip
    pickle = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR."
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{prefix}/data.pkl", pickle)
        archive.writestr(f"{prefix}/byteorder", b"little")
        archive.writestr(f"{prefix}/data/0", stored_bytes(values, "bfloat16"))
        archive.writestr(f"{prefix}/version", b"3\n")


def _text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def _number(value: int) -> bytes:
    return b"J" + value.to_bytes(4, "little", signed=True)
