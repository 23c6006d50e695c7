"""Finds the rules of a language by its code."""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import replace
from functools import cache

import edge_voice.text
from edge_voice.text.language import Language

_CODE = re.compile(r"[a-z]{2,3}(?=$|[-_])")
_MONTH_FIRST = frozenset({"en", "en-us"})


@cache
def rules_for(code: str) -> Language | None:
    """Rules of `code`, with or without a region (`pt`, `pt-br`, `en_GB`).

    A language without a file of its own gets None: its text is cleaned and split, its digits
    stay digits. English without a region is American: 3/5 is the fifth of March; every other
    region of English puts the day first.
    """
    normal = code.lower().replace("_", "-")
    found = _CODE.match(normal)
    if not found or found[0] not in spoken_languages():
        return None
    rules: Language = importlib.import_module(f"{edge_voice.text.__name__}.{found[0]}").LANGUAGE
    if rules.code == "en" and normal not in _MONTH_FIRST:
        return replace(rules, code=normal, day_first=True)
    return replace(rules, code=normal)


@cache
def spoken_languages() -> tuple[str, ...]:
    """Codes of the languages that have rules: the two-letter files of this folder."""
    names = (info.name for info in pkgutil.iter_modules(edge_voice.text.__path__))
    return tuple(sorted(name for name in names if len(name) == 2))
