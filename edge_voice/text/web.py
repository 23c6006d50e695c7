"""Addresses: e-mail, web, and names of users and topics."""

from __future__ import annotations

import re

from edge_voice.text.language import Language, Rule

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})"
_TOP = (
    "com|org|net|edu|gov|io|dev|app|info|ai|eu|uk|us|de|fr|es|it|pt|br|nl|be|ch|at|ca|au|in|jp|tv"
)
_PATH = r"(?:[/?#][^\s<>\"'|]{0,1000})?"
_AT_END = ".,;:!?)]}'\""


def rules(language: Language) -> list[Rule]:
    """E-mail addresses, web addresses with or without scheme, @name and #topic."""
    words = language.words

    def mail(found: re.Match[str]) -> str:
        user, _, host = found[0].partition("@")
        return f"{_spell(user, language)} {words.at} {_spell(host, language)}"

    def address(found: re.Match[str]) -> str:
        text = found[0].rstrip(_AT_END)
        after = found[0][len(text) :]
        return _address(text, language) + after

    return [
        Rule(rf"(?<![\w.])[\w.+-]{{1,64}}@(?:{_LABEL}\.){{1,8}}[A-Za-z]{{2,24}}\b", mail),
        Rule(rf"\b(?:https?|ftp)://[^\s<>\"'|/]{{1,300}}{_PATH}", address, ignore_case=True),
        Rule(rf"\bwww\.(?:{_LABEL}\.){{1,8}}[A-Za-z]{{2,24}}{_PATH}", address, ignore_case=True),
        Rule(rf"(?<![\w.@/])(?:{_LABEL}\.){{1,8}}(?:{_TOP})\b(?![\w-]|\.\w){_PATH}", address),
        Rule(r"(?<!\w)@(?=[A-Za-z_])", lambda found: f"{words.at} "),
        Rule(r"(?<!\w)#(?=\d)", lambda found: f"{words.hash} "),
        Rule(r"(?<!\w)#(?=[^\W\d])", lambda found: ""),
    ]


def _address(text: str, language: Language) -> str:
    """Without scheme, query and what follows; a long path is left out."""
    without_scheme = re.sub(r"^[a-z]{3,5}://", "", text, flags=re.IGNORECASE)
    host_and_path = re.split(r"[?#]", without_scheme, maxsplit=1)[0].rstrip("/")
    host, *path = host_and_path.split("/")
    spoken = host_and_path if len(path) <= 3 and len(host_and_path) <= 80 else host
    return _spell(re.sub(r"(?i)^www\.", "w w w.", spoken), language)


def _spell(text: str, language: Language) -> str:
    words = language.words
    named = {".": words.dot, "/": words.slash, "-": words.dash, "_": words.underscore}
    named |= {"+": words.plus, ":": "", "~": "", "=": words.equals}
    parts = re.findall(r"[^\W\d_]+|\d+|\S", text)
    return " ".join(filter(None, (named.get(part, part) for part in parts)))
