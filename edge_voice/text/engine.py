"""Applies the rules of a language to a sentence, and leaves only what can be spoken."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from edge_voice.text import counts, dates, names, quantities, web
from edge_voice.text.languages import rules_for

_Say = Callable[[re.Match[str]], str]

# What no rule has claimed: signs that would be read as noise, or by their Unicode names.
_UNSPOKEN = re.compile(r"[*_#~^|\\<>=+@`≈≠≤≥±→←©®™°№§¶†‡•·¬¦/&]")
_BRACKETS = str.maketrans({"[": "(", "]": ")", "{": "(", "}": ")"})
_QUOTES = re.compile(r"[“”„‟«»〝〞]|''")
_DASH = re.compile(r"\s[-–—]+\s|[–—]+")
_ELLIPSIS = re.compile(r"\.{2,}|…[.…]*")
_REPEATED = re.compile(r"([!?,;:])\1+")
_EMPTY_BRACKETS = re.compile(r"\(\s*\)")
_BEFORE_MARK = re.compile(r"\s+(?=[,;:!?…)\]।؟]|\.(?!\w))")
_COMMAS = re.compile(r",(?:\s*,)+")
_SPACES = re.compile(r"\s+")
_FIGURES = re.compile(r"[\d½⅓⅔¼¾⅕-⅞⅐-⅒]")
_CAPITAL_WORDS = re.compile(r"[^\W\d_]{2,}")
_SHOUTED_WORDS = 4
_SPEAKABLE = re.compile(r"[^\W_]|[\U000f0000-\U0010ffff]")  # letters, figures, phonemes
_LAST = re.compile(r"[\s\"')\]}»”]*$")
_TERMINAL = frozenset(".!?…।॥؟۔。！？｡")
_FULL_STOPS = {"hi": "।", "mr": "।", "bn": "।", "ja": "。", "zh": "。", "ur": "۔"}


def spoken(sentence: str, code: str) -> str:
    """One sentence in words with a mark at its end; empty if nothing in it can be spoken.

    Args:
        sentence: Plain text, of a bounded length: the rules look at it many times.
        code: ISO 639 code.
    """
    words = sentence.lower().capitalize() if _is_shouted(sentence) else sentence
    has_figures = bool(_FIGURES.search(sentence))
    for figures_only, pattern, say in _passes(code):
        if has_figures or not figures_only:
            words = pattern.sub(say, words)
    words = _ended(_tidy(words), _FULL_STOPS.get(code[:2].lower(), "."))
    return words[:1].upper() + words[1:] if sentence[:1].isupper() else words


def _is_shouted(sentence: str) -> bool:
    """Capitals throughout, in a whole sentence: words, not acronyms."""
    return sentence.isupper() and len(_CAPITAL_WORDS.findall(sentence)) >= _SHOUTED_WORDS


@cache
def _passes(code: str) -> tuple[tuple[bool, re.Pattern[str], _Say], ...]:
    """Every rule in the order in which they are applied; what one has said, none finds again.

    With each: whether it looks for figures, so that most sentences need not try it.
    """
    language = rules_for(code)
    if language is None:
        return ()
    groups = (
        (False, web.rules(language)),
        (False, language.rules),
        (False, names.abbreviations(language)),
        (True, dates.rules(language)),
        (True, quantities.rules(language)),
        (False, names.roman_numerals(language)),
        (True, counts.rules(language)),
        (False, names.acronyms(language)),
        (False, language.after),
    )
    flags = {False: re.NOFLAG, True: re.IGNORECASE}
    return tuple(
        (figures_only, re.compile(rule.pattern, flags[rule.ignore_case]), _or_unchanged(rule.say))
        for figures_only, rules in groups
        for rule in rules
    )


def _or_unchanged(say: Callable[[re.Match[str]], str | None]) -> _Say:
    def replacement(found: re.Match[str]) -> str:
        words = say(found)
        return found[0] if words is None else words

    return replacement


def _tidy(text: str) -> str:
    text = _UNSPOKEN.sub(" ", text.translate(_BRACKETS))
    text = _ELLIPSIS.sub("…", _QUOTES.sub('"', text))
    text = _REPEATED.sub(r"\1", _DASH.sub(" — ", text))
    text = _SPACES.sub(" ", _EMPTY_BRACKETS.sub(" ", text))
    return _COMMAS.sub(",", _BEFORE_MARK.sub("", text)).strip(" ,;:—")


def _ended(text: str, full_stop: str) -> str:
    if not _SPEAKABLE.search(text):
        return ""
    closing = _LAST.search(text)
    at = closing.start() if closing else len(text)
    body, closed = text[:at].rstrip(" ,;:—-"), text[at:].strip()
    if body[-1:] in _TERMINAL:
        return body + closed
    return body + closed + full_stop
