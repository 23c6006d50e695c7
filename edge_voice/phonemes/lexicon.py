"""English words and their phonemes: as they stand in the lexicon, inflected, or spelled.

The rules are those of misaki 0.9.4 (Apache-2.0) for American and British English: the voices were
trained on what it writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from edge_voice.phonemes.stress import PRIMARY, SECONDARY, demoted, with_primary, with_secondary

Entry = str | Mapping[str, str | None]

_WORD_FAMILIES = {"VB": "VERB", "NN": "NOUN", "RB": "ADV", "JJ": "ADJ"}
# What a t between vowels becomes a tap after.
_BEFORE_TAP = frozenset("AIOWYiuæɑəɛɪɹʊʌ")
_DOUBLED = re.compile(r"([bcdgklmnprstvxz])\1ing$|cking$")


@dataclass(frozen=True, slots=True)
class Context:
    """What comes after a word.

    Attributes:
        vowel: Whether the next sound is a vowel; None at a mark or at the end.
        to: Whether the next word is `to`.
    """

    vowel: bool | None = None
    to: bool = False


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Two lists of words; the second is asked only for what the first lacks.

    Attributes:
        gold: Checked by hand; an entry may be a table by part of speech.
        silver: Made by a program.
        british: Whether both are British; endings sound different then.
    """

    gold: Mapping[str, Entry]
    silver: Mapping[str, Entry]
    british: bool = False

    def __call__(self, word: str, tag: str, context: Context) -> str | None:
        """Phonemes of a word, None if nothing here tells them.

        Args:
            word: Letters and apostrophes.
            tag: Its part of speech, a Penn Treebank tag.
            context: What follows; `the` and `to` depend on it.
        """
        if special := self._special(word, tag, context):
            return special
        phonemes = self._found(self._in_lower_case(word, tag, context), tag, context)
        if phonemes is None or word == word.lower():
            return phonemes
        return with_primary(phonemes) if word.isupper() else with_secondary(phonemes)

    def spelled(self, letters: str) -> str | None:
        """Names of letters, the last one stressed; None if one has no name."""
        names = [self._gold(letter.upper()) for letter in letters if letter.isalpha()]
        if not names or not all(isinstance(name, str) for name in names):
            return None
        joined = demoted("".join(map(str, names)))
        return PRIMARY.join(joined.rsplit(SECONDARY, 1))

    def _special(self, word: str, tag: str, context: Context) -> str | None:
        """Words whose sound depends on what stands around them."""
        lower = word.lower()
        if word in ("a", "A"):
            return "ɐ" if tag == "DT" else "ˈA"
        if lower == "an" and not (word == "AN" and tag.startswith("NN")):
            return "ɐn"
        if word == "I" and tag == "PRP":
            return "ˌI"
        if lower == "am" and word != "AM":
            return self._default("am") if context.vowel is None or word != "am" else "ɐm"
        if lower == "by" and _family(tag) == "ADV":
            return "bˈI"
        if word in ("to", "To") or (word == "TO" and tag in ("TO", "IN")):
            return {None: self._default("to"), False: "tə", True: "tʊ"}[context.vowel]
        if word in ("in", "In") or (word == "IN" and tag != "NNP"):
            return "ˈɪn" if context.vowel is None or tag != "IN" else "ɪn"
        if word in ("the", "The") or (word == "THE" and tag == "DT"):
            return "ði" if context.vowel else "ðə"
        if lower == "used":
            return self._read(lower, "VBD" if tag in ("VBD", "JJ") and context.to else "", context)
        return None

    def _in_lower_case(self, word: str, tag: str, context: Context) -> str:
        """A word with capitals that are none of its own: first of a sentence, or shouted."""
        lower = word.lower()
        is_plain = word.replace("'", "").isalpha() and len(word) > 1
        is_cased = word.isupper() or word[1:] == word[1:].lower()
        if word == lower or not is_plain or not is_cased or (tag == "NNP" and len(word) <= 7):
            return word
        if word in self.gold or word in self.silver:
            return word
        return lower if self._found(lower, tag, context) else word

    def _found(self, word: str, tag: str, context: Context) -> str | None:
        if self._knows(word):
            return self._read(word, tag, context)
        if word.endswith("s'") and self._knows(word[:-2] + "'s"):
            return self._read(word[:-2] + "'s", tag, context)
        if word.endswith("'"):
            return self._found(word[:-1], tag, context)
        return (
            self._plural(word, tag, context)
            or self._past(word, tag, context)
            or self._participle(word, tag, context)
        )

    def _knows(self, word: str) -> bool:
        if self._gold(word) is not None or self._silver(word) is not None:
            return True
        if not (word.isascii() and word.isalpha()):
            return False
        return len(word) == 1 or word[1:].isupper()  # what is spelled

    def _read(self, word: str, tag: str, context: Context) -> str | None:
        is_name = False
        if word.isupper() and self._gold(word) is None:
            word, is_name = word.lower(), tag == "NNP"
        entry = self._gold(word)
        if entry is None and not is_name:
            entry = self._silver(word)
        phonemes = _chosen(entry, tag, context)
        if phonemes is None or (is_name and PRIMARY not in phonemes):
            return self.spelled(word) or phonemes
        return phonemes

    def _gold(self, word: str) -> Entry | None:
        return _either_case(self.gold, word)

    def _silver(self, word: str) -> Entry | None:
        return _either_case(self.silver, word)

    def _default(self, word: str) -> str | None:
        return _chosen(self._gold(word), "", Context(vowel=False))

    def _stem(self, stems: tuple[str, ...], tag: str, context: Context) -> str | None:
        known = next((stem for stem in stems if self._knows(stem)), None)
        return self._read(known, tag, context) if known else None

    def _plural(self, word: str, tag: str, context: Context) -> str | None:
        """Words in s, 's, es, ies."""
        if len(word) < 3 or not word.endswith("s"):
            return None
        is_long = len(word) > 4
        stems = (
            *([word[:-1]] if not word.endswith("ss") else []),
            *([word[:-2]] if word.endswith("'s") else []),
            *([word[:-2]] if is_long and word.endswith("es") and not word.endswith("ies") else []),
            *([f"{word[:-3]}y"] if is_long and word.endswith("ies") else []),
        )
        stem = self._stem(stems, tag, context)
        return self.with_s(stem) if stem else None

    def with_s(self, stem: str) -> str:
        """Phonemes of a word with the sound of `s` or `'s` behind them."""
        if stem[-1] in "ptkfθ":
            return f"{stem}s"
        return f"{stem}{self._weak}z" if stem[-1] in "szʃʒʧʤ" else f"{stem}z"

    @property
    def _weak(self) -> str:
        """The vowel of the endings -es and -ed."""
        return "ɪ" if self.british else "ᵻ"

    def _past(self, word: str, tag: str, context: Context) -> str | None:
        """Words in d, ed."""
        if len(word) < 4 or not word.endswith("d"):
            return None
        stems = (
            *([word[:-1]] if not word.endswith("dd") else []),
            *([word[:-2]] if word.endswith("ed") and not word.endswith("eed") else []),
        )
        stem = self._stem(stems, tag, context)
        if not stem:
            return None
        if stem[-1] in "pkfθʃsʧ":
            return f"{stem}t"
        if stem[-1] not in "dt":
            return f"{stem}d"
        if stem[-1] == "t" and len(stem) < 2:
            return f"{stem}ɪd"
        return f"{self._tapped(stem)}{self._weak}d"

    def _tapped(self, stem: str) -> str:
        """A last t between vowels is a tap, in American English."""
        is_tap = not self.british and len(stem) > 1 and stem[-1] == "t" and stem[-2] in _BEFORE_TAP
        return f"{stem[:-1]}ɾ" if is_tap else stem

    def _participle(self, word: str, tag: str, context: Context) -> str | None:
        """Words in ing, with or without a doubled consonant or a lost e."""
        if len(word) < 5 or not word.endswith("ing"):
            return None
        is_long = len(word) > 5
        stems = (
            *([word[:-3]] if is_long else []),
            f"{word[:-3]}e",
            *([word[:-4]] if is_long and _DOUBLED.search(word) else []),
        )
        stem = self._stem(stems, tag, context)
        if not stem:
            return None
        # misaki leaves British stems that end in a vowel to its fallback; a written r is heard
        # again there: star, starring.
        is_linked = self.british and stem[-1] in "əː" and word.endswith("ring")
        return f"{self._tapped(with_secondary(stem))}{'ɹ' if is_linked else ''}ɪŋ"


def _chosen(entry: Entry | None, tag: str, context: Context) -> str | None:
    """One of an entry's forms: by what follows, by tag, by family of tags, or the usual one."""
    if entry is None or isinstance(entry, str):
        return entry
    if context.vowel is None and "None" in entry:
        return entry["None"]
    key = tag if tag in entry else _family(tag)
    return entry[key] if key in entry else entry["DEFAULT"]


def _family(tag: str) -> str:
    return _WORD_FAMILIES.get(tag[:2], tag)


def _either_case(words: Mapping[str, Entry], word: str) -> Entry | None:
    """A word also answers to its capital, and a capital to its lower case, if that has no entry."""
    entry = words.get(word)
    if entry is not None or len(word) < 2:
        return entry
    lower = word.lower()
    if word == lower:
        return words.get(word.capitalize())
    return words.get(lower) if word == lower.capitalize() else None
