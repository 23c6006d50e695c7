"""Words out of tokens: which tokens spell a word, and when the word was spoken."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_voice.results import Word

Span = tuple[float, float]
"""Start and end in seconds."""

# Scripts that put no blanks between words: a word is what one token says, at least a character.
_UNSPACED = (
    (0x0E00, 0x0EFF), (0x0F00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF),  # Thai, Lao, Tibetan,
    (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F),                                      # Burmese, Khmer
    (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3040, 0x30FF), (0x31F0, 0x31FF),  # Chinese, Japanese
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F),
    (0x20000, 0x323AF),
)  # fmt: skip
_OPENING = frozenset("¿¡")
_EITHER_SIDE = frozenset("\"'-–—")
_SENTENCE_ENDS = frozenset(".。!！?？…")
_ENDS = (".", "?", "!", "…", "。", "！", "？", "؟", "।")
CLOSING = "\"'”’»)]」』"
"""What may stand between the end of a sentence and the blank behind it."""
# Where nobody writes full stops, a pause like this one ends a sentence too.
_SENTENCE_PAUSE_SECONDS = 1.0
# Shorter silences may be the closure of a plosive inside a word.
_PAUSE_SECONDS = 0.2
_REACH_SECONDS = 0.5
# openai-whisper 20250625, `timing.py`: no word beside a pause lasts longer than twice the median,
# and for that no median counts that is longer than this.
_LONGEST_MEDIAN_SECONDS = 0.7


@dataclass(frozen=True, slots=True)
class Spelling:
    """Which tokens spell a word.

    Attributes:
        text: The word with its punctuation, without blanks around it.
        first: First token, that of punctuation included.
        last: Token behind the last one.
        start: First token of the word proper.
        stop: Token behind the word proper: punctuation takes a pause, not the word.
    """

    text: str
    first: int
    last: int
    start: int
    stop: int

    def joined(self, following: Spelling, blank: str) -> Spelling:
        """Both as one word; times are those of the parts that are not punctuation alone."""
        parts = [part for part in (self, following) if not is_punctuation(part.text)]
        parts = parts or [self, following]
        text = self.text + blank + following.text
        return Spelling(text, self.first, following.last, parts[0].start, parts[-1].stop)


def spell(pieces: Sequence[bytes]) -> list[Spelling]:
    """Splits tokens into words: at blanks, and between characters of scripts without blanks.

    Punctuation joins its word: opening marks the one behind, all others the one before.

    Args:
        pieces: Bytes of each token, UTF-8 when put together. Characters may be spread over
            several tokens; what is no UTF-8 becomes U+FFFD.
    """
    words: list[Spelling] = []
    opening: tuple[Spelling, str] | None = None
    for blank, word in _split(pieces):
        if opening:
            word = opening[0].joined(word, blank)
            blank, opening = opening[1], None
        alone = is_punctuation(word.text)
        if alone and (not words or _opens(blank, word.text)):
            opening = word, blank
        elif alone:
            words[-1] = words[-1].joined(word, blank)
        else:
            words.append(word)
    if opening:
        words[-1:] = [words[-1].joined(*opening)] if words else [opening[0]]
    return words


def is_punctuation(text: str) -> bool:
    """Whether no character of the text is spoken."""
    return all(unicodedata.category(c)[0] in "PZC" for c in text)


def _opens(blank: str, text: str) -> bool:
    """Whether the text is punctuation that belongs to the word behind it."""
    return all(
        unicodedata.category(c) in ("Ps", "Pi") or c in _OPENING or (blank and c in _EITHER_SIDE)
        for c in text
    )


def _split(pieces: Sequence[bytes]) -> Iterator[tuple[str, Spelling]]:
    """Blank before a word, and the word; punctuation without a blank is part of it already."""
    units = list(_units(pieces))
    begin = 0
    for i in range(1, len(units) + 1):
        if i < len(units) and not _is_border(units[i - 1][0], units[i][0]):
            continue
        said = "".join(text for text, _, _ in units[begin:i])
        if text := said.strip():
            yield said[: len(said) - len(said.lstrip())], _spelling(text, units[begin:i])
        begin = i


def _spelling(text: str, units: list[tuple[str, int, int]]) -> Spelling:
    spoken = [unit for unit in units if not is_punctuation(unit[0])] or units
    return Spelling(text, units[0][1], units[-1][2], spoken[0][1], spoken[-1][2])


def _units(pieces: Sequence[bytes]) -> Iterator[tuple[str, int, int]]:
    """Shortest runs of tokens that are whole characters: text, first token, token behind."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text, first = "", 0
    for i, piece in enumerate(pieces):
        text += decoder.decode(piece, final=i == len(pieces) - 1)
        if text and not decoder.getstate()[0]:
            yield text, first, i + 1
            text, first = "", i + 1


