"""Which words of a phrase that is still being said will not change any more.

Every look at the growing phrase gives a hypothesis of the whole of it. Words that some looks in a
row agree on, counted from the beginning, are stable: LocalAgreement of Liu, Spanakis and Niehues,
"Low-Latency Sequence-to-Sequence Speech Recognition and Translation by Partial Hypothesis
Selection", 2020, which Macháček, Dabre and Bojar, "Turning Whisper into Real-Time Transcription
System", 2023, use with two looks. They trim the audio behind stable words; here each look hears
the whole phrase, so that the last one is as good as if nobody had looked before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from edge_voice.words import is_unspaced

# Whisper tiny.en (int8), a look every 0.5 s at 53 phrases of 959 words: heard whole they have 35
# wrong words. If what is stable counts: 46 with two looks, 41 with two looks and two words held
# back, 35 with three looks, 34 with three looks and two words, 32 with four looks and with four
# looks and one word, which also keeps most marks that a look puts behind its last word from
# becoming stable. 81 % of the words are then stable before their phrase is over. Moonshine tiny:
# 27 heard whole, 30 with four looks and one word, 79 % stable.
_LOOKS = 4
_HELD_BACK = 1


class Agreement:
    """Stable words, and the last hypotheses behind them.

    The texts that `finish` returned and the stable words, one behind the other, only grow: what
    was stable once is never taken back.
    """

    def __init__(self) -> None:
        self._stable: list[str] = []
        self._rests: list[list[str]] = []

    def update(self, text: str) -> tuple[str, str]:
        """Takes the next hypothesis of the phrase; returns its stable words, and the others."""
        words = split_words(text)
        self._rests = [*self._rests, words[closest_prefix(self._stable, words) :]][-_LOOKS:]
        agreed = 0
        if len(self._rests) == _LOOKS:
            sure = (rest[: max(0, len(rest) - _HELD_BACK)] for rest in self._rests)
            agreed = len(list(takewhile(_are_one, zip(*sure, strict=False))))
        self._stable += self._rests[-1][:agreed]
        self._rests = [rest[agreed:] for rest in self._rests]
        return _text(self._stable), "".join(self._rests[-1])

    def finish(self, text: str, *, goes_on: bool) -> str:
        """Ends the phrase.

        Args:
            text: The hypothesis of the whole phrase.
            goes_on: The phrase was cut although the speaker goes on. Stable words from behind the
                cut are then kept for the next phrase.

        Returns:
            The text of the phrase: its stable words, then what the hypothesis has behind them.
        """
        words = split_words(text)
        count = closest_prefix(words, self._stable) if goes_on else len(self._stable)
        stable, self._stable, self._rests = self._stable[:count], self._stable[count:], []
        return _text([*stable, *words[closest_prefix(stable, words) :]])


def split_words(text: str) -> list[str]:
    """Words with the blanks before them, that together are the text; without blanks, characters."""
    words: list[str] = []
    for blank, run in re.findall(r"(\s*)(\S+)", text.strip()):
        alone = [is_unspaced(character) for character in run]
        starts = [i for i in range(len(run)) if i == 0 or alone[i] or alone[i - 1]]
        found = [run[i:j] for i, j in zip(starts, [*starts[1:], len(run)], strict=True)]
        words += [blank + found[0], *found[1:]]
    return words


def closest_prefix(words: Sequence[str], others: Sequence[str]) -> int:
    """How many of the other words, from the first on, are most like all of the words.

    By edit distance, whatever their case and punctuation; the most of those that are equally near.
    """
    wanted, found = list(map(_bare, words)), list(map(_bare, others))
    row = list(range(len(found) + 1))
    for count, word in enumerate(wanted, start=1):
        above, row = row, [count]
        for column, other in enumerate(found):
            row.append(min(above[column] + (word != other), above[column + 1] + 1, row[column] + 1))
    return min(range(len(row)), key=lambda column: (row[column], -column))


def _are_one(words: Sequence[str]) -> bool:
    return len({word.strip() for word in words}) == 1


def _text(words: Sequence[str]) -> str:
    return "".join(words).strip()


def _bare(word: str) -> str:
    return "".join(filter(str.isalnum, word)).casefold() or word.strip()
