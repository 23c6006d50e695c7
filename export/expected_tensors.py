"""Whether a checkpoint holds the tensors of an architecture: all of them, and no others."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from edge_voice.errors import UnsupportedModel

Shape = tuple[int, ...]


def check_tensors(
    found: Mapping[str, Shape], expected: Mapping[str, Shape], ignored: Sequence[str], where: str
) -> None:
    """Compares names and shapes; says what is wrong before any tensor is read.

    A tensor that is not expected is an error too: weights that the graph does not use would mean
    that the checkpoint is of another architecture, and its transcripts would be wrong in silence.

    Args:
        found: Shapes in the checkpoint, by the names of `expected`.
        expected: Shapes that the architecture has.
        ignored: Patterns such as `*.num_batches_tracked` of further tensors that may be there, in
            any shape.
        where: What the checkpoint is, for the message.

    Raises:
        UnsupportedModel: Names the first tensor that is missing, else the first of another shape,
            else the first that is not expected.
    """
    extra = [name for name in found if name not in expected and not _matches(name, ignored)]
    missing = [name for name in expected if name not in found]
    if missing:
        raise UnsupportedModel(f"{where}: {_describe_missing(missing, expected, extra)}")
    for name, shape in expected.items():
        if tuple(found[name]) != tuple(shape):
            raise UnsupportedModel(
                f"{where}: tensor {name!r} has shape {list(found[name])} (allowed: {list(shape)})"
            )
    if extra:
        raise UnsupportedModel(f"{where}: {_describe_extra(extra, found, expected, ignored)}")


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _describe_missing(
    missing: Sequence[str], expected: Mapping[str, Shape], extra: Sequence[str]
) -> str:
    name = missing[0]
    close = difflib.get_close_matches(name, extra, n=1)
    hint = f"; found instead: {close[0]!r}" if close else ""
    return (
        f"tensor {name!r} of shape {list(expected[name])} is missing"
        f"{_and_more(missing, 'are missing')}{hint}"
    )


def _describe_extra(
    extra: Sequence[str],
    found: Mapping[str, Shape],
    expected: Mapping[str, Shape],
    ignored: Sequence[str],
) -> str:
    allowed = ", ".join([f"the {len(expected)} of this architecture", *ignored])
    return (
        f"tensor {extra[0]!r} of shape {list(found[extra[0]])} is unexpected"
        f"{_and_more(extra, 'are unexpected')} (allowed: {allowed})"
    )


def _and_more(names: Sequence[str], what: str) -> str:
    return f", and {len(names) - 1} more {what}" if len(names) > 1 else ""
