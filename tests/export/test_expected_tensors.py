"""Checkpoints that lack tensors, have others, or have them in other shapes."""

from __future__ import annotations

import re

import pytest

from edge_voice.errors import UnsupportedModel
from edge_voice_export.expected_tensors import check_tensors

EXPECTED = {
    "encoder.layers.0.linear.weight": (8, 4),
    "encoder.layers.0.linear.bias": (8,),
    "encoder.layers.1.linear.weight": (8, 4),
    "encoder.scale": (),
}
IGNORED = ("preprocessor.featurizer.*", "*.num_batches_tracked")


def refusal(found: dict[str, tuple[int, ...]], ignored: tuple[str, ...] = IGNORED) -> str:
    with pytest.raises(UnsupportedModel) as caught:
        check_tensors(found, EXPECTED, ignored, "folder/a")
    message = str(caught.value)
    assert "\n" not in message
    return message


def without(*names: str, **more: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, shape in EXPECTED.items() if name not in names} | more


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"preprocessor.featurizer.fb": (1, 128, 257), "preprocessor.featurizer.window": (400,)},
        {"encoder.layers.0.conv.batch_norm.num_batches_tracked": ()},
    ],
)
def test_all_is_there(more: dict[str, tuple[int, ...]]) -> None:
    check_tensors(EXPECTED | more, EXPECTED, IGNORED, "a")
    check_tensors(dict(reversed(EXPECTED.items())), EXPECTED, IGNORED, "a")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            without("encoder.scale"),
            "folder/a: tensor 'encoder.scale' of shape [] is missing",
        ),
        (
            without("encoder.layers.0.linear.bias", "encoder.scale"),
            "folder/a: tensor 'encoder.layers.0.linear.bias' of shape [8] is missing,"
            " and 1 more are missing",
        ),
        (
            without("encoder.layers.1.linear.weight") | {"encoder.layers.2.linear.weight": (8, 4)},
            "folder/a: tensor 'encoder.layers.1.linear.weight' of shape [8, 4] is missing;"
            " found instead: 'encoder.layers.2.linear.weight'",
        ),
        (
            {},
            "folder/a: tensor 'encoder.layers.0.linear.weight' of shape [8, 4] is missing,"
            " and 3 more are missing",
        ),
        (
            EXPECTED | {"encoder.layers.0.linear.bias": (9,)},
            "folder/a: tensor 'encoder.layers.0.linear.bias' has shape [9] (allowed: [8])",
        ),
        (
            EXPECTED | {"encoder.scale": (1,)},
            "folder/a: tensor 'encoder.scale' has shape [1] (allowed: [])",
        ),
        (
            EXPECTED | {"speaker.weight": (2, 3)},
            "folder/a: tensor 'speaker.weight' of shape [2, 3] is unexpected (allowed:"
            " the 4 of this architecture, preprocessor.featurizer.*, *.num_batches_tracked)",
        ),
        (
            EXPECTED | {"b": (), "a": (1,)},
            "folder/a: tensor 'b' of shape [] is unexpected, and 1 more are unexpected (allowed:"
            " the 4 of this architecture, preprocessor.featurizer.*, *.num_batches_tracked)",
        ),
        (
            EXPECTED | {"encoder.layers.0.linear.weight": (4, 8), "speaker.weight": (2, 3)},
            "folder/a: tensor 'encoder.layers.0.linear.weight' has shape [4, 8] (allowed: [8, 4])",
        ),
    ],
)
def test_the_first_fault_is_named(found: dict[str, tuple[int, ...]], message: str) -> None:
    assert refusal(found) == message


def test_patterns_are_case_sensitive_and_whole() -> None:
    for name in (
        "Preprocessor.featurizer.fb",
        "my.preprocessor.featurizer.fb",
        "a.num_batches_tra",
    ):
        assert repr(name) in refusal(EXPECTED | {name: (1,)})


def test_nothing_is_ignored_without_patterns() -> None:
    message = refusal(EXPECTED | {"a.num_batches_tracked": ()}, ())
    assert message.endswith("is unexpected (allowed: the 4 of this architecture)")


def test_a_pattern_does_not_excuse_an_expected_tensor() -> None:
    assert "is missing" in refusal(without("encoder.scale"), ("encoder.*",))
    assert "has shape" in refusal(EXPECTED | {"encoder.scale": (1,)}, ("encoder.*",))


def test_shapes_may_be_lists() -> None:
    found = {name: list(shape) for name, shape in EXPECTED.items()}
    check_tensors(found, EXPECTED, (), "a")  # type: ignore[arg-type]


def test_many_tensors_are_compared_at_once() -> None:
    expected = {f"encoder.layers.{i}.{j}.weight": (i, j) for i in range(48) for j in range(50)}
    found = {name.replace(".7.weight", ".8.bias"): shape for name, shape in expected.items()}
    with pytest.raises(UnsupportedModel, match=re.escape("'encoder.layers.0.7.weight'")):
        check_tensors(found, expected, IGNORED, "a")
