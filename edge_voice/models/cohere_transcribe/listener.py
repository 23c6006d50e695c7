"""From the samples of chunks to what was heard in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_voice.alignment import token_starts
from edge_voice.decoding import Hypothesis, LoopGuard, decode
from edge_voice.decoding_options import DecodingOptions
from edge_voice.models.cohere_transcribe.config import (
    SAMPLE_RATE,
    SECONDS_PER_POSITION,
    CohereConfig,
)
from edge_voice.models.cohere_transcribe.frontend import FrontEnd
from edge_voice.sampling import Sampler
from edge_voice.seq2seq import Decoder, Encoded, Encoder
from edge_voice.session import Session

Array = np.ndarray[Any, np.dtype[Any]]

# Nobody speaks faster: quick English needs 4 tokens a second, text spelled byte by byte three for
# each letter. A loop that the guard does not see ends here.
_TOKENS_PER_SECOND = 16
_TOKENS_AT_LEAST = 32


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
    """Encodes chunks one after another and decodes them side by side."""

    def __init__(
        self, encoder: Encoder, decoder: Session, front_end: FrontEnd, config: CohereConfig
    ) -> None:
        self._encoder = encoder
        self._decoder = decoder
        self._front_end = front_end
        self._config = config

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
            waveforms: (n,) float32 at 16 kHz each, none longer than a clip may be.
            prompt: What stands before each transcript.
            decoding: How tokens are chosen.
            timed: Whether the times of a chunk's tokens are wanted, given these.
        """
        encoded = self._encoder([self._front_end(waveform) for waveform in waveforms])
        seconds = max(len(waveform) for waveform in waveforms) / SAMPLE_RATE
        room = self._config.text_positions - len(prompt)
        cap = min(room, _TOKENS_AT_LEAST + int(seconds * _TOKENS_PER_SECOND))
        rows = decoding.rows() * encoded.batch
        decoder = self._decoder_of(encoded, rows, len(prompt) + cap)
        hypotheses = decoding.search(
            decoder,
            _prefill(decoder, prompt, rows),
            end_token=self._config.end_of_text,
            max_new_tokens=cap,
            guard=LoopGuard(),
        )
        return [
            self._heard(encoded.clip(i), prompt, best, timed=timed(best.tokens))
            for i, best in enumerate(hypotheses)
        ]

    def greedy(self, waveform: Array, prompt: Sequence[int], max_new_tokens: int) -> list[int]:
        """Plain greedy ids, the prompt included: no guards; the end token too, if reached."""
        encoded = self._encoder([self._front_end(waveform)])
        count = min(max_new_tokens, self._config.text_positions - len(prompt))
        decoder = self._decoder_of(encoded, 1, len(prompt) + count)
        [row] = decode(
            decoder.step,
            _prefill(decoder, prompt, 1),
            sampler=Sampler(),
            end_token=self._config.end_of_text,
            max_new_tokens=count,
        )
        return [*prompt, *row.tokens, *([self._config.end_of_text] if row.complete else [])]

    def _heard(
        self, encoded: Encoded, prompt: Sequence[int], best: Hypothesis, *, timed: bool
    ) -> Heard:
        tokens = tuple(best.tokens)
        starts: tuple[float, ...] = ()
        if timed:
            whole = np.array([*prompt, *tokens], np.int64)
            decoder = self._decoder_of(encoded, 1, len(whole))
            places = token_starts(decoder, whole, len(prompt) - 1, encoded.lengths[0], ())
            starts = tuple(float(place) * SECONDS_PER_POSITION for place in places)
        logprobs = tuple(best.logprobs[: len(tokens)])
        return Heard(tokens, logprobs, best.avg_logprob, best.looped, starts)

    def _decoder_of(self, encoded: Encoded, rows: int, capacity: int) -> Decoder:
        return Decoder(
            self._decoder,
            encoded,
            text_positions=self._config.text_positions,
            rows=rows,
            capacity=capacity,
            extra={"encoder_attention_bias": encoded.attention_bias()},
        )


def _prefill(decoder: Decoder, prompt: Sequence[int], rows: int) -> Array:
    """(rows, vocabulary) logits behind the prompt."""
    tokens = np.tile(np.array(prompt, np.int64), (rows, 1))
    return decoder.prefill(tokens, np.array([len(prompt) - 1]))[:, -1]
