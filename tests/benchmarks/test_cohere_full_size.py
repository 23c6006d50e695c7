"""The benchmark of the published size, run at the smallest."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from benchmarks import cohere_full_size, tables
from benchmarks.cohere_full_size import Plan, check_room, main
from benchmarks.synthetic_cohere import SMALLEST, SyntheticCohere

TRIAL = ["--size", "smallest", "--threads", "1", "--clip", "1", "--clip", "2", "--rounds", "1"]
TIMES = {"min": 1.0, "median": 2.0}


def invoke(tmp_path: Path, *arguments: str) -> Result:
    where = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out.json")]
    return CliRunner().invoke(main, [*TRIAL, *where, *arguments])


def test_one_command_measures_everything(tmp_path):
    done = invoke(tmp_path)

    assert done.exit_code == 0, done.output
    assert list((tmp_path / "work").iterdir()) == []
    result = json.loads((tmp_path / "out.json").read_text())
    [row] = result["rows"]
    assert (row["engine"], row["precision"]) == ("edge-voice", "int8")
    assert 0 < row["export"]["bundle_bytes"] < 2_000_000
    [run] = row["runs"]
    assert [clip["seconds"] for clip in run["clips"]] == [1.0, 2.0]
    assert all(times["min"] > 0 for times in run["context"]["step_milliseconds"].values())
    assert list(run["context"]["step_milliseconds"]) == ["1", "4"]
    assert 0 < run["one_clip_peak_bytes"] <= run["peak_bytes"]
    assert run["load_seconds"] > 0
    for ratio in ("encoder_ratio", "step_ratio"):
        assert 0 < run["floor"][ratio] < math.inf
    text = tables.cohere_full_size(result)
    assert text.startswith("| engine | threads | load | encoder, 30 s |")
    assert "\n| edge-voice int8 | 1 |" in text


def pretended(peak_bytes: int) -> Any:
    run = {
        "load_seconds": 1.0,
        "one_clip_peak_bytes": 7,
        "clips": [{"seconds": 30.0, "encoder_seconds": TIMES}],
        "context": {"step_milliseconds": {"1": TIMES}},
    }
    export = {"seconds": 1.0, "peak_bytes": peak_bytes, "bundle_bytes": 1}
    answers = {"export": export, "run": run, "load": {"seconds": 0.5}}
    return lambda target, **arguments: answers[target.partition(":")[2]]


@pytest.mark.parametrize(("peak_bytes", "code"), [(2_000_000_000, 0), (2_000_000_001, 1)])
def test_an_export_that_takes_too_much_memory_is_a_failure(
    tmp_path, monkeypatch, peak_bytes, code
):
    monkeypatch.setattr(cohere_full_size, "call", pretended(peak_bytes))

    done = invoke(tmp_path)

    assert done.exit_code == code, done.output
    [run] = json.loads((tmp_path / "out.json").read_text())["rows"][0]["runs"]
    assert run["load_seconds"] == 0.5, "the second start counts"


def test_a_trial_is_no_result(tmp_path):
    done = CliRunner().invoke(main, [*TRIAL, "--work", str(tmp_path)])

    assert done.exit_code == 2
    assert "--size makes a trial, not a result: it needs --out" in done.output


def test_a_full_disk_is_noticed_before_the_work(tmp_path, monkeypatch):
    plan = Plan("published", ("int8", "fp32"), (2,), (30.0,), 1, tmp_path / "work")
    monkeypatch.setattr(cohere_full_size.shutil, "disk_usage", lambda path: Room(8 * 10**9))

    with pytest.raises(click.ClickException, match=r"work needs 8\.4 GB free"):
        check_room(plan)


class Room:
    def __init__(self, free: int) -> None:
        self.free = free


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_transformers_is_given_a_model_of_the_same_size(tmp_path, dtype):
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from benchmarks.cohere_torch import random_model, run

    model = random_model("smallest", getattr(torch, dtype))
    checkpoint = SyntheticCohere(tmp_path, SMALLEST)
    expected = {name: checkpoint.shape(name) for name in checkpoint.names()}
    found = {
        name: tuple(value.shape)
        for name, value in model.state_dict().items()
        if not name.endswith(("num_batches_tracked", "proj_out.weight"))  # a count; tied
    }
    assert found == expected

    measured = run("smallest", dtype, 1, [1.0, 2.0], 2.0, 1)
    assert [clip["seconds"] for clip in measured["clips"]] == [1.0, 2.0]
    assert measured["context"]["step_milliseconds"]["1"]["min"] > 0


def test_transformers_computes_what_it_should(tmp_path):
    """Buffers that no file holds are set: without them the encoder would give other numbers."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from benchmarks.cohere_torch import random_model

    model = random_model("smallest", torch.float32)
    other = transformers.CohereAsrForConditionalGeneration(model.config).eval()
    other.load_state_dict(model.state_dict())
    features = torch.randn((1, 160, SMALLEST.mels), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found, expected = (
            m.model.encoder(input_features=features).last_hidden_state for m in (model, other)
        )
    torch.testing.assert_close(found, expected)
