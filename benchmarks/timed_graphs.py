"""Seconds that each graph of a model runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def timed_graphs(clock: Callable[[], float]) -> Iterator[Counter[str]]:
    """Adds up the clock's seconds that each graph runs, by file name without ending."""
    from edge_voice.session import Binding, Session

    spent: Counter[str] = Counter()
    originals = Session.run, Binding.run

    def timed(name: str, action: Callable[..., Any], *arguments: Any) -> Any:
        begin = clock()
        try:
            return action(*arguments)
        finally:
            spent[Path(name).stem] += clock() - begin

    def run(self: Session, feeds: dict[str, Any]) -> Any:
        return timed(self.path.name, originals[0], self, feeds)

    def run_bound(self: Binding) -> None:
        timed(self._name, originals[1], self)

    Session.run, Binding.run = run, run_bound  # type: ignore[method-assign]
    try:
        yield spent
    finally:
        Session.run, Binding.run = originals  # type: ignore[method-assign]
