"""`GraphSpec`: what one graph takes and gives, by name. Export and runtime share it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge_voice.errors import GraphMismatch


@dataclass(frozen=True, slots=True)
class GraphSpec:
    """Names of one graph's inputs and outputs; shapes and types live in the graph itself.

    A name may hold `{i}`: it then stands for one name per layer, counted from 0 without gaps;
    there is at least one layer.

    Attributes:
        inputs: All that the graph takes.
        outputs: All that it gives.
        optional: Further inputs that it may take: published graphs differ.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    optional: tuple[str, ...] = ()

    def check(self, where: str, inputs: Iterable[str], outputs: Iterable[str]) -> int:
        """Compares a graph with the spec; returns the number of layers (0 without `{i}`).

        Raises:
            GraphMismatch: Names what is missing or unexpected.
        """
        inputs, outputs = set(inputs), set(outputs)
        layers = _count_layers(self.inputs, inputs) or _count_layers(self.outputs, outputs)
        for kind, expected, found in (
            ("input", expand(self.inputs, layers), inputs - set(self.optional)),
            ("output", expand(self.outputs, layers), outputs),
        ):
            if missing := sorted(set(expected) - found):
                raise GraphMismatch(
                    f"{where}: {kind} {missing[0]!r} is missing (found: {', '.join(sorted(found))})"
                )
            if extra := sorted(found - set(expected)):
                raise GraphMismatch(
                    f"{where}: unexpected {kind} {extra[0]!r} (known: {', '.join(expected)})"
                )
        return layers


def in_our_names(found: Iterable[str], names: Mapping[str, str]) -> list[str]:
    """A graph's names as a spec calls them.

    Args:
        found: Names in the graph.
        names: Name in the spec → name in the graph, where they differ.
    """
    ours = {theirs: name for name, theirs in names.items()}
    return [ours.get(name, name) for name in found]


def expand(names: Iterable[str], layers: int) -> list[str]:
    """Writes out `{i}` names for each layer, layer by layer within one pattern."""
    result: list[str] = []
    for name in names:
        if "{i}" in name:
            result += [name.replace("{i}", str(i)) for i in range(layers)]
        else:
            result.append(name)
    return result


def _count_layers(patterns: Iterable[str], names: set[str]) -> int:
    for pattern in patterns:
        if "{i}" in pattern:
            count = 0
            while pattern.replace("{i}", str(count)) in names:
                count += 1
            return max(count, 1)  # so that layer 0 is what is reported missing
    return 0
