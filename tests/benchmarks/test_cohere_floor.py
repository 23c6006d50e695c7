"""The floor must hold every multiplication of the graphs it is compared with, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from math import prod
from pathlib import Path

import numpy as np
import onnx
import pytest

from benchmarks import cohere_ours
from benchmarks.cohere_floor import Bare, Collected, bare_decoder, bare_encoder
from benchmarks.synthetic_cohere import SMALLEST

D = SMALLEST
POSITIONS = 12
KERNELS = {"fp32": "MatMul", "int8": "DynamicQuantizeMatMul", "int4": "MatMulNBits"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("floor")

    @cache
    def export(precision: str) -> Path:
        cohere_ours.export("smallest", precision, str(root / precision))
        return root / precision

    return export


def collected(folder: Path, role: str) -> Collected:
    graph = onnx.load(folder / f"{role}.onnx", load_external_data=False).graph
    return {"encoder": bare_encoder, "decoder": bare_decoder}[role](graph)


def multiplications(found: Collected, sizes: dict[str, int]) -> int:
    """Σ outputs × inputs of each of them."""
    shapes = {
        value.name: [d.dim_value or sizes[d.dim_param] for d in value.type.tensor_type.shape.dim]
        for value in (*found.inputs.values(), *found.outputs.values())
    }
    return sum(prod(shapes[n.output[0]]) * shapes[n.input[0]][-1] for n in found.nodes)


@pytest.mark.parametrize("precision", KERNELS)
def test_an_encoder_keeps_its_multiplications(bundle, precision):
    found = collected(bundle(precision), "encoder")
    kinds = Counter(node.op_type for node in found.nodes)

    linear = 8 * D.encoder_layers + 2 + 2 * D.decoder_layers
    attention, convolutions = 6 * D.encoder_layers, 3
    positions = Counter({"MatMul" if precision == "fp32" else "DynamicQuantizeMatMul": 0})
    positions.update(dict.fromkeys(positions, D.encoder_layers))
    expected = Counter({"MatMul": attention + convolutions}) + positions
    assert kinds == expected + Counter({KERNELS[precision]: linear})


@pytest.mark.parametrize("precision", KERNELS)
def test_an_encoder_has_the_work_of_the_architecture(bundle, precision):
    sizes = {"positions": POSITIONS, "distances": 2 * POSITIONS, "tile": POSITIONS // 3}
    sizes |= {f"pixels_{i}": POSITIONS * 2 ** (3 - i) * (D.mels >> i) for i in (1, 2, 3)}
    found = multiplications(collected(bundle(precision), "encoder"), sizes)

    width, inner, channels = D.encoder_width, D.encoder_hidden, D.subsampling_channels
    layer = 4 * width * inner + 4 * width**2 + 3 * width**2  # feed-forward, attention, convolution
    scores = (2 + 2) * POSITIONS * width  # of keys, of values, and of twice as many distances
    linear = D.encoder_layers * (layer + scores)
    linear += width * channels * D.mels // 8  # behind the subsampling
    linear += width * D.decoder_width + 2 * D.decoder_layers * D.decoder_width**2
    pixels = 9 * sizes["pixels_1"] + channels * (sizes["pixels_2"] + sizes["pixels_3"])
    assert found == POSITIONS * linear + pixels * channels


@pytest.mark.parametrize("precision", KERNELS)
def test_a_decoder_step_has_the_work_of_the_architecture(bundle, precision):
    found = multiplications(collected(bundle(precision), "decoder"), {"positions": POSITIONS})

    width = D.decoder_width
    layer = 6 * width**2 + 2 * width * D.decoder_hidden + 2 * POSITIONS * width
    assert found == D.decoder_layers * layer + width * D.vocabulary


@pytest.mark.parametrize("precision", KERNELS)
def test_bare_graphs_run_and_leave_nothing_behind(bundle, precision):
    folder = bundle(precision)
    before = sorted(folder.iterdir())
    heads, size = D.decoder_heads, D.decoder_head_size
    shapes = {"key": (1, heads, size, POSITIONS), "value": (1, heads, POSITIONS, size)}
    cross = {
        f"encoder.{i}.{kind}": np.ones(shape, np.float32)
        for i in range(D.decoder_layers)
        for kind, shape in shapes.items()
    }

    encoder = Bare.encoder(folder, 1, POSITIONS)
    decoder = Bare.decoder(folder, 1, POSITIONS, cross)
    encoder.run()
    decoder.run()

    assert encoder.products == len(collected(folder, "encoder").nodes)
    assert decoder.products == len(collected(folder, "decoder").nodes)
    assert sorted(folder.iterdir()) == before
