"""Cohere Transcribe checkpoints of any size with random weights.

python -m benchmarks.synthetic_cohere /tmp/cohere
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from benchmarks.synthetic import SHARD_BYTES, Dtype, RandomCheckpoint, write_checked
from edge_voice_export.models.cohere_transcribe.sizes import Dimensions, expected_shapes

PUBLISHED = Dimensions(
    mels=128,
    subsampling_channels=256,
    subsampling_layers=7,
    encoder_width=1280,
    encoder_hidden=5120,
    encoder_heads=8,
    encoder_head_size=160,
    encoder_layers=48,
    kernel=9,
    longest_clip=438,
    scaled_input=False,
    decoder_width=1024,
    decoder_hidden=4096,
    decoder_heads=8,
    decoder_layers=8,
    text_positions=1024,
    vocabulary=16384,
)
# Large enough for layers to be unlike one another, small enough to be run as float32 in seconds.
MIDDLE = replace(
    PUBLISHED,
    subsampling_channels=128,
    encoder_width=512,
    encoder_hidden=2048,
    encoder_head_size=64,
    encoder_layers=12,
    decoder_width=384,
    decoder_hidden=1536,
    decoder_heads=6,
    decoder_layers=4,
    vocabulary=2048,
)
SMALLEST = replace(
    MIDDLE,
    subsampling_channels=16,
    encoder_width=64,
    encoder_hidden=128,
    encoder_heads=2,
    encoder_head_size=32,
    encoder_layers=2,
    decoder_width=64,
    decoder_hidden=128,
    decoder_heads=2,
    decoder_layers=2,
    vocabulary=512,
)
SIZES = {"published": PUBLISHED, "middle": MIDDLE, "smallest": SMALLEST}
_LANGUAGES = ["en", "fr", "de", "es", "it", "pt", "nl", "pl", "el", "ar", "ja", "zh", "vi", "ko"]
_CONTROLS = (
    "<unk>", "<|nospeech|>", "<pad>", "<|endoftext|>", "<|startoftranscript|>", "<|pnc|>",
    "<|nopnc|>", "<|startofcontext|>", "<|itn|>", "<|noitn|>", "<|timestamp|>",
    "<|notimestamp|>", "<|diarize|>", "<|nodiarize|>", "<|spkchange|>", "<|audioseparator|>",
    "<|emo:undefined|>",
)  # fmt: skip


class SyntheticCohere(RandomCheckpoint):
    """A Cohere Transcribe of random weights, in transformers' names, with a made-up vocabulary."""

    def __init__(
        self,
        folder: Path,
        size: Dimensions = PUBLISHED,
        *,
        dtype: Dtype = "bfloat16",
        seed: int = 0,
    ) -> None:
        """Makes up a checkpoint; `folder` receives its tokenizer."""
        shapes = expected_shapes(size)
        del shapes["proj_out.weight"]  # tied, as transformers saves it
        named = {name if name.startswith("proj_out") else f"model.{name}": shape
                 for name, shape in shapes.items()}  # fmt: skip
        config = huggingface_config(size)
        super().__init__(named, _distribution, config, folder, dtype=dtype, seed=seed)
        self.size = size
        write_tokenizer(folder, size.vocabulary)


def write_tokenizer(folder: Path, vocabulary: int) -> None:
    """tokenizer.json and generation_config.json as the published ones, with made-up words."""
    pieces = [*_CONTROLS, *(f"<|{code}|>" for code in _LANGUAGES)]
    controls = len(pieces)
    pieces += [f"<0x{byte:02X}>" for byte in range(256)] + ["▁"]
    letters = [chr(code) for code in range(0x4E00, 0x4E00 + max(0, vocabulary - len(pieces)))]
    pieces += letters
    folder.mkdir(parents=True, exist_ok=True)
    model = {
        "type": "BPE",
        "byte_fallback": True,
        "unk_token": "<unk>",
        "vocab": {piece: index for index, piece in enumerate(pieces)},
        "merges": [],
    }
    added = [
        {"id": index, "content": piece, "special": True}
        for index, piece in enumerate(pieces[:controls])
    ]
    (folder / "tokenizer.json").write_text(json.dumps({"model": model, "added_tokens": added}))
    generation = {
        "decoder_start_token_id": pieces.index("▁"),
        "eos_token_id": 3,
        "pad_token_id": 2,
        "bos_token_id": 4,
    }
    (folder / "generation_config.json").write_text(json.dumps(generation))


def huggingface_config(size: Dimensions) -> dict[str, Any]:
    """config.json as transformers writes it."""
    return {
        "model_type": "cohere_asr",
        "architectures": ["CohereAsrForConditionalGeneration"],
        "vocab_size": size.vocabulary,
        "hidden_size": size.decoder_width,
        "num_hidden_layers": size.decoder_layers,
        "num_attention_heads": size.decoder_heads,
        "intermediate_size": size.decoder_hidden,
        "max_position_embeddings": size.text_positions,
        "tie_word_embeddings": True,
        "encoder_config": {
            "model_type": "parakeet_encoder",
            "hidden_size": size.encoder_width,
            "num_hidden_layers": size.encoder_layers,
            "num_attention_heads": size.encoder_heads,
            "intermediate_size": size.encoder_hidden,
            "conv_kernel_size": size.kernel,
            "subsampling_conv_channels": size.subsampling_channels,
            "num_mel_bins": size.mels,
            "scale_input": size.scaled_input,
        },
    }


def _distribution(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Mean and standard deviation, such that values neither die out nor explode over 48 layers."""
    if "running_var" in name:
        return 1.0, 0.1
    if "norm" in name:
        return float(name.endswith("weight")), 0.2
    if "embed" in name or "pos_emb" in name:
        return 0.0, 0.03
    return (0.0, 0.8 / math.sqrt(math.prod(shape[1:]))) if len(shape) > 1 else (0.0, 0.1)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--shard-bytes", type=click.IntRange(min=1), default=SHARD_BYTES, show_default=True)
def main(folder: Path, shard_bytes: int) -> None:
    """Write a random Cohere Transcribe of the published size (4.1 GB) into FOLDER."""
    write_checked(SyntheticCohere(folder), folder, shard_bytes)


if __name__ == "__main__":
    main()
