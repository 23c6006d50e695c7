"""What a transcription returns: plain frozen values, no numpy inside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it was spoken.

    Attributes:
        start: Seconds from the start of the audio, at least the end of the word before.
        end: Seconds from the start of the audio, at least `start`.
        text: The word with its punctuation, as it stands in the segment's text.
        probability: Mean probability in 0..1 of its tokens.
    """

    start: float
    end: float
    text: str
    probability: float = 1.0

    def moved(self, seconds: float) -> Word:
        """The same word, so much later; times are rounded to milliseconds."""
        start, end = round(self.start + seconds, 3), round(self.end + seconds, 3)
        return Word(start, end, self.text, self.probability)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech with its text.

    Attributes:
        start: Seconds from the start of the audio.
        end: Seconds from the start of the audio, at least `start`.
        text: The words, without leading or trailing blanks.
        tokens: The decoder's token ids for this stretch, timestamps included.
        avg_logprob: Mean natural-log probability of the tokens of the window it comes from.
        no_speech_prob: Probability in 0..1 that the window holds no speech.
        temperature: Sampling temperature that produced it; 0 is greedy or beam search.
        words: Its words, when they were asked for.
        token_logprobs: Natural-log probability of each of `tokens`, as the model gives it whatever
            phrases are favoured; empty where it is not known.
    """

    start: float
    end: float
    text: str
    tokens: tuple[int, ...] = ()
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0
    temperature: float = 0.0
    words: tuple[Word, ...] = ()
    token_logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """The whole of a recording.

    Attributes:
        text: All segments' text, joined by single blanks where the language has them.
        language: ISO 639 code that was used or detected; None when nothing was decoded.
        duration: Seconds of audio read.
        segments: In order of time.
    """

    text: str
    language: str | None
    duration: float
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is said between two pauses, while it is being said and afterwards.

    Attributes:
        index: Number of the phrase, from 0 on; all looks at one phrase have the same.
        start: Seconds from the start of the stream at which speech begins.
        end: Seconds from the start of the stream at which speech ends, as far as it was heard.
        stable: Words that will not change any more: the phrase begins with them, whatever follows.
        tail: What was heard behind them, with the blank before it; may change. Empty at the end.
        is_final: Whether the phrase is over: `stable` is all of it.
    """

    index: int
    start: float
    end: float
    stable: str
    tail: str
    is_final: bool

    @property
    def text(self) -> str:
        """The whole phrase as it was last heard."""
        return self.stable + self.tail
