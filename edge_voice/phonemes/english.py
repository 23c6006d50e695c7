"""English sentences to phonemes: tags, lexicon, unknown words, and the sounds between words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edge_voice.phonemes.lexicon import Context, Lexicon
from edge_voice.phonemes.marks import MARKS, PAUSES, directed_quotes
from edge_voice.phonemes.stress import CONSONANTS, PRIMARY, VOWELS, demoted, weight
from edge_voice.text.given import GIVEN

_TOKEN = re.compile(
    rf"(?P<given>{GIVEN}(?:'s(?!\w))?)"
    r"|(?P<letters>\b[A-Z](?:\s[A-Z])+s?\b)"  # an acronym, as the text front end spells it
    r"|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*'?(?:-[^\W\d_]+(?:'[^\W\d_]+)*)*)"
    r"|(?P<mark>[^\w\s])"
)
# What the tagger reads where the text has phonemes: any noun.
_STAND_IN = "thing"
_CLITIC = re.compile(r"(?i)(n't|'(?:s|m|re|ve|ll|d))$")
_HUMP = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])")
_SOUNDS = VOWELS | CONSONANTS
# Sounds that the lexicon writes and the voices' alphabet has other letters for.
_FINAL = str.maketrans({"ɾ": "T", "ʔ": "t"})


@dataclass(slots=True)
class _Token:
    """A word or mark: what it is called, the tagger's pieces of it, and its kind."""

    text: str
    kind: str
    spaced: bool
    pieces: tuple[str, ...]
    tags: tuple[str, ...] = ()
    phonemes: str = ""


class EnglishPhonemizer:
    """Text in words, as `edge_voice.text` gives it, to phonemes.

    A phoneme is one character; words are separated by blanks, marks are kept, and so are phonemes
    that the sentence has in `[[ ]]`.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        tagger: Callable[[Sequence[str]], list[str]],
        unknown: Callable[[str], str],
    ) -> None:
        """Takes the parts.

        Args:
            lexicon: Known words.
            tagger: From the words and marks of a sentence to their parts of speech.
            unknown: Reads a word that the lexicon does not know.
        """
        self._lexicon = lexicon
        self._tagger = tagger
        self._unknown = unknown

    def __call__(self, sentence: str) -> str:
        """Phonemes of one sentence; empty if nothing in it can be said."""
        tokens = list(_tokens(sentence))
        self._tag(tokens)
        context = Context()
        for token in reversed(tokens):  # a word's sound may depend on the next one's
            token.phonemes = self._say(token, context)
            context = _before(token, context)
        spaced = (token.phonemes + (" " if token.spaced else "") for token in tokens)
        text = " ".join(directed_quotes("".join(spaced)).split())
        return text if any(sound in _SOUNDS for sound in text) else ""

    def _tag(self, tokens: Sequence[_Token]) -> None:
        tags = iter(self._tagger([piece for token in tokens for piece in token.pieces]))
        for token in tokens:
            token.tags = tuple(next(tags) for _ in token.pieces)

    def _say(self, token: _Token, context: Context) -> str:
        if token.kind == "mark":
            return token.text if token.text in MARKS or token.text == '"' else ""
        if token.kind == "given":
            phonemes = token.text.removesuffix("'s")
            stem = phonemes[2:-2].strip()
            return self._lexicon.with_s(stem) if phonemes != token.text and stem else stem
        if token.kind == "letters":
            return self._letters(token.text)
        return self._word(token, context).translate(_FINAL)

    def _letters(self, text: str) -> str:
        plural = text.endswith("s")
        letters = text.replace(" ", "").removesuffix("s") if plural else text.replace(" ", "")
        return (self._lexicon.spelled(letters) or "") + ("z" if plural else "")

    def _word(self, token: _Token, context: Context) -> str:
        whole = self._known(token.text, _main_tag(token), context)
        if whole is not None:
            return whole
        parts = _HUMP.sub("-", token.text).split("-")
        if len(parts) == 1:
            return self._unknown(token.text)
        said: list[str] = []
        for part in reversed(parts):
            tag = next(
                (t for p, t in zip(token.pieces, token.tags, strict=True) if p == part), "NN"
            )
            found = self._known(part, tag, context) or self._unknown(part)
            context = _context_of(found, part, context)
            said.insert(0, found)
        return _compound(said, parts)

    def _known(self, word: str, tag: str, context: Context) -> str | None:
        found = self._lexicon(word, tag, context)
        if found is None and not word.isascii():
            plain = unicodedata.normalize("NFD", word).encode("ascii", "ignore").decode()
            found = self._lexicon(plain, tag, context) if plain else None
        return found


def _tokens(sentence: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(sentence):
        text, kind = found[0], found.lastgroup or "mark"
        spaced = found.end() < len(sentence) and sentence[found.end()].isspace()
        pieces = tuple(_pieces(text, kind))
        yield _Token(text, kind, spaced, pieces)


def _pieces(word: str, kind: str) -> Iterator[str]:
    """As the Penn Treebank divides words: do + n't, well + - + known."""
    if kind != "word":
        yield from (_STAND_IN,) if kind == "given" else word.split()
        return
    for index, part in enumerate(word.split("-")):
        if index:
            yield "-"
        clitic = _CLITIC.search(part)
        yield from (part[: clitic.start()], clitic[0]) if clitic and clitic.start() else (part,)


def _main_tag(token: _Token) -> str:
    """The tag of the longest piece."""
    return max(zip(token.pieces, token.tags, strict=True), key=lambda pair: len(pair[0]))[1]


def _before(token: _Token, context: Context) -> Context:
    return _context_of(token.phonemes, token.text, context)


def _context_of(phonemes: str, text: str, context: Context) -> Context:
    """What the word in front of this one sees."""
    known = (sound for sound in phonemes if sound in _SOUNDS | PAUSES)
    first = next(known, None)
    vowel = context.vowel if first is None else None if first in PAUSES else first in VOWELS
    return Context(vowel=vowel, to=text.lower() == "to")


def _compound(said: list[str], parts: Sequence[str]) -> str:
    """The parts as one word: most of them lose their primary stress, the lightest first."""
    if len(said) == 2 and len(parts[0]) == 1:
        return said[0] + demoted(said[1])
    stressed = sum(PRIMARY in part for part in said)
    if stressed > (len(said) + 1) // 2:
        order = sorted(range(len(said)), key=lambda i: (PRIMARY in said[i], weight(said[i]), i))
        for index in order[: len(said) // 2]:
            said[index] = demoted(said[index])
    return "".join(said)
