"""From any text to plain lines: markup, emoji, control and invisible characters removed.

Works line by line, so that hours of text need no more memory than their longest line.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator

from edge_voice.text.given import carried, is_carried, restored

LONGEST_LINE = 4096

# Symbols of the category "other" that are read aloud; the rest of it is emoji and ornament.
_SPOKEN_SYMBOLS = frozenset("°©®™№℃℉")
_REMOVED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Me", "So"})
_VARIATION_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))
_SKIN_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_LINE_BREAKS = re.compile(r"\r\n?|[\n\x0b\x0c\x85\u2028]|\u2029")
_COMPATIBILITY = ((0xFF01, 0xFF5E), (0x1D400, 0x1D7FF), (0xFB00, 0xFB06))
_REPLACED = {
    "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u3000": " ", "\t": " ",
    "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2015": "—",
    "\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u201b": "'",
    "\u2044": "/", "\ufe0f": "", "\u20e3": "",
}  # fmt: skip


class _Translation(dict[int, str]):
    """For `str.translate`: what becomes of a character, decided once for each."""

    def __missing__(self, code: int) -> str:
        self[code] = _plain(chr(code))
        return self[code]


def _plain(character: str) -> str:
    if character in _REPLACED:
        return _REPLACED[character]
    if character in _SPOKEN_SYMBOLS or is_carried(character):
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Zs":
        return " "
    if category == "So" or character in _SKIN_TONES:
        return " "
    if category in _REMOVED or character in _VARIATION_SELECTORS:
        return ""
    if any(first <= ord(character) <= last for first, last in _COMPATIBILITY):
        return unicodedata.normalize("NFKC", character)
    return character


_TRANSLATION = _Translation()
# Zalgo text: more marks on one letter than any script has.
_MARKS = re.compile(r"([\u0300-\u036f]{2})[\u0300-\u036f]+")

_HIDDEN = re.compile(r"<(script|style|!--)", re.IGNORECASE)
_HIDDEN_END = {"script": "</script", "style": "</style", "!--": "-->"}
_BLOCK_TAG = re.compile(
    r"</?(?:p|div|br|li|ul|ol|h[1-6]|tr|table|blockquote|section|article|hr)\b[^<>]{0,999}>",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9:-]{0,30}(?:\s[^<>]{0,999})?/?>|<![^<>]{0,999}>")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*?)[\s#]*$")
_BULLET = re.compile(r"^\s*[-*+•‣▪]\s+(?=\S)(?:\[[ xX]\]\s+)?")
_QUOTE = re.compile(r"^(?:\s{0,3}>\s?){1,9}")
_RULE = re.compile(r"^\s*(?:[-*_=~]\s*){3,}$")
_FENCE = re.compile(r"^\s*(?:```|~~~)[\w+-]*\s*$")
_TABLE_RULE = re.compile(r"^[\s|:+-]*-[\s|:+-]*$")
_INLINE = (
    (
        re.compile(r"!?\[([^\[\]]{0,500})\]\(\s{0,5}[^()\s]{0,2000}(?:\s+\"[^\"]{0,200}\")?\)"),
        r"\1",
    ),
    (re.compile(r"!?\[([^\[\]]{1,500})\]\[[^\[\]]{0,100}\]"), r"\1"),
    (re.compile(r"\[\^[\w-]{1,30}\]:?"), ""),
    (re.compile(r"`{1,3}([^`]{1,500})`{1,3}"), r"\1"),
    (re.compile(r"\*{1,3}(?=\S)([^*]{1,1000})(?<=\S)\*{1,3}"), r"\1"),
    (re.compile(r"(?<!\w)_{1,3}(?=\S)([^_]{1,1000})(?<=\S)_{1,3}(?!\w)"), r"\1"),
    (re.compile(r"~~([^~]{1,1000})~~"), r"\1"),
)
_SPACES = re.compile(r"\s+")


def plain_lines(blocks: Iterable[str]) -> Iterator[str]:
    """Lines of plain text; an empty one stands for the end of a paragraph.

    Phonemes in `[[ ]]` come out as `given.carried` makes them.

    Args:
        blocks: The text in pieces of any size, line breaks included.
    """
    hidden = ""
    for raw in _lines(blocks):
        visible, hidden = _without_hidden(carried(raw), hidden)
        for line in _BLOCK_TAG.sub("\n\n", visible).split("\n"):
            yield from _plain_line(line)


def plain_text(text: str) -> str:
    """Text on one line without what is not spoken; for a single sentence."""
    return restored(" ".join(line for line in plain_lines([text]) if line))


def _lines(blocks: Iterable[str]) -> Iterator[str]:
    """Lines of at most `LONGEST_LINE` characters; a longer one is cut at a blank if it has one."""
    rest = ""
    for block in blocks:
        text = rest + block
        # A carriage return at the end may be half of a line break.
        text, half = (text[:-1], "\r") if text.endswith("\r") else (text, "")
        *complete, rest = _LINE_BREAKS.split(text)
        rest += half
        for line in complete:
            yield from _cut(line)
        while len(rest) > LONGEST_LINE + 1:
            first, rest = _cut_once(rest)
            yield first
    yield from _cut(rest.rstrip("\r"))


def _cut(line: str) -> Iterator[str]:
    start = 0
    while len(line) - start > LONGEST_LINE:
        first, _ = _cut_once(line[start : start + LONGEST_LINE + 1])
        yield first
        start += len(first)
    yield line[start:]


def _cut_once(line: str) -> tuple[str, str]:
    at = line.rfind(" ", LONGEST_LINE // 2, LONGEST_LINE) + 1 or LONGEST_LINE
    opened = line.rfind("[[", LONGEST_LINE // 2, at)
    if opened > line.rfind("]]", 0, at):
        at = opened
    return line[:at], line[at:]


def _without_hidden(line: str, hidden: str) -> tuple[str, str]:
    """Drops scripts, styles and comments, which may go on over many lines."""
    kept: list[str] = []
    while line:
        if hidden:
            at = line.lower().find(_HIDDEN_END[hidden])
            if at < 0:
                return "".join(kept), hidden
            line = line[at + len(_HIDDEN_END[hidden]) :].removeprefix(">")
            hidden = ""
        elif found := _HIDDEN.search(line):
            kept.append(line[: found.start()])
            hidden, line = found[1].lower(), line[found.end() :]
        else:
            kept.append(line)
            break
    return "".join(kept), hidden


def _plain_line(line: str) -> Iterator[str]:
    if (
        not line
        or _RULE.match(line)
        or _FENCE.match(line)
        or ("|" in line and _TABLE_RULE.match(line))
    ):
        yield ""
        return
    line = _QUOTE.sub("", line)
    if heading := _HEADING.match(line):
        yield from ("", _characters(_inline(heading[1])), "")
        return
    without_bullet = _BULLET.sub("", line)
    if without_bullet != line:
        yield ""  # what came before is a sentence of its own
    if line.lstrip().startswith("|"):
        without_bullet = line.strip().strip("|").replace("|", ", ")
        yield ""
    yield _characters(_inline(without_bullet))


def _inline(line: str) -> str:
    line = html.unescape(_TAG.sub("", line)) if "<" in line or "&" in line else line
    for pattern, replacement in _INLINE:
        line = pattern.sub(replacement, line)
    return line


def _characters(line: str) -> str:
    line = unicodedata.normalize("NFC", line.translate(_TRANSLATION))
    return _SPACES.sub(" ", _MARKS.sub(r"\1", line)).strip()