def _is_border(before: str, after: str) -> bool:
    """Whether a word may end between two runs of characters."""
    if before[-1].isspace() or after[0].isspace():
        return True
    unspaced = is_unspaced(before[-1]) or is_unspaced(after[0])
    if is_punctuation(after):
        return unspaced and _opens("", after)
    if unicodedata.category(after[0])[0] == "M" or _opens("", before):
        return False
    return unspaced


def is_unspaced(character: str) -> bool:
    """Whether it belongs to a script that puts no blanks between words."""
    code = ord(character)
    return any(low <= code <= high for low, high in _UNSPACED)


def timed_words(
    spellings: Sequence[Spelling],
    starts: Sequence[float],
    probabilities: Sequence[float],
    speech: Sequence[Span] | None,
) -> list[Word]:
    """Gives words their times.

    Args:
        spellings: Words of a text, in order.
        starts: Second at which each token starts, and the end of the last one; in order.
        probabilities: Of each token, 0..1.
        speech: Where voice activity heard speech; None if nobody listened.

    Returns:
        Words in order that do not overlap. A word's probability is the mean of its tokens'.
    """
    spans = [(starts[word.start], starts[word.stop]) for word in spellings]
    spans = _shortened(spellings, spans) if speech is None else _in_speech(spans, speech)
    return [
        Word(
            start=start,
            end=end,
            text=word.text,
            probability=sum(probabilities[word.first : word.last]) / (word.last - word.first),
        )
        for word, (start, end) in zip(spellings, spans, strict=True)
    ]


def _in_speech(spans: Sequence[Span], speech: Sequence[Span]) -> list[Span]:
    """Fits words into the stretches between pauses.

    A word belongs to the stretch that it has most of its time in. There it ends where the next
    one starts; the first and the last one reach to the ends of the stretch, unless those are far.
    """
    stretches = _between_pauses(speech)
    places = [_place(span, stretches) for span in spans]
    found = list(spans)
    for i, (place, (start, end)) in enumerate(zip(places, spans, strict=True)):
        if place is None:
            continue
        low, high = stretches[place]
        if i and places[i - 1] == place:
            start = max(start, low)
        elif start - low < _REACH_SECONDS:
            start = low
        if i + 1 < len(spans) and places[i + 1] == place:
            end = min(max(end, low), high)
        elif high - end < _REACH_SECONDS:
            end = high
        found[i] = start, max(start, end)
    return found


def _between_pauses(speech: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in speech:
        if joined and start - joined[-1][1] < _PAUSE_SECONDS:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    return joined


def _place(span: Span, stretches: Sequence[Span]) -> int | None:
    """The stretch that a span has most of its time in; None if it has none in any."""
    shared = [min(span[1], end) - max(span[0], start) for start, end in stretches]
    best = max(range(len(shared)), key=shared.__getitem__, default=None)
    return best if best is not None and shared[best] > 0 else None


def _shortened(spellings: Sequence[Spelling], spans: list[Span]) -> list[Span]:
    """Cuts words beside a pause that last suspiciously long: they have swallowed the pause."""
    lengths = sorted(end - start for start, end in spans if end > start)
    if not lengths:
        return spans
    limit = 2 * min(lengths[len(lengths) // 2], _LONGEST_MEDIAN_SECONDS)
    found = list(spans)
    ends = [word.text[-1] in _SENTENCE_ENDS for word in spellings]
    for i, (start, end) in enumerate(spans):
        if end - start <= limit:
            continue
        if i == 0 or ends[i - 1]:
            found[i] = (end - limit, end)
        elif ends[i]:
            found[i] = (start, start + limit)
    return found


def sentence_spans(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """First word of each sentence, and the word behind its last."""
    first = 0
    for i, word in enumerate(words):
        following = words[i + 1] if i + 1 < len(words) else None
        if (
            following is None
            or ends_sentence(word.text)
            or following.start - word.end >= _SENTENCE_PAUSE_SECONDS
        ):
            yield first, i + 1
            first = i + 1


def ends_sentence(word: str) -> bool:
    """Whether a word with its punctuation is the last one of a sentence."""
    return word.rstrip(CLOSING).endswith(_ENDS)
