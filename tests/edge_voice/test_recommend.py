"""Which model is recommended, from costs that are written here and from those that are shipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_voice import recommend as module
from edge_voice.errors import ManifestError
from edge_voice.hub.catalog import load_catalog
from edge_voice.recommend import Candidate, Recommendation, load_costs, recommend

GB = 10**9
COSTS = [
    ("whisper-tiny.en", "int8", 0.2, 1),
    ("whisper-tiny", "int8", 0.2, 1),
    ("whisper-base", "int8", 0.3, 2),
    ("whisper-base.en", "int8", 0.3, 2),
    ("whisper-medium", "int8", 1.0, 10),
    ("cohere-transcribe", "int4", 1.5, 9),
    ("cohere-transcribe", "balanced", 2.5, 6),
    ("cohere-transcribe-arabic", "balanced", 2.5, 6),
    ("hibari", "int8", 0.2, 1),
]
ALL = {"products": 1.0, "steps": 1.0}


@pytest.fixture(autouse=True)
def costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows: list[dict[str, Any]] = [
        {
            "model": model,
            "precision": precision,
            "basis": "measured",
            "peak_bytes": round(gigabytes * GB),
            "runs": {"products": 0.75 * runs, "steps": 0.25 * runs},
        }
        for model, precision, gigabytes, runs in COSTS
    ]
    path = tmp_path / "costs.json"
    path.write_text(json.dumps({"models": rows}))
    monkeypatch.setattr(module, "_COSTS", path)
    return path


def choose(gigabytes: float, speed: float | None, **options: Any) -> str | None:
    """Name and precision of the choice where a run of each kind takes `speed` seconds."""
    choice = choices(gigabytes, speed, **options).choice
    return choice and f"{choice.cost.model} {choice.cost.precision}"


def choices(
    gigabytes: float, speed: float | None, task: str = "transcribe", language: str = "en"
) -> Recommendation:
    probe = None if speed is None else {kind: speed * value for kind, value in ALL.items()}
    return recommend(task, language, round(gigabytes * GB), probe)


@pytest.mark.parametrize(
    ("gigabytes", "speed", "expected"),
    [
        (8, 0.01, "cohere-transcribe balanced"),
        (2, 0.01, "cohere-transcribe int4"),
        (8, None, "cohere-transcribe balanced"),
        (1.5, None, "whisper-medium int8"),
        (1.5, 0.04, "whisper-medium int8"),
        (1.5, 0.06, "whisper-base.en int8"),
        (8, 0.06, "cohere-transcribe balanced"),
        (8, 0.3, "whisper-tiny.en int8"),
        (0.3, 0.01, "whisper-tiny.en int8"),
        (0.2, 0.01, None),
    ],
)
def test_the_largest_that_fits_and_is_fast_enough(
    gigabytes: float, speed: float | None, expected: str | None
) -> None:
    assert choose(gigabytes, speed) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("de", "cohere-transcribe balanced"),
        ("ar", "cohere-transcribe-arabic balanced"),
        ("fi", "whisper-medium int8"),
    ],
)
def test_the_language_decides(language: str, expected: str) -> None:
    assert choose(8, 0.01, language=language) == expected


def test_where_all_are_too_slow_the_fastest_is_the_choice() -> None:
    found = choices(8, 5.0)
    assert found.choice is not None
    assert found.choice.cost.model in {"whisper-tiny.en", "whisper-tiny"}
    assert not found.choice.fast_enough


def test_candidates_are_in_order_one_for_each_model() -> None:
    found = choices(2, 0.01)
    assert [(one.cost.model, one.cost.precision, one.fits) for one in found.candidates] == [
        ("cohere-transcribe", "int4", True),
        ("cohere-transcribe-arabic", "balanced", False),
        ("whisper-medium", "int8", True),
        ("whisper-base.en", "int8", True),
        ("whisper-base", "int8", True),
        ("whisper-tiny.en", "int8", True),
        ("whisper-tiny", "int8", True),
    ]


def test_speech_has_a_limit_of_its_own() -> None:
    def only(speed: float) -> Candidate:
        (one,) = choices(8, speed, task="speak").candidates
        return one

    assert only(0.7).fast_enough
    assert not only(0.71).fast_enough
    assert only(0.6).real_time_factor == pytest.approx(0.6)


def test_a_language_that_no_model_knows() -> None:
    found = choices(8, 0.01, task="speak", language="xx")
    assert (found.candidates, found.choice) == ((), None)


def test_a_model_that_has_left_the_catalog_is_not_recommended(costs: Path) -> None:
    rows = json.loads(costs.read_text())["models"]
    rows[0]["model"] = "whisper-of-old"
    costs.write_text(json.dumps({"models": rows}))
    assert "whisper-of-old" not in {one.cost.model for one in choices(8, 0.01).candidates}


def test_damaged_costs_are_told(costs: Path) -> None:
    costs.write_text('{"models": [{"model": "hibari"}]}')
    with pytest.raises(ManifestError, match="missing key"):
        load_costs()


def test_what_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COSTS", Path(module.__file__).parent / "data/model_costs.json")
    found = load_costs()
    names = [(cost.model, cost.precision) for cost in found]
    assert len(set(names)) == len(names)
    assert {name for name, _ in names} <= set(load_catalog().models)
    assert {"whisper-tiny.en", "hibari"} <= {name for name, _ in names}
    assert all(cost.peak_bytes > 50e6 and sum(cost.runs.values()) > 0 for cost in found)
