"""Precisions against fp32: the comparison itself, and one model through it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.cohere_quality import GROUPS, STAGES, compared, outputs
from benchmarks.weight_errors import group_of, grouped


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    folder = tmp_path_factory.mktemp("quality")
    found = {}
    for precision in ("fp32", "int8", "int4"):
        made = outputs("tiny", precision, str(folder))
        with np.load(folder / f"{precision}.npz") as file:
            found[precision] = {**made, "arrays": dict(file)}
    assert {path.name for path in folder.iterdir()} == {f"{name}.npz" for name in found}
    return found


def test_fewer_bits_move_results_further(results):
    exact = results["fp32"]["arrays"]
    rows = {name: compared(result["arrays"], exact) for name, result in results.items()}

    for stage in STAGES:
        errors = [rows[name]["stages"][stage]["relative_error"] for name in results]
        assert errors[0] == 0
        assert 0 < 2 * errors[1] < errors[2] < 1, stage
        cosines = [rows[name]["stages"][stage]["cosine"] for name in results]
        assert cosines[0] == 1
        assert 1 > cosines[1] > cosines[2] > 0.9
    assert [row["tokens"] for row in rows.values()] == [600] * 3
    agreement = [row["agreement"] for row in rows.values()]
    assert agreement[0] == 1 > agreement[1] > agreement[2] > 0.3


def test_every_quantized_layer_belongs_to_a_group(results):
    assert results["fp32"]["layers"] == []
    groups = grouped(results["int4"]["layers"], GROUPS)

    assert len(groups) == 9
    assert sum(group["layers"] for group in groups.values()) == len(results["int4"]["layers"])
    assert all(0 < g["min"] <= g["median"] <= g["max"] < 0.15 for g in groups.values())
    assert groups["encoder, table of positions"]["max"] < 0.01, "8 bits there in every preset"
    assert results["int4"]["bytes"] < results["int8"]["bytes"] < results["fp32"]["bytes"]


@pytest.mark.parametrize(
    ("layer", "group"),
    [
        ("encoder.layers.3.self_attn.relative_k_proj", "encoder, table of positions"),
        ("encoder.layers.3.self_attn.o_proj", "encoder, attention"),
        ("decoder.layers.0.encoder_attn.k_proj", "cross-attention keys and values"),
        ("decoder.layers.0.encoder_attn.q_proj", "decoder, attention"),
        ("decoder.embed_tokens", "vocabulary"),
    ],
)
def test_groups(layer, group):
    assert group_of(layer, GROUPS) == group


def test_a_layer_without_a_group_is_an_error():
    with pytest.raises(KeyError, match=r"'decoder\.adapter' belongs to no group"):
        group_of("decoder.adapter", GROUPS)


def test_the_fed_token_does_not_count_as_likeliest():
    def results(logits: list[list[float]]) -> dict[str, np.ndarray]:
        stages = {name: np.array([3.0, 4.0]) for name in STAGES}
        return {**stages, "logits": np.array(logits, float), "tokens": np.array([0, 1])}

    exact = results([[9, 2, 1], [0, 9, 1]])
    found = results([[9, 1, 2], [0, 9, 1]])

    row = compared(found, exact)
    assert row["agreement"] == 0.5, "token 0 was fed first, 1 then; both were repeated both times"
    assert row["stages"]["encoder output"] == {"cosine": 1.0, "relative_error": 0.0}
    assert row["stages"]["logits"]["relative_error"] == pytest.approx((2 / 168) ** 0.5, abs=1e-5)


def test_results_are_made_of_the_golden_checkpoint(data: Path):
    from benchmarks.cohere_quality import TINY

    assert data / "cohere_transcribe_tiny/published" == TINY
