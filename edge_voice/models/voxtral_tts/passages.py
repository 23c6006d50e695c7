"""What is spoken in one go: sentences → passages with a plausible length of speech."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edge_voice.errors import OptionError
from edge_voice.text import clauses

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


def passages(spoken: Iterable[str]) -> Iterator[Passage]:
    """Joins sentences to what is spoken in one go, and cuts those that are too long for that."""
    waiting, first = "", True
    for sentence in (piece for each in spoken for piece in clauses(each, _LONGEST_SENTENCE)):
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
