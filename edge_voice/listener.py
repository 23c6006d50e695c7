"""From the samples of chunks to what was heard in them, for models without times in their text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from edge_voice.alignment import token_starts
from edge_voice.decoding import Hypothesis, LoopGuard, decode
from edge_voice.decoding_options import DecodingOptions, SteppingDecoder
from edge_voice.sampling import Sampler
from edge_voice.seq2seq import Decoder, Encoded
from edge_voice.session import Session

Array = np.ndarray[Any, np.dtype[Any]]


class PromptedDecoder(SteppingDecoder, Protocol):
    """A decoder that takes a prompt at once."""

    def prefill(self, tokens: Array, wanted: Array) -> Array:
        """(rows, n) tokens and (k,) places among n → (rows, k, vocabulary) logits."""


Encode = Callable[[Sequence[Array]], Encoded]
"""Encodes the samples of clips."""
NewDecoder = Callable[[Encoded, int, int], PromptedDecoder]
"""Makes a decoder of what was encoded, for a number of rows and a capacity in tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerLimits:
    """Numbers of one model.

    Attributes:
        sample_rate: Samples per second.
        seconds_per_position: Audio that one position of the encoder stands for.
        text_positions: Most tokens, prompt included.
        end_of_text: Token that ends a transcript.
        tokens_per_second: Nobody speaks faster. A loop that the guard does not see ends here.
        tokens_at_least: So many are allowed to the shortest clip, and more to longer ones.
    """

    sample_rate: int
    seconds_per_position: float
    text_positions: int
    end_of_text: int
    tokens_per_second: float
    tokens_at_least: int

    def most_tokens(self, samples: int) -> int:
        """Most tokens of a clip."""
        return self.tokens_at_least + int(samples / self.sample_rate * self.tokens_per_second)


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard in a chunk.

    Attributes:
        tokens: Without prompt and end token.
        logprobs: Natural-log probability of each.
        avg_logprob: Their mean, the end token counted.
        looped: A loop was cut.
        starts: Second of the chunk at which each token starts, and the end of the last one; empty
            unless asked for.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    avg_logprob: float
    looped: bool
    starts: tuple[float, ...] = ()


class Listener:
    """Encodes chunks one after another and decodes them side by side.

    Attributes:
        new_decoder: Makes a decoder of encoded clips.
    """

    def __init__(self, encode: Encode, new_decoder: NewDecoder, limits: ListenerLimits) -> None:
        self._encode = encode
        self.new_decoder = new_decoder
        self._limits = limits

    def listen(
        self,
        waveforms: Sequence[Array],
        prompt: Sequence[int],
        decoding: DecodingOptions,
        *,
        timed: Callable[[Sequence[int]], bool],
    ) -> list[Heard]:
        """Decodes chunks.

        A step reads all weights of the decoder, for one row as for many: several chunks together
        take little more time than one.

        Args:
            waveforms: (n,) float32 each, none longer than a clip may be.
            prompt: What stands before each transcript.
            decoding: How tokens are chosen.
            timed: Whether the times of a chunk's tokens are wanted, given these.
        """
        encoded = self._encode(waveforms)
        room = self._limits.text_positions - len(prompt)
        caps = [min(room, self._limits.most_tokens(len(waveform))) for waveform in waveforms]
        rows = decoding.rows() * encoded.batch
        decoder = self.new_decoder(encoded, rows, len(prompt) + max(caps))
        end = self._limits.end_of_text
        hypotheses = decoding.search(
            decoder,
            _prefill(decoder, prompt, rows),
            end_token=end,
            max_new_tokens=max(caps),
            row_rules=[(_TokenCap(cap, end),) for cap in caps for _ in range(decoding.rows())],
            guard=LoopGuard(),
        )
        return [
            self._heard(encoded, i, prompt, best, timed=timed(best.tokens))
            for i, best in enumerate(hypotheses)
        ]

    def greedy(self, waveform: Array, prompt: Sequence[int], max_new_tokens: int) -> list[int]:
        """Plain greedy ids, the prompt included: no guards; the end token too, if reached."""
        encoded = self._encode([waveform])
        count = min(max_new_tokens, self._limits.text_positions - len(prompt))
        decoder = self.new_decoder(encoded, 1, len(prompt) + count)
        [row] = decode(
            decoder.step,
            _prefill(decoder, prompt, 1),
            sampler=Sampler(),
            end_token=self._limits.end_of_text,
            max_new_tokens=count,
        )
        return [*prompt, *row.tokens, *([self._limits.end_of_text] if row.complete else [])]

    def _heard(
        self, encoded: Encoded, clip: int, prompt: Sequence[int], best: Hypothesis, *, timed: bool
    ) -> Heard:
        tokens = tuple(best.tokens)
        starts = self._starts(encoded.clip(clip), prompt, tokens) if timed else ()
        logprobs = tuple(best.logprobs[: len(tokens)])
        return Heard(tokens, logprobs, best.avg_logprob, best.looped, starts)

    def _starts(
        self, encoded: Encoded, prompt: Sequence[int], tokens: tuple[int, ...]
    ) -> tuple[float, ...]:
        """Second at which each token starts; none from a graph that hides where it looks."""
        whole = np.array([*prompt, *tokens], np.int64)
        decoder = self.new_decoder(encoded, 1, len(whole))
        if not isinstance(decoder, Decoder):
            return ()
        places = token_starts(decoder, whole, len(prompt) - 1, encoded.lengths[0], ())
        return tuple(float(place) * self._limits.seconds_per_position for place in places)


class _TokenCap:
    """Ends a row after a number of tokens."""

    def __init__(self, cap: int, end_token: int) -> None:
        self._cap = cap
        self._end_token = end_token

    def __call__(self, logits: Array, tokens: Sequence[int]) -> None:
        """See `LogitsRule`."""
        if len(tokens) >= self._cap:
            logits[:] = -np.inf
            logits[self._end_token] = 0


def biased_decoders(
    session: Session, text_positions: int
) -> Callable[[Encoded, int, int], Decoder]:
    """Decoders that a bias tells where a shorter clip ends."""

    def new_decoder(encoded: Encoded, rows: int, capacity: int) -> Decoder:
        return Decoder(
            session,
            encoded,
            text_positions=text_positions,
            rows=rows,
            capacity=capacity,
            extra={"encoder_attention_bias": encoded.attention_bias()},
        )

    return new_decoder


def _prefill(decoder: PromptedDecoder, prompt: Sequence[int], rows: int) -> Array:
    """(rows, vocabulary) logits behind the prompt."""
    tokens = np.tile(np.array(prompt, np.int64), (rows, 1))
    return decoder.prefill(tokens, np.array([len(prompt) - 1]))[:, -1]
