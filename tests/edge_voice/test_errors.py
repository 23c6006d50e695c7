"""The tree of errors is the one that its docstring draws and docs/cli.md explains."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from edge_voice import errors

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"
CLASSES = dict(inspect.getmembers(errors, inspect.isclass))


def drawn_tree() -> dict[str, tuple[str, str | None]]:
    """Name → (name of its parent, built-in base or None), as the module's docstring draws it."""
    tree: dict[str, tuple[str, str | None]] = {}
    parents = ["EdgeVoiceError"]
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"([│ ]*)[├└]─ (\w+)(?:\((\w+)\))?", line):
            depth = len(match[1]) // 3 + 1
            parents[depth:] = [match[2]]
            tree[match[2]] = (parents[depth - 1], match[3])
    return tree


def test_every_class_is_drawn() -> None:
    assert {"EdgeVoiceError", *drawn_tree()} == set(CLASSES)


@pytest.mark.parametrize("name", drawn_tree())
def test_bases_are_those_drawn(name: str) -> None:
    assert tuple(base.__name__ for base in CLASSES[name].__bases__) == tuple(
        filter(None, drawn_tree()[name])
    )


@pytest.mark.parametrize("name", CLASSES)
def test_message_is_printed_as_it_was_given(name: str) -> None:
    # OSError and its kin format two arguments in their own way.
    assert str(CLASSES[name]("unknown x (known: y)")) == "unknown x (known: y)"


@pytest.mark.parametrize("name", CLASSES)
def test_exit_codes_are_documented(name: str) -> None:
    codes = re.findall(r"^\| (\d+) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert str(CLASSES[name].exit_code) in codes


def test_exit_codes_tell_the_branches_apart() -> None:
    branches = [CLASSES[name] for name, (parent, _) in drawn_tree().items() if "Edge" in parent]
    codes = {branch.exit_code for branch in [errors.EdgeVoiceError, *branches]}
    assert len(codes) == len(branches) + 1
    assert 0 not in codes
    assert {cls.exit_code for cls in errors.ModelError.__subclasses__()} == {3}
