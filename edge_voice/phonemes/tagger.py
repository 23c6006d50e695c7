"""Parts of speech of English words, for those that are said in two ways.

An averaged perceptron (Collins, EMNLP 2002): sums of weights over features of a word and its
neighbours. Features are spelled as the trained weights have them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_START = ("-START2-", "-START-")
_END = ("-END-", "-END2-")
_UNSEEN = "NN"


@dataclass(frozen=True, slots=True)
class Tagger:
    """Penn Treebank tags.

    Attributes:
        tags: All tags.
        certain: Words that have one tag whatever stands around them.
        vocabulary: Words that features name; others are named by their shape.
        weights: Feature → tag → weight.
    """

    tags: tuple[str, ...]
    certain: Mapping[str, str]
    vocabulary: frozenset[str]
    weights: Mapping[str, Mapping[str, float]]

    def __call__(self, words: Sequence[str]) -> list[str]:
        """One tag for each word or mark of a sentence, in order."""
        context = [*_START, *map(self._named, words), *_END]
        found: list[str] = []
        for index, word in enumerate(words):
            before = (*_START, *found)[-2:]
            tag = self.certain.get(word)
            found.append(tag or self._best(_features(index, word, context, before[1], before[0])))
        return found

    def _best(self, features: Sequence[str]) -> str:
        scores: dict[str, float] = {}
        for feature in features:
            for tag, weight in self.weights.get(feature, {}).items():
                scores[tag] = scores.get(tag, 0.0) + weight
        if not scores:
            return _UNSEEN
        return max(self.tags, key=lambda tag: (scores.get(tag, 0.0), tag))

    def _named(self, word: str) -> str:
        normal = _normal(word)
        return normal if normal in self.vocabulary else f"<{_shape(word)}>"


def _normal(word: str) -> str:
    if "-" in word and word[0] != "-":
        return "!HYPHEN"
    if word[0].isdigit():
        return "!YEAR" if word.isdigit() and len(word) == 4 else "!DIGITS"
    return word.lower()


def _shape(word: str) -> str:
    if word.isdigit():
        return "d"
    if not word.isalpha():
        return "".join("d" if c.isdigit() else "x" if c.isalpha() else c for c in word[:4])
    if word.islower():
        return "x"
    if word.isupper():
        return "XX" if len(word) > 1 else "X1"
    return "Xx" if word[0].isupper() and word[1:].islower() else "xX"


def _features(
    index: int, word: str, context: Sequence[str], previous: str, earlier: str
) -> tuple[str, ...]:
    before2, before, this, after, after2 = context[index : index + 5]
    return (
        "b",
        f"s3={word[-3:]}",
        f"p1={word[0]}",
        f"w={this}",
        f"sh={_shape(word)}",
        "i+" if index else "i0",
        f"t-1={previous}",
        f"t-2={earlier}",
        f"t-12={previous},{earlier}",
        f"w-1={before}",
        f"s3-1={before[-3:]}",
        f"w-2={before2}",
        f"w+1={after}",
        f"s3+1={after[-3:]}",
        f"w+2={after2}",
    )
