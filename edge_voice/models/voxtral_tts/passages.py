"""What is spoken in one go: text → sentences → passages with a plausible length of speech."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edge_voice.errors import OptionError

# Sentences are joined to passages of about this many characters: a voice keeps its tone within
# one, very short inputs are erratic, and the cost of attention stays small.
_PASSAGE_CHARACTERS = 300
_LONGEST_SENTENCE = 500
# The first passage is one sentence, so that it is heard early, unless that is a mere word.
_SHORTEST_FIRST = 24

# Speech is about 18 characters a second at 12.5 frames, which is 0.7 frames a character. Ideal
# lengths differ between voices and languages, so only what is far off counts as a failure.
_FEWEST_FRAMES_PER_CHARACTER = 0.25
_MOST_FRAMES_PER_CHARACTER = 2.0
_GRACE_FRAMES = 25

_SCRIPTS = {"ar": "ARABIC", "hi": "DEVANAGARI"}  # other languages of the model write Latin
_SAMPLE_CHARACTERS = 20_000
_FULL_STOPS = {"hi": "।"}
_BLANK_LINE = re.compile(r"\n\s*\n")
_END = re.compile(r"(?<=[.!?…؟।])\s+|(?<=[.!?…؟।][\"'”’»)\]])\s+")
_TERMINAL = re.compile(r"[.!?…؟।。！？][\"'”’»)\]]*\Z")
_PAUSES = ",;:،؛–—"
_UNSPOKEN_CATEGORIES = ("C", "So", "Sk")
_JOINERS = "\u200c\u200d"  # they shape letters of Arabic and Devanagari


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text that is spoken in one go.

    Attributes:
        text: What the model is given.
        fewest_frames: Speech that ends before this has skipped something.
        most_frames: Speech that goes on behind this is babble.
    """

    text: str
    fewest_frames: int
    most_frames: int

    @classmethod
    def of(cls, text: str) -> Passage:
        """A passage with its limits."""
        count = len(text)
        return cls(
            text,
            fewest_frames=int(_FEWEST_FRAMES_PER_CHARACTER * count),
            most_frames=int(_GRACE_FRAMES + _MOST_FRAMES_PER_CHARACTER * count),
        )


def sentences(text: str, language: str) -> Iterator[str]:
    """Sentences that end in a mark, without characters that cannot be spoken.

    Args:
        text: A text of any length.
        language: ISO 639 code of the text; it decides on the full stop that is added.
    """
    for paragraph in _BLANK_LINE.split(text):
        words = " ".join("".join(map(_spoken, paragraph)).split())
        for sentence in _END.split(words):
            for piece in _pieces(sentence.strip()):
                if any(map(str.isalnum, piece)):
                    ended = _TERMINAL.search(piece)
                    yield piece if ended else piece + _FULL_STOPS.get(language, ".")


def passages(spoken: Iterable[str]) -> Iterator[Passage]:
    """Joins sentences to what is spoken in one go."""
    waiting, first = "", True
    for sentence in spoken:
        full = len(waiting) + len(sentence) >= _PASSAGE_CHARACTERS
        if waiting and (full or (first and len(waiting) >= _SHORTEST_FIRST)):
            yield Passage.of(waiting)
            waiting, first = "", False
        waiting = f"{waiting} {sentence}" if waiting else sentence
    if waiting:
        yield Passage.of(waiting)


def check_script(text: str, languages: Iterable[str]) -> None:
    """Refuses a text that is mostly written in letters that no voice was trained on.

    Raises:
        OptionError: Names the script and what is allowed.
    """
    allowed = {_SCRIPTS.get(language, "LATIN") for language in languages}
    letters = [c for c in text[:_SAMPLE_CHARACTERS] if c.isalpha()]
    foreign = [c for c in letters if unicodedata.name(c, "unknown").split()[0] not in allowed]
    if len(foreign) * 2 > len(letters):
        script = unicodedata.name(foreign[0], "unknown").split()[0].capitalize()
        known = ", ".join(sorted(name.capitalize() for name in allowed))
        raise OptionError(
            f"text in {script} letters, which the model cannot speak (known: {known})"
        )


def _pieces(sentence: str) -> Iterator[str]:
    """Cuts a sentence that is too long for one go, at a pause if there is one."""
    while len(sentence) > _LONGEST_SENTENCE:
        head = sentence[:_LONGEST_SENTENCE]
        cut = max(head.rfind(mark) for mark in _PAUSES) + 1 or head.rfind(" ") + 1 or len(head)
        yield sentence[:cut].strip()
        sentence = sentence[cut:].strip()
    yield sentence


def _spoken(character: str) -> str:
    """The character, or a blank for controls, emoji, lone surrogates and the like."""
    kind = unicodedata.category(character)
    if character in _JOINERS or not kind.startswith(_UNSPOKEN_CATEGORIES):
        return character
    return "" if kind == "Cf" else " "
