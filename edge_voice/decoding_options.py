"""Options of decoding that all encoder-decoder models share, and the search that they ask for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from edge_voice.beam import beam_search
from edge_voice.decoding import Hypothesis, LogitsRule, LoopGuard, decode
from edge_voice.errors import OptionError
from edge_voice.hotwords import DEFAULT_BOOST, Hotwords, check_boost
from edge_voice.sampling import Sampler

if TYPE_CHECKING:
    from edge_voice.transcriber import TranscribeOptions

Array = np.ndarray[Any, np.dtype[Any]]

WIDEST_BEAM = 8
_BEST_OF = 5  # samples, as in openai-whisper 20250625
_HIGHEST_PENALTY = 2.0


class RowCache(Protocol):
    """What a decoder remembers of each row."""

    def reorder(self, source_rows: Array) -> None:
        """Row i becomes what row `source_rows[i]` was."""


class SteppingDecoder(Protocol):
    """What a search asks of a decoder; `seq2seq.Decoder` is one."""

    @property
    def cache(self) -> RowCache:
        """What it remembers."""

    def step(self, tokens: Array) -> Array:
        """Feeds one token per row; returns (rows, vocabulary) logits."""


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """How tokens are chosen; see `TranscribeOptions`.

    Attributes:
        beam_size: Hypotheses of a clip; 1 is greedy.
        length_penalty: Alpha of `beam_search`.
        hotwords: Favoured phrases.
    """

    beam_size: int = 1
    length_penalty: float | None = None
    hotwords: Hotwords | None = None

    def uses_beams(self, temperature: float = 0.0) -> bool:
        """Whether `search` is a beam search: never above a temperature of 0."""
        return temperature == 0 and self.beam_size > 1

    def rows(self, temperature: float = 0.0) -> int:
        """How many rows a clip takes."""
        return _BEST_OF if temperature > 0 else self.beam_size

    def search(
        self,
        decoder: SteppingDecoder,
        logits: Array,
        *,
        temperature: float = 0.0,
        end_token: int,
        max_new_tokens: int,
        rules: Sequence[LogitsRule] = (),
        row_rules: Sequence[Sequence[LogitsRule]] | None = None,
        guard: LoopGuard | None = None,
        words_end: int | None = None,
    ) -> list[Hypothesis]:
        """Decodes a batch of clips after the prompt.

        Args:
            decoder: Has been fed the prompt, in as many neighbouring rows a clip as `rows` says.
            logits: (rows, vocabulary) float32 after the prompt; changed in place.
            temperature: 0 is greedy or beam search; above, the best of several samples counts.
            end_token: Ends a hypothesis.
            max_new_tokens: Most tokens of a hypothesis.
            rules: See `decode`.
            row_rules: See `decode`; the same for all rows of a clip.
            guard: See `decode`.
            words_end: See `beam_search`.

        Returns:
            The best hypothesis of each clip; log-probabilities are those without hotwords.
        """
        if self.uses_beams(temperature):
            return beam_search(
                decoder.step,
                logits,
                width=self.beam_size,
                reorder=decoder.cache.reorder,
                end_token=end_token,
                max_new_tokens=max_new_tokens,
                rules=rules,
                row_rules=row_rules,
                guard=guard,
                hotwords=self.hotwords,
                length_penalty=self.length_penalty,
                words_end=words_end,
            )
        found = decode(
            decoder.step,
            logits,
            sampler=Sampler(temperature),
            end_token=end_token,
            max_new_tokens=max_new_tokens,
            rules=rules,
            row_rules=row_rules,
            guard=guard,
            bias=self.hotwords,
        )
        return _best_of(found, self.rows(temperature))


def read_decoding_options(
    options: TranscribeOptions, encode: Callable[[str], Sequence[int]]
) -> DecodingOptions:
    """Checks the options of a call that say how tokens are chosen.

    Args:
        options: Those of the call; others than these are looked over.
        encode: Token ids of a text that begins with a blank, without special tokens.

    Raises:
        OptionError: A value is not one of those allowed.
    """
    beam_size = options.get("beam_size", 1)
    if type(beam_size) is not int or not 1 <= beam_size <= WIDEST_BEAM:
        raise OptionError(f"beam_size {beam_size!r} (allowed: 1 to {WIDEST_BEAM})")
    boost = check_boost(options.get("hotword_boost", DEFAULT_BOOST), "hotword_boost")
    phrases = options.get("hotwords", ())
    if isinstance(phrases, str):
        raise OptionError(f"hotwords {phrases!r} (allowed: a sequence of phrases)")
    return DecodingOptions(
        beam_size=beam_size,
        length_penalty=_checked_penalty(options.get("length_penalty")),
        hotwords=Hotwords.build(phrases, encode, boost) if phrases else None,
    )


def _best_of(rows: Sequence[Hypothesis], samples: int) -> list[Hypothesis]:
    """Of each clip's samples the likeliest, one that does not loop if there is any."""
    return [
        max(rows[i : i + samples], key=lambda row: (not row.looped, row.avg_logprob))
        for i in range(0, len(rows), samples)
    ]


def _checked_penalty(alpha: float | None) -> float | None:
    if alpha is not None and not (math.isfinite(alpha) and 0 <= alpha <= _HIGHEST_PENALTY):
        raise OptionError(f"length_penalty {alpha} (allowed: 0 to {_HIGHEST_PENALTY:g}, or None)")
    return alpha
