"""From words to phonemes: stress, tags, lexicon, unknown words, sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from edge_voice.phonemes import stress
from edge_voice.phonemes.english import EnglishPhonemizer
from edge_voice.phonemes.lexicon import Context, Lexicon
from edge_voice.phonemes.tagger import Tagger
from edge_voice.phonemes.unknown import Alphabet, UnknownWords
from tests.hibari_files import GB_GOLD, GB_SILVER, GOLD, LETTERS, SILVER, TAGGER

LEXICON = Lexicon(GOLD, SILVER)
ALPHABET = Alphabet(tuple(LETTERS), tuple(LETTERS), 5)
BRITISH = Lexicon(GB_GOLD, GB_SILVER, british=True)
BEFORE_VOWEL, BEFORE_CONSONANT, AT_END = Context(True), Context(False), Context(None)


class FakeSession:
    """Answers with a row of ids; remembers what it was asked."""

    def __init__(self, answer: Sequence[int] | None = None) -> None:
        self.answer = answer
        self.asked: list[list[int]] = []

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
        self.asked.append(feeds["chars"][0].tolist())
        row = self.asked[-1] if self.answer is None else self.answer
        return {"ids": np.array([row], np.int64)}


def unknown(answer: Sequence[int] | None = None) -> UnknownWords:
    return UnknownWords(FakeSession(answer), ALPHABET)  # type: ignore[arg-type]


def tags_of(words: Sequence[str]) -> list[str]:
    known = {"the": "DT", "a": "DT", "to": "TO", "read": "VBD", "used": "VBD", "i": "PRP"}
    return [known.get(word.lower(), "NN") for word in words]


PHONEMIZER = EnglishPhonemizer(LEXICON, tags_of, unknown())


@pytest.mark.parametrize(
    ("function", "before", "after"),
    [
        (stress.demoted, "ˌmɪsɪsˈɪpi", "mɪsɪsˌɪpi"),
        (stress.demoted, "mɪsˌɪ", "mɪsˌɪ"),
        (stress.with_secondary, "ðæt", "ðˌæt"),
        (stress.with_secondary, "ðˈæt", "ðˈæt"),
        (stress.with_primary, "ðˌæt", "ðˈæt"),
        (stress.with_primary, "ðæt", "ðˈæt"),
        (stress.with_primary, "ʃ", "ʃ"),
    ],
)
def test_stress(function: object, before: str, after: str) -> None:
    assert function(before) == after  # type: ignore[operator]


@pytest.mark.parametrize(
    ("word", "tag", "context", "phonemes"),
    [
        ("cat", "NN", AT_END, "kˈæt"),
        ("Cat", "NN", AT_END, "kˈæt"),
        ("CAT", "NN", AT_END, "kˈæt"),
        ("CAT", "NNP", AT_END, "kˈæt"),
        ("aaron", "NN", AT_END, "ˈɛɹən"),
        ("Aaron", "NNP", AT_END, "ˈɛɹən"),
        ("hello", "UH", AT_END, "həlˈO"),
        ("cats", "NNS", AT_END, "kˈæts"),
        ("cat's", "NN", AT_END, "kˈæts"),
        ("cats'", "NNS", AT_END, "kˈæts"),
        ("worlds", "NNS", AT_END, "wˈɜɹldz"),
        ("fixes", "VBZ", AT_END, "fˈɪksᵻz"),
        ("waited", "VBD", AT_END, "wˈAɾᵻd"),
        ("stopped", "VBD", AT_END, None),
        ("stopping", "VBG", AT_END, "stˈɑpɪŋ"),
        ("making", "VBG", AT_END, "mˈAkɪŋ"),
        ("waiting", "VBG", AT_END, "wˈAɾɪŋ"),
        ("read", "VB", AT_END, "ɹˈid"),
        ("read", "VBD", AT_END, "ɹˈɛd"),
        ("the", "DT", BEFORE_VOWEL, "ði"),
        ("the", "DT", BEFORE_CONSONANT, "ðə"),
        ("to", "TO", BEFORE_VOWEL, "tʊ"),
        ("to", "TO", BEFORE_CONSONANT, "tə"),
        ("to", "TO", AT_END, "tu"),
        ("a", "DT", BEFORE_CONSONANT, "ɐ"),
        ("A", "NN", BEFORE_CONSONANT, "ˈA"),
        ("an", "DT", BEFORE_VOWEL, "ɐn"),
        ("am", "VBP", BEFORE_CONSONANT, "ɐm"),
        ("am", "VBP", AT_END, "æm"),
        ("I", "PRP", BEFORE_CONSONANT, "ˌI"),
        ("in", "IN", BEFORE_CONSONANT, "ɪn"),
        ("in", "RP", AT_END, "ˈɪn"),
        ("used", "VBD", Context(False, to=True), "jˈust"),
        ("used", "VBD", Context(False), "jˈuzd"),
        ("NASA", "NNP", AT_END, "nˈæsə"),
        ("blorp", "NN", AT_END, None),
        ("café", "NN", AT_END, None),
    ],
)
def test_the_lexicon(word: str, tag: str, context: Context, phonemes: str | None) -> None:
    assert LEXICON(word, tag, context) == phonemes


@pytest.mark.parametrize(
    ("word", "phonemes"),
    [
        ("hello", "həlˈQ"),
        ("Aaron", "ˈɛːɹən"),
        ("hot", "hˈɒt"),
        ("fixes", "fˈɪksɪz"),
        ("waited", "wˈAtɪd"),
        ("loaded", "lˈQdɪd"),
        ("waiting", "wˈAtɪŋ"),
        ("starring", "stˈɑːɹɪŋ"),
        ("seeing", "sˈiːɪŋ"),
        ("drawing", "dɹˈɔːɪŋ"),
        ("AB", "ˌAbˈiː"),
    ],
)
def test_british_words(word: str, phonemes: str) -> None:
    assert BRITISH(word, "NN", AT_END) == phonemes


def test_spelling() -> None:
    assert LEXICON.spelled("ABC") == "ˌAbˌisˈi"
    assert LEXICON.spelled("AXC") is None
    assert LEXICON.spelled("") is None


def test_the_tagger() -> None:
    tagger = Tagger(
        ("DT", "NN", "VB", "VBD"),
        TAGGER["tagdict"],  # type: ignore[arg-type]
        frozenset(["the", "cat"]),
        TAGGER["weights"],  # type: ignore[arg-type]
    )
    assert tagger(["the", "paused", "paused", "x", ","]) == ["DT", "NN", "VBD", "NN", ","]
    assert tagger([]) == []


def test_unknown_words_collapse_repeats_and_drop_blanks() -> None:
    assert unknown([0, 1, 1, 0, 1, 2, 0])("x") == "aab"


def test_unknown_words_longer_than_the_network_reads() -> None:
    session = FakeSession()
    words = UnknownWords(session, ALPHABET)  # type: ignore[arg-type]
    assert words("abcdefgh") == "abcdefgh"
    assert [len(row) for row in session.asked] == [5, 3]
    assert words("字") == ""


@pytest.mark.parametrize(
    ("sentence", "phonemes"),
    [
        ("Hello world.", "həlˈO wˈɜɹld."),
        ("The apple, the cat.", "ði ˈæpᵊl, ðə kˈæt."),
        ("Don't!", "dˈOnt!"),
        ('"Hello," the cat.', "“həlˈO,” ðə kˈæt."),
        ("A well-known cat.", "ɐ wˌɛlnˈOn kˈæt."),
        ("A B C.", "ˌAbˌisˈi."),
        ("one blorp two", "wˈʌn blorp tˈu"),
        ("I used to wait.", "ˌI jˈust tə wˈAt."),
        ("waiting", "wˈATɪŋ"),
        ("cat — world…", "kˈæt — wˈɜɹld…"),
        ("(cat)", "(kˈæt)"),
        ("Hello § world", "həlˈO wˈɜɹld"),
        ("catWorld", "kˌætwˈɜɹld"),
        ("cát", "kˈæt"),
        ("[[kˈæt]]", "kˈæt"),
        ("The [[ˈæpᵊl]], hello.", "ði ˈæpᵊl, həlˈO."),
        ("A [[kˈæt]]'s cat, [[fˈɪks]]'s cat.", "ɐ kˈæts kˈæt, fˈɪksᵻz kˈæt."),
        ("Hello[[kˈæt. wˈɜɹld]]cat!", "həlˈOkˈæt. wˈɜɹldkˈæt!"),
        ("字字", ""),
        ("...", ""),
        ("", ""),
    ],
)
def test_sentences(sentence: str, phonemes: str) -> None:
    assert PHONEMIZER(sentence) == phonemes
