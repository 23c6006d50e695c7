"""What a transcription returns: plain frozen values, no numpy inside."""

from __future__ import annotations

from dataclasses import dataclass


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
    token_logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """The whole of a recording.

    Attributes:
        text: All segments' text, joined by single blanks.
        language: ISO 639 code that was used or detected; None when nothing was decoded.
        duration: Seconds of audio read.
        segments: In order of time.
    """

    text: str
    language: str | None
    duration: float
    segments: tuple[Segment, ...]
