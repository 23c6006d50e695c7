"""From tokens to words and their times."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from edge_voice.words import Spelling, spell, timed_words


def tokens(text: str) -> list[bytes]:
    """`a|b` → two tokens; `<e3>` is a byte."""
    parts = []
    for part in text.split("|"):
        pieces = part.replace(">", "<").split("<")
        parts.append(
            b"".join(
                bytes.fromhex(piece) if number % 2 else piece.encode()
                for number, piece in enumerate(pieces)
            )
        )
    return parts


def texts(text: str) -> list[str]:
    return [word.text for word in spell(tokens(text))]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        # English: blanks, parts of words, punctuation of its own token
        (" And| so|,| my| fel|low| Amer|icans|.", ["And", "so,", "my", "fellow", "Americans."]),
        ("Don|'t| re|-|read| it|.", ["Don't", "re-read", "it."]),
        (" He| said|,| \"|Yes|!\"| (|lo|udly|)| -| yes", ["He", "said,", '"Yes!"', "(loudly)",
                                                         "- yes"]),
        (" 1|,|000| $|5| 20| %", ["1,000", "$5", "20 %"]),
        (" a|  b|\n|c", ["a", "b", "c"]),
        # French and Spanish set their marks with blanks, or before the sentence
        (" «| Quoi| ?| »| dit|-|il| :", ["« Quoi ? »", "dit-il :"]),
        (" ¿|Qué|?| ¡|No|!", ["¿Qué?", "¡No!"]),
        # Chinese, Japanese, Thai, Lao, Burmese: what a token says, but whole characters
        ("今|天|天气|很|好|。|你|呢|？", ["今", "天", "天气", "很", "好。", "你", "呢？"]),
        ("彼|は|「|はい|」|と|言|った|。", ["彼", "は", "「はい」", "と", "言", "った。"]),
        ("日|<e6 9c>|<ac>|語", ["日", "本", "語"]),
        ("<e6 97>|<a5 e6 9c>|<ac>|語", ["日本", "語"]),
        ("ก|า|ร|บ|้|า|น", ["ก", "า", "ร", "บ้", "า", "น"]),
        ("ສະ|ບາຍ|ດີ", ["ສະ", "ບາຍ", "ດີ"]),
        ("မြ|န်|မ|ာ", ["မြ", "န်", "မာ"]),
        # both kinds in one text, whatever the language
        ("我|用| Py|thon|写|US|B|驱动", ["我", "用", "Python", "写", "USB", "驱动"]),
        (" the| word| 日|本", ["the", "word", "日", "本"]),
        # Korean and Hindi have blanks; Hindi's signs are marks
        (" 안녕|하|세요| 여러|분", ["안녕하세요", "여러분"]),
        (" नम|स्|ते| दु|निया", ["नमस्ते", "दुनिया"]),
        # Russian, Arabic
        (" При|вет|,| мир|!", ["Привет,", "мир!"]),
        (" مر|حبا|،| كيف| حالك|؟", ["مرحبا،", "كيف", "حالك؟"]),
        # punctuation alone, at either end, and nothing
        (" ...", ["..."]),
        (" ...| and| (", ["... and ("]),
        (" («|a|»)", ["(«a»)"]),
        (" (| «|a", ["( «a"]),
        ("", []),
        (" | ", []),
        # no UTF-8: a character cut off in the middle, and a byte that opens none
        (" a|<e6 9c>", ["a\ufffd"]),
        (" a|<ff>|b| c", ["a\ufffdb", "c"]),
    ],
)  # fmt: skip
def test_words_of_a_text(said: str, words: list[str]) -> None:
    assert texts(said) == words


@pytest.mark.parametrize("seed", range(50))
def test_every_token_is_in_one_word_at_most_and_all_text_is_in_words(seed: int) -> None:
    """Whatever the tokens: also bytes that are no text."""
    random = np.random.default_rng(seed)
    alphabet = [*tokens(" a| b|c|'|,| (|)| -|日|本|。|「| «| »|<e6>|<97 a5>|<ff>|\n| |é|ส|ั"), b""]
    pieces = [alphabet[i] for i in random.integers(0, len(alphabet), random.integers(0, 30))]
    found = spell(pieces)
    for before, after in pairwise(found):
        assert before.last <= after.first
    for word in found:
        assert 0 <= word.first <= word.start < word.stop <= word.last <= len(pieces)
        assert word.text == word.text.strip() != ""
    said = b"".join(pieces).decode(errors="replace")
    assert "".join("".join(word.text for word in found).split()) == "".join(said.split())


def test_punctuation_does_not_stretch_its_word() -> None:
    (first, second) = spell(tokens(" «| Quoi|?| »| (|dit|-|il|)"))
    assert first == Spelling("« Quoi? »", first=0, last=4, start=1, stop=2)
    assert second == Spelling("(dit-il)", first=4, last=9, start=5, stop=8)


def spans(
    text: str, starts: list[float], speech: list[tuple[float, float]] | None = None
) -> list[tuple[float, float, str]]:
    pieces = tokens(text)
    found = timed_words(spell(pieces), starts, [1.0] * len(pieces), speech)
    return [(word.start, word.end, word.text) for word in found]


def test_words_last_from_their_first_token_to_the_next_one() -> None:
    found = timed_words(
        spell(tokens(" he|llo|,| you")), [0.5, 0.75, 1.0, 1.25, 1.5], [0.5, 0.75, 0.25, 1.0], None
    )
    assert [(word.start, word.end, word.text) for word in found] == [
        (0.5, 1.0, "hello,"), (1.25, 1.5, "you")
    ]  # fmt: skip
    assert [word.probability for word in found] == [0.5, 1.0]


@pytest.mark.parametrize(
    ("speech", "expected"),
    [
        ([(0.0, 4.0)], [(1.0, 2.0), (2.0, 3.0)]),
        # clipped to speech, or extended to where a stretch of it begins and ends
        ([(1.25, 2.75)], [(1.25, 2.0), (2.0, 2.75)]),
        ([(0.75, 3.25)], [(0.75, 2.0), (2.0, 3.25)]),
        # but not from far
        ([(0.25, 3.75)], [(1.0, 2.0), (2.0, 3.0)]),
        # a pause goes to neither word, wherever the attention put it
        ([(1.0, 1.5), (2.0, 3.0)], [(1.0, 1.5), (2.0, 3.0)]),
        ([(1.0, 1.75), (2.25, 3.0)], [(1.0, 1.75), (2.25, 3.0)]),
        ([(1.0, 2.0), (2.5, 3.0)], [(1.0, 2.0), (2.5, 3.0)]),
        # a word is where most of it is
        ([(1.0, 2.25), (2.625, 3.0)], [(1.0, 2.25), (2.625, 3.0)]),
        # a short silence is no pause
        ([(1.0, 2.25), (2.375, 3.0)], [(1.0, 2.0), (2.0, 3.0)]),
        # no speech there at all: nothing is known
        ([(5.0, 6.0)], [(1.0, 2.0), (2.0, 3.0)]),
        ([], [(1.0, 2.0), (2.0, 3.0)]),
    ],
)
def test_words_lie_in_speech(
    speech: list[tuple[float, float]], expected: list[tuple[float, float]]
) -> None:
    found = spans(" a| b", [1.0, 2.0, 3.0], speech)
    assert [(start, end) for start, end, _ in found] == expected


def test_a_word_that_has_swallowed_a_pause_is_cut_without_voice_activity_too() -> None:
    starts = [0.0, 2.0, 2.25, 2.5, 3.0, 5.0, 5.25, 5.5]
    found = spans(" a| b| c|.| d| e| f", starts)
    assert found[0] == (1.5, 2.0, "a")  # twice the median of 0.25 s
    assert found[2] == (2.25, 2.5, "c.")
    assert found[3] == (4.5, 5.0, "d")
    assert found[4] == (5.0, 5.25, "e")


def test_a_long_word_inside_a_sentence_is_left_alone() -> None:
    assert spans(" a| b| c", [0.0, 0.25, 2.0, 2.25])[1] == (0.25, 2.0, "b")


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("listens", [True, False])
def test_whatever_the_times_words_are_in_order_and_inside(seed: int, listens: bool) -> None:
    random = np.random.default_rng(seed)
    pieces = [tokens(" a|b|,|日| (|)|. ")[i] for i in random.integers(0, 7, random.integers(1, 25))]
    starts = np.sort(np.round(random.random(len(pieces) + 1) * 10, 2)).tolist()
    edges = np.sort(np.round(random.random(2 * random.integers(0, 5)) * 10, 2)).tolist()
    speech = list(zip(edges[::2], edges[1::2], strict=True)) if listens else None
    found = timed_words(spell(pieces), starts, [0.5] * len(pieces), speech)
    assert all(0 <= word.start <= word.end <= 10 for word in found)
    assert all(before.end <= after.start for before, after in pairwise(found))


def test_no_words() -> None:
    assert timed_words([], [0.0], [], None) == []
    assert timed_words([], [0.0], [], [(0.0, 1.0)]) == []
