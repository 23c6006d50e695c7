"""Stress marks in the phoneme alphabet of Kokoro-82M.

One character is one phoneme; capitals are diphthongs (`A` as in day, `I` as in my). A mark stands
directly in front of its vowel. The rules here and in `lexicon.py` are those of misaki 0.9.4
(Apache-2.0), with which the voices' training text was written.
"""

from __future__ import annotations

PRIMARY, SECONDARY = "ˈ", "ˌ"
VOWELS = frozenset("AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻ")
CONSONANTS = frozenset("bdfhjklmnpstvwzðŋɡɹɾʃʒʤʧθ")
_LONG = frozenset("AIOQWYʤʧ")


def is_stressed(phonemes: str) -> bool:
    """Whether there is a mark of either kind."""
    return PRIMARY in phonemes or SECONDARY in phonemes


def demoted(phonemes: str) -> str:
    """Primary stress becomes secondary, secondary goes; a word without primary stays."""
    if PRIMARY not in phonemes:
        return phonemes
    return phonemes.replace(SECONDARY, "").replace(PRIMARY, SECONDARY)


def with_secondary(phonemes: str) -> str:
    """A word without any stress gets a secondary one on its first vowel."""
    return phonemes if is_stressed(phonemes) else _marked(phonemes, SECONDARY)


def with_primary(phonemes: str) -> str:
    """A word without primary stress gets one: where the secondary was, else on the first vowel."""
    if PRIMARY in phonemes:
        return phonemes
    if SECONDARY in phonemes:
        return phonemes.replace(SECONDARY, PRIMARY)
    return _marked(phonemes, PRIMARY)


def weight(phonemes: str) -> int:
    """How long a part of a compound sounds."""
    return sum(2 if phoneme in _LONG else 1 for phoneme in phonemes)


def _marked(phonemes: str, mark: str) -> str:
    at = next((i for i, phoneme in enumerate(phonemes) if phoneme in VOWELS), None)
    return phonemes if at is None else phonemes[:at] + mark + phonemes[at:]
