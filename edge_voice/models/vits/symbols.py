"""From a sentence in words to the ids that a VITS graph reads."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from edge_voice.errors import OptionError
from edge_voice.models.vits.config import VitsConfig
from edge_voice.phonemes.espeak import open_espeak

# MMS's Romanian vocabulary has cedillas where people write commas below.
_ALIKE = {"ț": "ţ", "ș": "ş", "ţ": "ț", "ş": "ș"}


class SymbolReader:
    """Reads letters, or what espeak-ng makes of them.

    Attributes:
        phonemize: Sentence in words → phonemes; None if the voice reads letters.
    """

    def __init__(self, config: VitsConfig) -> None:
        self._config = config
        self.phonemize: Callable[[str], str] | None = None
        if config.espeak_voice:
            self.phonemize = open_espeak(config.espeak_voice, plain=True)

    def text(self, clause: str) -> str:
        """The symbols of a clause, as text; what the voice does not know is left out.

        Raises:
            OptionError: The voice reads Roman letters and the text has others, or espeak-ng is
                needed and not there.
        """
        config = self._config
        if config.romanized:
            _check_roman(clause)
        said = self.phonemize(clause) if self.phonemize else clause
        if config.decomposed:
            said = unicodedata.normalize("NFD", said)
        symbols = (self._symbol(character) for character in said)
        return "".join(symbol for symbol in symbols if symbol).strip()

    def ids(self, symbols: str) -> list[int]:
        """Ids of symbols, with those that stand around and between them."""
        config = self._config
        blank = [] if config.blank is None else [config.blank]
        inside = [i for symbol in symbols for i in (config.symbols[symbol], *blank)]
        start = [] if config.start is None else [config.start]
        end = [] if config.end is None else [config.end]
        return [*start, *blank, *inside, *end]

    def _symbol(self, character: str) -> str:
        table = self._config.symbols
        forms = [character, _ALIKE.get(character, "")]
        if self._config.lower_case:
            lower = character.lower()
            forms += [lower, _ALIKE.get(lower, "")]
        return next((form for form in forms if form in table and len(form) == 1), "")


def _check_roman(text: str) -> None:
    """Raises OptionError if there are letters of another script."""
    for character in text:
        if character.isalpha() and "LATIN" not in unicodedata.name(character, ""):
            raise OptionError(
                f"{character!r} is no Roman letter: this voice reads romanised text"
                " (allowed: Roman letters, as the program uroman writes them)"
            )
