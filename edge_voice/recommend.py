"""Which model for which task on this machine: what fits its memory and is fast enough.

What each model costs is measured (`benchmarks/model_costs.py`) and stored in data/. Time is
counted in runs of the layers that `speed_probe` times: a model's real-time factor on a machine is
the sum of its runs times what one takes there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_voice.hub.catalog import CatalogModel, load_catalog
from edge_voice.manifest import from_dict

REAL_TIME_LIMITS = {"transcribe": 0.5, "speak": 0.7}
"""Real-time factor up to which a model counts as fast enough, for each task. Speech that is heard
while it is made must not run dry; a transcript need only keep up with some room to spare."""

MEMORY_SHARE = 0.8
"""How much of the usable memory a model may take at its peak."""

_COSTS = Path(__file__).with_name("data") / "model_costs.json"


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What one bundle takes.

    Attributes:
        model: Name in the catalog.
        precision: Which of its bundles.
        basis: Where the numbers come from: `measured`, or from what they are computed.
        peak_bytes: Largest resident memory of the whole process.
        runs: For each kind of `speed_probe.KINDS`, how many runs of it take as long as the model
            spends on such work for one second of audio.
    """

    model: str
    precision: str
    basis: str
    peak_bytes: int
    runs: dict[str, float]

    def real_time_factor(self, probe: Mapping[str, float]) -> float:
        """Expected seconds of computing for a second of audio.

        Args:
            probe: What `speed_probe.measure` found.
        """
        return sum(count * probe[kind] for kind, count in self.runs.items())


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that could do the task in the language.

    Attributes:
        cost: What it takes.
        parameters: Its size, which stands for its quality.
        real_time_factor: Expected on this machine; None where its speed was not measured.
        fits: Whether it takes no more than its share of the memory.
        fast_enough: Whether its factor is within the limit, or not known.
    """

    cost: ModelCost
    parameters: int
    real_time_factor: float | None
    fits: bool
    fast_enough: bool


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The choice for one task.

    Attributes:
        task: `transcribe` or `speak`.
        language: ISO 639 code.
        candidates: All that were compared, the best first; none where no known model can.
        choice: The best of those that fit and are fast enough; else the fastest of those that fit;
            None where none does.
    """

    task: str
    language: str
    candidates: tuple[Candidate, ...]
    choice: Candidate | None


def recommend(
    task: str, language: str, memory_bytes: int, probe: Mapping[str, float] | None
) -> Recommendation:
    """Chooses a model: the largest that fits the memory and is fast enough.

    Of models of about one size those made for this language come first, and of bundles of one model
    the one that is pulled by default.

    Args:
        task: `transcribe` or `speak`.
        language: ISO 639 code.
        memory_bytes: What a process may use.
        probe: What `speed_probe.measure` found; None to choose by memory alone.
    """
    catalog = load_catalog().models
    found: dict[str, list[Candidate]] = {}
    for cost in load_costs():
        model = catalog.get(cost.model)
        if model and model.task == task and language in model.languages:
            candidate = _candidate(model, cost, memory_bytes, probe)
            found.setdefault(model.name, []).append(candidate)
    ranked = tuple(
        _best_bundle(found[name], catalog[name].precision)
        for name in sorted(found, key=lambda name: _rank(catalog[name], language))
    )
    return Recommendation(task, language, ranked, _choose(ranked))


def load_costs() -> list[ModelCost]:
    """What is known about each bundle."""
    rows = json.loads(_COSTS.read_text(encoding="utf-8"))["models"]
    return [from_dict(ModelCost, row, f"{_COSTS.name}: models") for row in rows]


def _candidate(
    model: CatalogModel, cost: ModelCost, memory_bytes: int, probe: Mapping[str, float] | None
) -> Candidate:
    factor = None if probe is None else cost.real_time_factor(probe)
    return Candidate(
        cost,
        model.parameters,
        factor,
        fits=cost.peak_bytes <= MEMORY_SHARE * memory_bytes,
        fast_enough=factor is None or factor <= REAL_TIME_LIMITS[model.task],
    )


def _best_bundle(bundles: list[Candidate], usual: str) -> Candidate:
    """The usual precision where it is possible, else one that is, else the smallest."""
    ordered = sorted(bundles, key=lambda one: (one.cost.precision != usual, one.cost.peak_bytes))
    possible = [one for one in ordered if one.fits and one.fast_enough]
    return possible[0] if possible else min(ordered, key=lambda one: one.cost.peak_bytes)


def _rank(model: CatalogModel, language: str) -> tuple[float, bool, bool, str]:
    about = float(f"{model.parameters:.2g}")
    foreign = model.languages[0] != language  # the language that a model names first is its own
    return -about, foreign, len(model.languages) > 1, model.name


def _choose(ranked: Iterable[Candidate]) -> Candidate | None:
    fitting = [candidate for candidate in ranked if candidate.fits]
    fast = [candidate for candidate in fitting if candidate.fast_enough]
    if fast:
        return fast[0]
    return min(fitting, key=lambda one: one.real_time_factor or 0.0, default=None)
