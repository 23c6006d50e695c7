"""Whisper checkpoints of any size with random weights.

python -m benchmarks.synthetic_whisper --size large-v3 /tmp/large-v3
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import click

from benchmarks.synthetic import ITEM_BYTES, SHARD_BYTES, Dtype, RandomCheckpoint, write_checked
from benchmarks.whisper_sizes import SIZES, WhisperSize, huggingface_config, tensor_shapes


class SyntheticCheckpoint(RandomCheckpoint):
    """A Whisper of random weights."""

    def __init__(
        self, size: WhisperSize, folder: Path, *, dtype: Dtype = "float16", seed: int = 0
    ) -> None:
        """Makes up a checkpoint; see `RandomCheckpoint`."""
        config = huggingface_config(size, dtype)
        super().__init__(
            tensor_shapes(size), _distribution, config, folder, dtype=dtype, seed=seed
        )
        self.size = size


def _distribution(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Mean and standard deviation, near those of trained Whisper weights of the same kind."""
    if "norm" in name:
        mean = 8.0 if name == "model.decoder.layer_norm.weight" else float(name.endswith("weight"))
        return mean, 0.2
    if "embed_" in name:
        return 0.0, 0.02
    return (0.0, 0.6 / math.sqrt(math.prod(shape[1:]))) if len(shape) > 1 else (0.0, 0.1)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--size", type=click.Choice(list(SIZES)), default="large-v3", show_default=True)
@click.option("--dtype", type=click.Choice(list(ITEM_BYTES)), default="float16", show_default=True)
@click.option("--layers", type=click.IntRange(min=1), help="Another number of layers.")
@click.option("--shard-bytes", type=click.IntRange(min=1), default=SHARD_BYTES, show_default=True)
def main(folder: Path, size: str, dtype: Dtype, layers: int | None, shard_bytes: int) -> None:
    """Write a random Whisper checkpoint of a published SIZE into FOLDER."""
    numbers = SIZES[size] if layers is None else replace(SIZES[size], layers=layers)
    checkpoint = SyntheticCheckpoint(numbers, folder, dtype=dtype)
    write_checked(checkpoint, folder, shard_bytes)


if __name__ == "__main__":
    main()
