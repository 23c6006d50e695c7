"""Sentences and clauses of plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from edge_voice.text.given import SPAN
from edge_voice.text.language import Language
from edge_voice.text.languages import rules_for

LONGEST_SENTENCE = 1000
_LOOK_AHEAD = 80

_CLOSING = "\"'”’»›)\\]}」』】）"
_OPENING = "\"'“‘«‹„‚([{¿¡「『【（—–-"
# A mark, then quotes and brackets that close; scripts without blanks need none behind it.
_MARK = re.compile(
    rf"(?P<mark>[.!?…]{{1,9}}|[।॥؟۔]{{1,9}})(?:[{_CLOSING}]{{1,5}}|\s»)?(?=\s|$)"
    rf"|(?P<wide>[。！？｡]{{1,9}})[{_CLOSING}]{{0,5}}"
)
_LAST_WORD = re.compile(r"[^\s(\[{\"'“‘«„]{1,40}$")
_NEXT_WORD = re.compile(rf"\s*[{re.escape(_OPENING)}\s]{{0,9}}(\S{{1,40}})?")
_INITIAL = re.compile(r"(?:^|\.-?)[^\W\d_]\.$")
_DOTTED = re.compile(r"^(?:[^\W\d_]{1,2}\.){2,9}$")
_CLAUSE_ENDS = (
    re.compile(r"[;:…—–](?=\s)|[;:…—–]$|\s[—–-](?=\s)|[；：]"),
    re.compile(r",(?=\s)|[，、،؛]|[)\]»](?=\s)"),
    re.compile(r"\s"),
)


def split_sentences(lines: Iterable[str], language: Language | None) -> Iterator[str]:
    """Sentences with their marks, as soon as they are complete.

    Args:
        lines: Plain text; an empty line ends a sentence, any other line break does not.
        language: Its abbreviations are known; None knows none.
    """
    rest = ""
    for line in lines:
        if line:
            rest = f"{rest} {line}" if rest else line
            found, rest = _complete(rest, language)
            yield from found
        elif rest:
            yield from _all(rest, language)
            rest = ""
    if rest:
        yield from _all(rest, language)


def split_clauses(sentence: str, longest: int, *, first: int | None = None) -> list[str]:
    """Pieces of at most `longest` characters, cut where a speaker would pause.

    Semicolons, colons and dashes first, then commas and brackets, then blanks.

    Args:
        sentence: A sentence; shorter ones come back whole.
        longest: Most characters of a piece.
        first: Most characters of the first piece, if it should be spoken early; it is cut at a
            mark only, never between words that belong together.
    """
    pieces: list[str] = []
    sentence = sentence.strip()
    if first is not None and len(sentence) > first:
        at = _cut_before(sentence, first, _CLAUSE_ENDS[:2])
        if at:
            pieces.append(sentence[:at].strip())
            sentence = sentence[at:].strip()
    while len(sentence) > longest:
        at = _cut_before(sentence, longest, _CLAUSE_ENDS) or _hard_cut(sentence, longest)
        pieces.append(sentence[:at].strip())
        sentence = sentence[at:].strip()
    return [*pieces, sentence] if sentence else pieces


def _cut_before(text: str, limit: int, kinds: Iterable[re.Pattern[str]]) -> int:
    """End of the last pause within `limit`, of the strongest kind that is not too early; or 0."""
    for kind in kinds:
        ends = [found.end() for found in kind.finditer(text, 0, min(limit + 1, len(text)))]
        good = [end for end in ends if limit // 3 <= end <= limit]
        if good:
            return good[-1]
    return 0


def _hard_cut(text: str, limit: int) -> int:
    """Between any two letters, but in front of or behind phonemes that `given` carries."""
    spans = (span for span in SPAN.finditer(text) if span.start() < limit < span.end())
    span = next(spans, None)
    return limit if span is None else span.start() or span.end()


def _complete(text: str, language: Language | None) -> tuple[list[str], str]:
    """Sentences that no further text can change, and the rest."""
    found: list[str] = []
    start = 0
    for end in _ends(text, language):
        if len(text) - end < _LOOK_AHEAD:
            break
        found.append(text[start:end].strip())
        start = end
    while len(text) - start > LONGEST_SENTENCE + _LOOK_AHEAD:
        first, *_ = split_clauses(text[start : start + LONGEST_SENTENCE + 1], LONGEST_SENTENCE)
        start = text.index(first, start) + len(first)
        found.append(first)
    return [piece for piece in found if piece], text[start:].lstrip()


def _all(text: str, language: Language | None) -> Iterator[str]:
    start = 0
    for end in (*_ends(text, language), len(text)):
        if sentence := text[start:end].strip():
            yield from split_clauses(sentence, LONGEST_SENTENCE)
        start = end


def _ends(text: str, language: Language | None) -> Iterator[int]:
    for found in _MARK.finditer(text):
        if found["wide"] or _ends_here(text, found, language):
            yield found.end()


def _ends_here(text: str, found: re.Match[str], language: Language | None) -> bool:
    following = _NEXT_WORD.match(text, found.end())
    word = (following and following[1]) or ""
    if not word:
        return True
    mark = found["mark"]
    is_lower = word[:1].islower()
    if mark[-1] in "!?…" or len(mark) > 1:
        return not is_lower
    if mark != ".":
        return True
    if is_lower:
        return False
    before = _LAST_WORD.search(text, max(0, found.start() - 40), found.start() + 1)
    earlier = text[max(0, found.start() - 80) : found.start()]
    return not before or not _goes_on(before[0], word, earlier, language)


def _goes_on(last: str, word: str, before: str, language: Language | None) -> bool:
    """Whether a single full stop after `last` belongs to it, and the sentence goes on."""
    if language is None:
        return bool(_INITIAL.search(last))
    key = last.lower()
    if _is_ordinal(last, word, before, language):
        return True
    if key in language.may_end or _FIRST_LETTERS.sub("", word).lower() in language.starters:
        return False
    before_number, others = _abbreviations(language.code)
    if key in others or _is_kept(key, language):
        return True
    if _ROMAN.match(last) and _word_before(before, last).rstrip("s") in language.roman_ordinals:
        return True
    if key in before_number:
        return word[:1].isdigit() or bool(_ROMAN_NUMBER.match(word))
    return bool(_INITIAL.search(last) or _DOTTED.match(last))


@cache
def _abbreviations(code: str) -> tuple[frozenset[str], frozenset[str]]:
    language = rules_for(code)
    assert language is not None
    before_number = frozenset(map(str.lower, language.before_number))
    # Of `p. ej.` each part goes on.
    parts = (part for short in language.abbreviations for part in short.lower().split())
    return before_number, frozenset(part for part in parts if part.endswith("."))


def _is_kept(key: str, language: Language) -> bool:
    ends = (short[1:] for short in language.no_break if short.startswith("*"))
    return key in language.no_break or any(map(key.endswith, ends))


def _word_before(before: str, last: str) -> str:
    """The word in front of the last one of `before`, which lacks its full stop."""
    return "".join(before[: len(before) - len(last) + 1].split()[-1:])


_FIRST_LETTERS = re.compile(r"['’,].*$")
_ORDINAL = re.compile(r"^\d{1,3}\.$")
_ROMAN_NUMBER = re.compile(r"(?:[IVXLC]{2,7}|[VX])\b")
_ROMAN = re.compile(r"^[IVX]{1,6}\.$")


def _is_ordinal(last: str, word: str, before: str, language: Language) -> bool:
    """`1. Item` at the start of a line, or `am 3. Oktober` where ordinals are written so."""
    if not _ORDINAL.match(last):
        return False
    earlier = _word_before(before, last)
    if not earlier:
        return True
    context = f"{earlier} {last} {word}"
    matches = (re.search(pattern, context) for pattern in language.ordinals)
    return any(match and match["n"] == last[:-1] and "." in match[0] for match in matches)
